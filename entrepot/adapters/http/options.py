"""What a source with an HTTP API says about it, as values."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from entrepot.intake.json_rows.options import Explode, Flatten, JsonOptions
from entrepot.intake.sources.fields import Options
from entrepot.kernel.durations import parse_duration

CASSETTES = "ENTREPOT_CASSETTES"
"""The environment variable `record:FOLDER` or `replay:FOLDER`: every source has a folder of its name in it."""


@dataclass(frozen=True, slots=True)
class SecretName:
    """Where a secret lies; never the secret."""

    scope: str
    key: str


@dataclass(frozen=True, slots=True)
class Key:
    """A key in a header or in the query."""

    value: SecretName
    header: str | None
    query: str | None
    prefix: str


@dataclass(frozen=True, slots=True)
class Basic:
    """User and password."""

    user: str
    password: SecretName


@dataclass(frozen=True, slots=True)
class OAuth2:
    """Client credentials: a token that is asked for with them, and anew before it ends."""

    url: str
    client: str
    client_secret: SecretName
    scope: str | None
    audience: str | None
    sent_in: str


Auth = Key | Basic | OAuth2


@dataclass(frozen=True, slots=True)
class Pagination:
    """How the next page is asked for."""

    kind: str = "none"
    param: str = ""
    sent_in: str = "query"
    first: int = 1
    size_param: str | None = None
    size: int | None = None
    next_from: str | None = None
    more: str | None = None
    pages: str | None = None
    total: str | None = None
    short_is_last: bool = False


@dataclass(frozen=True, slots=True)
class ByValue:
    """Each fetch asks for what is not older than the greatest value seen so far."""

    field: str
    param: str
    sent_in: str
    type: str
    start: str | None
    overlap: str | None
    takes_older: bool


@dataclass(frozen=True, slots=True)
class ByToken:
    """Each fetch goes on where the server says that the last one ended."""

    next_from: str
    param: str
    sent_in: str
    start: str | None


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long is waited before a request is given up."""

    attempts: int = 5
    first_s: float = 1.0
    most_s: float = 60.0
    longest_asked_s: float = 300.0
    """A `Retry-After` beyond this ends the run instead."""
    timeout_s: float = 30.0
    per_second: float | None = None


@dataclass(frozen=True, slots=True)
class Cassette:
    """A folder in which requests and their answers are recorded, or from which they are played."""

    folder: Path
    records: bool


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """One API, and how it is asked."""

    url: str
    method: str
    params: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    body: str | None
    is_repeatable: bool
    records: tuple[str, ...]
    auth: Auth | None
    pagination: Pagination
    cursor: ByValue | ByToken | None
    json: JsonOptions
    patience: Patience
    max_pages: int
    batch_pages: int | None
    page_bytes: int
    keep_raw: timedelta
    takes_empty: bool
    cassette: Cassette | None = field(default=None)


def read_http_options(options: Options, root: Path, flow: str) -> HttpOptions:
    """The options, once they have been checked."""
    flatten, explode, rate = options["flatten"], options["explode"], options["per_second"]
    retry = options["retry"]
    patience = Patience(
        retry["attempts"], seconds(retry["wait"]), seconds(retry["longest"]), seconds(retry["longest_asked"]),
        seconds(options["timeout"]), rate,
    )  # fmt: skip
    return HttpOptions(
        url=options["url"],
        method=options["method"],
        params=tuple((options["params"] or {}).items()),
        headers=tuple((options["headers"] or {}).items()),
        body=options["body"],
        is_repeatable=options["method"] == "GET" or options["repeatable"],
        records=() if options["records"] in (None, ".") else tuple(options["records"].split(".")),
        auth=_auth(options["auth"]),
        pagination=_pagination(options["pagination"]),
        cursor=_cursor(options["cursor"]),
        json=JsonOptions(
            flatten=Flatten(**flatten) if flatten is not None else None,
            explode=Explode(**explode) if explode is not None else None,
        ),
        patience=patience,
        max_pages=options["max_pages"],
        batch_pages=options["batch_pages"],
        page_bytes=int(options["max_page_mb"] * 1_000_000),
        keep_raw=parse_duration(options["keep_raw"]),
        takes_empty=options["takes_empty"],
        cassette=_cassette(options["cassette"], root, flow),
    )


def seconds(text: str) -> float:
    """A length of time in seconds."""
    return parse_duration(text).total_seconds()


def _secret(value: Any) -> SecretName:
    scope, _, key = value["secret"].partition("/")
    return SecretName(scope, key)


def _auth(value: Any) -> Auth | None:
    if value is None:
        return None
    if value["bearer"] is not None:
        return Key(_secret(value["bearer"]), "Authorization", None, "Bearer ")
    if (key := value["key"]) is not None:
        return Key(_secret(key["value"]), key["header"], key["query"], key["prefix"])
    if (basic := value["basic"]) is not None:
        return Basic(basic["user"], _secret(basic["password"]))
    one = value["oauth2"]
    return OAuth2(one["url"], one["client"], _secret(one["client_secret"]), one["scope"], one["audience"], one["in"])


def _pagination(value: Any) -> Pagination:
    if value is None:
        return Pagination()
    kind = value["kind"]
    usual = {"page": "page", "offset": "offset", "cursor": "cursor"}.get(kind, "")
    first = value["first"]
    return Pagination(
        kind=kind,
        param=value["param"] or usual,
        sent_in=value["in"],
        first=first if first is not None else int(kind == "page"),
        size_param=value["size_param"],
        size=value["size"],
        next_from=value["from"],
        more=value["more"],
        pages=value["pages"],
        total=value["total"],
        short_is_last=value["short_is_last"],
    )


def _cursor(value: Any) -> ByValue | ByToken | None:
    if value is None:
        return None
    start = None if value["start"] is None else str(value["start"])
    if value["from"] is not None:
        return ByToken(value["from"], value["param"], value["in"], start)
    overlap = None if value["overlap"] is None else str(value["overlap"])
    takes_older = value["older"] == "take"
    return ByValue(value["field"], value["param"], value["in"], value["type"], start, overlap, takes_older)


def _cassette(value: Any, root: Path, flow: str) -> Cassette | None:
    """The environment goes before the option, so that a test may replay what a project reaches live."""
    mode, _, folder = os.environ.get(CASSETTES, "").partition(":")
    if mode in ("record", "replay") and folder:
        return Cassette(Path(folder) / flow, mode == "record")
    if value is None:
        return None
    return Cassette(root / value["folder"], value["mode"] == "record")
