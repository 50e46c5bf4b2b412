"""Pages lead to the end, and never in a circle, past the end, or to a silent half."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from entrepot.adapters.http.sender import Pace, read_retry_after
from entrepot.connectors import check_options, load_connector
from entrepot.kernel.errors import DataError
from entrepot.testing.clock import START, FakeClock
from entrepot.testing.sources import claim_next
from tests.adapters.http.api import Api, Asked, Reply, in_turn, json_reply, serve
from tests.adapters.http.reading import Source, ids, rows_at


def rows(first: int, count: int) -> list[dict[str, int]]:
    """Records."""
    return [{"id": number} for number in range(first, first + count)]


def source_of(api: Api, root: Path, **options: Any) -> Source:
    """A source of pages."""
    return Source(root, {"url": api.url, **options})


def test_a_short_page_is_not_the_end(tmp_path: Path) -> None:
    """A server that gives 10 where 100 were asked for: all pages are taken, until an empty one; only `short_is_last` believes otherwise."""

    def answer(asked: Asked) -> Reply:
        start = int(asked.query["offset"])
        return json_reply(rows(start + 1, min(10, 35 - start)) if start < 35 else [])

    pagination = {"kind": "offset", "size_param": "limit", "size": 100}
    with serve(answer) as api:
        assert ids(source_of(api, tmp_path / "a", pagination=pagination).take()[1]) == list(range(1, 36))
        assert api.asked[0].query == {"offset": "0", "limit": "100"}
        believing = {**pagination, "short_is_last": True}
        assert ids(source_of(api, tmp_path / "b", pagination=believing).take()[1]) == list(range(1, 11))


def test_a_server_that_ignores_the_page(tmp_path: Path) -> None:
    """The same records as page 2: the parameter is not known there; they are not taken again and again."""
    with serve(in_turn(json_reply(rows(1, 10)))) as api:
        with pytest.raises(DataError, match="page 2 holds the same records as the page before"):
            source_of(api, tmp_path, pagination={"kind": "page"}).build().find_next(None)


def test_a_circle_is_seen(tmp_path: Path) -> None:
    """A next word that was there before ends in an error."""
    circle = in_turn(*(json_reply({"items": rows(n, 1), "next": "abc"[n % 3]}) for n in range(9)))
    with serve(circle) as api:
        with pytest.raises(DataError, match="the server leads in a circle"):
            source_of(
                api, tmp_path, records="items", pagination={"kind": "cursor", "from": "body.next"}
            ).build().find_next(None)


def test_a_server_without_end(tmp_path: Path) -> None:
    """More pages than allowed are an error, and nothing is kept of them."""
    with serve(lambda asked: json_reply(rows(int(asked.query["page"]) * 10, 10))) as api:
        source = source_of(api, tmp_path, pagination={"kind": "page"}, max_pages=5)
        with pytest.raises(DataError, match="there are more than 5 pages"):
            source.build().find_next(None)
        assert len(api.asked) == 5 and list(source.landing.iterdir()) == []


def test_a_misnamed_word_is_noted(tmp_path: Path) -> None:
    """Where the first page has no word for the next one people are told that it was taken as the last one; a missing `more` or total is an error."""
    with serve(in_turn(json_reply({"items": rows(1, 2), "next_token": "x"}))) as api:
        source = source_of(api, tmp_path, records="items", pagination={"kind": "cursor", "from": "body.next"})
        reader = source.build()
        (part,) = reader.read(claim_next(reader, None))
        assert part.notes == ("the first page has no body.next: it was taken as the last one",)
        for name in ("more", "total", "pages"):
            pagination = {"kind": "page", name: "body.meta.x"}
            with pytest.raises(
                DataError, match=rf"page 1 has no body\.meta\.x; found: items, next_token\. .*pagination\.{name}"
            ):
                source.build(pagination=pagination).find_next(None)


@pytest.mark.parametrize(
    ("pagination", "pages"),
    [
        ({"kind": "page", "pages": "body.pages"}, [{"items": rows(1, 2), "pages": 2}, {"items": rows(3, 2), "pages": 2}]),
        ({"kind": "page", "first": 0, "pages": "body.pages"}, [{"items": rows(1, 2), "pages": 2}, {"items": rows(3, 2), "pages": 2}]),
        ({"kind": "offset", "total": "body.n"}, [{"items": rows(1, 2), "n": "4"}, {"items": rows(3, 2), "n": "4"}]),
        ({"kind": "page", "more": "body.more"}, [{"items": rows(1, 4), "more": False}]),
        ({"kind": "cursor", "from": "body.c", "more": "body.more"}, [{"items": rows(1, 2), "more": True, "c": 7}, {"items": rows(3, 2), "more": False, "c": 7}]),
        ({"kind": "cursor", "from": "body.c"}, [{"items": rows(1, 2), "c": "x"}, {"items": [], "c": "y"}, {"items": rows(3, 2), "c": ""}]),
    ],
)  # fmt: skip
def test_ends(tmp_path: Path, pagination: dict[str, Any], pages: list[dict[str, Any]]) -> None:
    """Each way of saying the end is understood; no request follows."""
    with serve(in_turn(*map(json_reply, pages))) as api:
        assert ids(source_of(api, tmp_path, records="items", pagination=pagination).take()[1]) == [1, 2, 3, 4]
        assert len(api.asked) == len(pages)


def test_words_in_headers_and_bodies(tmp_path: Path) -> None:
    """The word for the next page may come in a header and go into a header; a POST carries it at a path of its body."""
    first = json_reply(rows(1, 2), X_Next="n2")
    with serve(in_turn(first, json_reply(rows(3, 2)))) as api:
        pagination = {"kind": "cursor", "in": "header", "param": "X-Page", "from": "header.X-Next"}
        assert ids(source_of(api, tmp_path / "a", pagination=pagination).take()[1]) == [1, 2, 3, 4]
        assert api.asked[1].headers["x-page"] == "n2"
    with serve(
        in_turn(json_reply({"d": {"i": rows(1, 2), "c": "n2"}}), json_reply({"d": {"i": rows(3, 2), "c": None}}))
    ) as api:
        source = source_of(
            api, tmp_path / "b", method="POST", body='{"query": "q", "variables": {"size": 2}}', repeatable=True, records="d.i",
            pagination={"kind": "cursor", "in": "body", "param": "variables.after", "from": "body.d.c"},
        )  # fmt: skip
        assert ids(source.take()[1]) == [1, 2, 3, 4]
        assert api.asked[1].body == '{"query": "q", "variables": {"size": 2, "after": "n2"}}'


def test_links_of_rfc_8288(tmp_path: Path) -> None:
    """rel=next is found among other links, quoted or not, with other parameters, relative or not."""
    forms = (
        '</o?p=1>; rel="prev", </o?p=3>; title="a, b"; rel="next last"',
        "</o?p=3>; rel=next",
        '<o?p=3>;rel="next"; type="x"',
        '</o?p=9>; rel="nextish", </o?p=3>; REL="NEXT"',
    )
    for number, form in enumerate(forms):
        with serve(in_turn(json_reply(rows(1, 2), Link=form), json_reply(rows(3, 2), Link='</o>; rel="first"'))) as api:
            source = source_of(api, tmp_path / str(number), pagination={"kind": "link_header"})
            assert ids(source.take()[1]) == [1, 2, 3, 4], form
            assert api.asked[1].query == {"p": "3"}


def test_many_pages_are_many_parts(tmp_path: Path) -> None:
    """Each page is a place of its own, with the columns of all pages."""
    with serve(in_turn(json_reply([{"id": 1, "a": 1}]), json_reply([{"id": 2, "b": 1}]), json_reply([]))) as api:
        source = source_of(api, tmp_path, pagination={"kind": "page"})
        reader = source.build()
        position = claim_next(reader, None)
        parts = reader.read(position)
        assert [part.place.rpartition("/")[2] for part in parts] == ["page-000001.json", "page-000002.json"]
        assert [(row["a"], row["b"]) for row in rows_at(reader, position)] == [("1", None), (None, "1")]


def test_rate_is_kept() -> None:
    """No more than so many a second, by time that does not jump; what was not used is not saved up."""
    now = [0.0]
    clock = FakeClock()
    pace = Pace(4, lambda: now[0])
    waits = []
    for at in (0.0, 0.0, 0.1, 5.0, 5.0):
        now[0] = max(now[0], at)
        before = clock.now()
        pace.wait(clock)
        waits.append(round((clock.now() - before).total_seconds(), 3))
        now[0] += waits[-1]
    assert waits == [0.0, 0.25, 0.25, 0.0, 0.25]


def test_rate_over_real_time(tmp_path: Path) -> None:
    """Six requests at 20 a second take a quarter of a second."""
    from entrepot.app.clock import SystemClock

    with serve(
        lambda asked: json_reply(rows(int(asked.query["page"]), 1) if int(asked.query["page"]) < 6 else [])
    ) as api:
        source = source_of(api, tmp_path, pagination={"kind": "page"}, per_second=20)
        source.clock = SystemClock()  # type: ignore[assignment]
        began = time.monotonic()
        source.take()
        assert len(api.asked) == 6 and time.monotonic() - began >= 0.25


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("Thu, 01 Jan 2026 12:01:00 GMT", 60.0),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-3", None),
        (None, None),
        ("9" * 40, 999_999_999_999.0),
    ],
)  # fmt: skip
def test_retry_after_is_read(text: str | None, seconds: float | None) -> None:
    """Seconds or a date; anything else says nothing."""
    assert read_retry_after(text, START) == seconds


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"url": "shop.example/a"}, "begins with http:// or https://"),
        ({"url": "https://u:p@shop.example/a"}, "no user"),
        ({"url": "https://shop.example/a?b=1"}, "no query"),
        ({"body": "{}"}, "needs method: POST"),
        ({"method": "POST", "body": "[1]"}, "no JSON object"),
        ({"records": "a..b"}, "keys with a point"),
        ({"pagination": {"kind": "cursor"}}, "kind cursor needs from"),
        ({"pagination": {"kind": "page", "from": "body.x"}}, "has no from"),
        ({"pagination": {"kind": "cursor", "from": "next"}}, "begins with body. or header."),
        ({"pagination": {"kind": "page", "size": 3}}, "belong together"),
        ({"cursor": {"param": "since"}}, "either field"),
        ({"cursor": {"param": "since", "field": "x", "overlap": "10 years"}}, "no length of time"),
        ({"cursor": {"param": "since", "field": "x", "type": "text", "overlap": "1d"}}, "type instant or integer"),
        ({"batch_pages": 3}, "needs cursor.from"),
        ({"timeout": "0s"}, "longer than nothing"),
        ({"retry": {"wait": "a while"}}, "no length of time"),
    ],
)
def test_wrong_options_are_found_without_running(options: dict[str, Any], words: str) -> None:
    """What cannot be is found by `entrepot check`."""
    _, errors = check_options(load_connector("http"), {"url": "https://shop.example/a", **options})
    assert words in "\n".join(map(str, errors))
