"""The connector `http` passes the conformance suites, with each way of paging and each way of going on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from entrepot.connectors import ConnectorSpec, ReaderContext, build_reader, load_connector
from entrepot.kernel.positions import Position
from entrepot.ports.reader import Reader
from entrepot.ports.secrets import Secret
from entrepot.testing.clock import FakeClock
from entrepot.testing.sources import ConnectorConformance, Row, SourceConformance, TypedRow
from tests.adapters.http.api import Api, serve
from tests.adapters.http.feed import Feed

SECRET = "k3y-that-nobody-sees"


def reveal(scope: str, key: str) -> Secret:
    """The one secret."""
    return Secret(f"{scope}/{key}", SECRET)


class ApiUnderTest:
    """`entrepot.testing.sources.SourceUnderTest` over a server in this process."""

    large_rows = 40_000
    secrets: Sequence[str] = (SECRET,)

    def __init__(
        self, root: Path, api: Api, feed: Feed, options: Mapping[str, Any], gaps: Mapping[str, str] | None = None
    ) -> None:
        self.root = root
        self.gaps: Mapping[str, str] = gaps or {}
        self.options = dict(
            options, url=api.url + options["url"], auth={"key": {"query": "key", "value": {"secret": "shop/key"}}}
        )
        self.feed = feed
        self._is_wide = False

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "feed": None}

    def put(self, rows: Sequence[Row]) -> None:
        """More records."""
        extra = [{"extra": f"extra {row.id}"} if self._is_wide else {} for row in rows]
        self.feed.put(*({"id": row.id, "text": row.text, **more} for row, more in zip(rows, extra, strict=True)))

    def put_typed(self, rows: Sequence[TypedRow]) -> None:
        """JSON has no such types: programs write texts."""
        self.feed.put(
            *({"id": r.id, "amount": str(r.amount), "at": r.at.isoformat(), "day": r.day.isoformat()} for r in rows)
        )

    def widen(self) -> None:
        """From now on with another key."""
        self._is_wide = True

    def disturb(self, position: Position) -> None:
        """The server changes its mind."""
        for record in self.feed.records:
            record["text"] = "changed"

    def build(self) -> Reader:
        """A reader with folder, clock and the one secret."""
        context = ReaderContext(flow="orders", root=self.root, clock=FakeClock(), secret=reveal)
        return build_reader("http", self.options, context)


class TestSpec(ConnectorConformance):
    """What the connector says about itself."""

    @pytest.fixture
    def spec(self) -> ConnectorSpec:
        """The spec."""
        return load_connector("http")


BY_VALUE = {"field": "seq", "param": "since", "type": "integer"}
BY_TOKEN = {"from": "body.next", "param": "cursor"}
SIZES = {"size_param": "size", "size": 3_000}


class OverHttp(SourceConformance):
    """Any of the ways."""

    options: ClassVar[Mapping[str, Any]]
    __test__ = False

    @pytest.fixture
    def source(self, tmp_path: Path) -> Iterator[ApiUnderTest]:
        """A server that has nothing yet."""
        feed = Feed()
        with serve(feed.answer) as api:
            feed.base = api.url
            yield ApiUnderTest(tmp_path, api, feed, self.options)


class TestOnePage(OverHttp):
    """All in one answer, from a value on."""

    __test__ = True
    options: ClassVar[Mapping[str, Any]] = {"url": "/all", "cursor": BY_VALUE}


@pytest.mark.slow
class TestPages(OverHttp):
    """Numbered pages until an empty one, with an overlap."""

    __test__ = True
    options: ClassVar[Mapping[str, Any]] = {
        "url": "/page", "records": "items", "pagination": {"kind": "page", **SIZES}, "cursor": {**BY_VALUE, "overlap": 5},
    }  # fmt: skip


@pytest.mark.slow
class TestOffsets(OverHttp):
    """Offsets up to a total."""

    __test__ = True
    options: ClassVar[Mapping[str, Any]] = {
        "url": "/offset", "records": "items", "pagination": {"kind": "offset", "total": "body.total", **SIZES}, "cursor": BY_VALUE,
    }  # fmt: skip


@pytest.mark.slow
class TestCursorPages(OverHttp):
    """A word of the page before."""

    __test__ = True
    options: ClassVar[Mapping[str, Any]] = {
        "url": "/cursor", "records": "data.items",
        "pagination": {"kind": "cursor", "param": "at", "from": "body.meta.next", **SIZES}, "cursor": BY_VALUE,
    }  # fmt: skip


@pytest.mark.slow
class TestLinks(OverHttp):
    """The next address in the body."""

    __test__ = True
    options: ClassVar[Mapping[str, Any]] = {
        "url": "/link",
        "records": "items",
        "pagination": {"kind": "link", "from": "body.next", **SIZES},
        "cursor": BY_VALUE,
    }


@pytest.mark.slow
class TestLinkHeaders(OverHttp):
    """The next address in the header."""

    __test__ = True
    options: ClassVar[Mapping[str, Any]] = {
        "url": "/header",
        "pagination": {"kind": "link_header", **SIZES},
        "cursor": BY_VALUE,
    }


@pytest.mark.slow
class TestStream(OverHttp):
    """A stream that goes on where the server says."""

    __test__ = True
    options: ClassVar[Mapping[str, Any]] = {
        "url": "/stream",
        "records": "items",
        "cursor": BY_TOKEN,
        "params": {"size": "3000"},
    }
