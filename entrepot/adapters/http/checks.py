"""What is wrong with options of the connector `http` that are right one by one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from entrepot.adapters.http.asks import origin
from entrepot.intake.sources.fields import KeyPath, Options, Places
from entrepot.kernel.durations import parse_duration
from entrepot.kernel.errors import ProjectError


def check(options: Options, places: Places) -> list[ProjectError]:
    """Everything that cannot be said of one option alone."""
    found = [
        *_address_faults(options),
        *_auth_faults(options),
        *_pagination_faults(options),
        *_cursor_faults(options),
        *_length_faults(options),
    ]
    return [ProjectError(f"connector http: {text}", place=places(path)) for path, text in found]


_Faults = Iterator[tuple[KeyPath, str]]


def _address_faults(options: Options) -> _Faults:
    addresses: list[tuple[KeyPath, str]] = [(("url",), options["url"])]
    if (options["auth"] or {}).get("oauth2"):
        addresses.append((("auth", "oauth2", "url"), options["auth"]["oauth2"]["url"]))
    for path, address in addresses:
        try:
            origin(address)
        except (ProjectError, ValueError):
            yield path, "an address begins with http:// or https:// and names a host."
        if "?" in address or "#" in address or "@" in address.partition("//")[2].partition("/")[0]:
            yield path, "an address here has no query (write params), no # and no user (write auth)."
    if options["body"] is not None:
        if options["method"] != "POST":
            yield ("body",), "a body needs method: POST."
        try:
            if not isinstance(json.loads(options["body"]), dict):
                yield ("body",), "the body is no JSON object."
        except ValueError:
            yield ("body",), "the body is no JSON."
    if options["records"] not in (None, ".") and not all(options["records"].split(".")):
        yield ("records",), "records has keys with a point between them: data.items."


def _auth_faults(options: Options) -> _Faults:
    auth = options["auth"]
    if auth is None:
        return
    given = [name for name, value in auth.items() if value is not None]
    if len(given) != 1:
        yield ("auth",), f"auth is one of bearer, key, basic, oauth2; here are {', '.join(given) or 'none'}."
    key = auth["key"]
    if key is not None and (key["header"] is None) == (key["query"] is None):
        yield ("auth", "key"), "a key is sent in a header or in the query: name one of them."
    for path, value in _secrets(auth, ("auth",)):
        scope, _, name = value.partition("/")
        if not scope or not name or "/" in name:
            yield path, "the name of a secret is scope/key."


def _secrets(value: Any, at: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "secret" and isinstance(inner, str):
                yield (*at, name), inner
            else:
                yield from _secrets(inner, (*at, name))


def _pagination_faults(options: Options) -> _Faults:
    how = options["pagination"]
    if how is None:
        return
    at: KeyPath = ("pagination",)
    needs_from = how["kind"] in ("cursor", "link")
    if needs_from and how["from"] is None and not (options["cursor"] or {}).get("from"):
        yield at, f"kind {how['kind']} needs from: where the page names the next one, body.next."
    if not needs_from and how["from"] is not None:
        yield (*at, "from"), f"kind {how['kind']} has no from."
    if (how["size_param"] is None) != (how["size"] is None) and not (how["short_is_last"] and how["size"] is not None):
        yield at, "size and size_param belong together."
    if how["short_is_last"] and how["size"] is None:
        yield (*at, "short_is_last"), "short_is_last needs size."
    if how["pages"] is not None and how["kind"] != "page":
        yield (*at, "pages"), "pages is for kind page."
    if how["in"] == "body" and options["method"] != "POST":
        yield (*at, "in"), "in: body needs method: POST."
    for name in ("from", "more", "pages", "total"):
        if how[name] is not None and not _is_address(how[name]):
            yield (*at, name), f"{name} begins with body. or header.: body.meta.next."


def _cursor_faults(options: Options) -> _Faults:
    cursor = options["cursor"]
    if cursor is None:
        if options["batch_pages"] is not None:
            yield ("batch_pages",), "batch_pages needs cursor.from: else a batch ends where the pages end."
        return
    at: KeyPath = ("cursor",)
    if (cursor["field"] is None) == (cursor["from"] is None):
        yield at, "a cursor has either field (of the records) or from (of the answer)."
    if cursor["in"] == "body" and options["method"] != "POST":
        yield (*at, "in"), "in: body needs method: POST."
    if cursor["from"] is not None:
        if not _is_address(cursor["from"]):
            yield (*at, "from"), "from begins with body. or header.: body.next_cursor."
        if (options["pagination"] or {}).get("kind", "cursor") != "cursor":
            yield ("pagination", "kind"), "with cursor.from the pages go on by it: pagination says size and more only."
    elif options["batch_pages"] is not None:
        yield ("batch_pages",), "batch_pages needs cursor.from: else a batch ends where the pages end."
    yield from _overlap_faults(cursor)


def _overlap_faults(cursor: Any) -> _Faults:
    at, overlap = ("cursor", "overlap"), cursor["overlap"]
    if overlap is None:
        return
    if cursor["from"] is not None or cursor["type"] == "text":
        yield at, "an overlap needs a field of type instant or integer."
    elif cursor["type"] == "integer":
        if not str(overlap).isdigit():
            yield at, "an overlap of whole numbers is one."
    else:
        yield from _length_fault(at, str(overlap))


def _length_faults(options: Options) -> _Faults:
    for path in (("timeout",), ("keep_raw",), ("retry", "wait"), ("retry", "longest"), ("retry", "longest_asked")):
        value: Any = options
        for step in path:
            value = value[step]
        yield from _length_fault(path, value)
        if path == ("timeout",) and not any(_length_fault(path, value)) and not parse_duration(value):
            yield path, "a timeout is longer than nothing."


def _length_fault(path: KeyPath, text: str) -> _Faults:
    try:
        parse_duration(text)
    except ValueError as error:
        yield path, f"{error}."


def _is_address(text: str) -> bool:
    where, _, name = text.partition(".")
    return where in ("body", "header") and bool(name) and all(name.split("."))
