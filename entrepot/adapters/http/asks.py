"""A request as a value, and its answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from entrepot.kernel.errors import ProjectError

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. Whatever is secret is put on later, by the one who sends it."""

    method: str
    url: str
    """Without query."""
    params: Pairs = ()
    headers: Pairs = ()
    body: str | None = None
    is_recorded: bool = True
    """False: neither it nor its answer may be written down."""

    def with_value(self, sent_in: str, name: str, value: str) -> Ask:
        """The same with one more value, in place of an earlier one of that name: in the query, a header, or at a dotted path of the JSON body."""
        if sent_in == "query":
            return replace(self, params=_put(self.params, name, value))
        if sent_in == "header":
            return replace(self, headers=_put(self.headers, name, value))
        document = json.loads(self.body or "{}")
        _put_into(document, name.split("."), value)
        return replace(self, body=json.dumps(document, ensure_ascii=False))

    def at(self, address: str) -> Ask:
        """The same at another address, whose query replaces the own one."""
        parts = urlsplit(address)
        params = tuple(parse_qsl(parts.query, keep_blank_values=True))
        return replace(self, url=urlunsplit((parts.scheme, parts.netloc, parts.path, "", "")), params=params)

    @property
    def full_url(self) -> str:
        """With the query."""
        separator = "&" if "?" in self.url else "?"
        return self.url + (separator + urlencode(self.params) if self.params else "")

    @property
    def where(self) -> str:
        """For errors: without query, which may hold values."""
        return f"{self.method} {self.url}"

    @property
    def identity(self) -> str:
        """Two requests of one identity ask for the same."""
        return "\n".join((self.method, self.full_url, urlencode(self.headers), self.body or ""))


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, unpacked."""

    status: int
    headers: Pairs
    """Names in lower case."""
    body: bytes = field(repr=False)
    url: str = ""
    """Where it came from: after redirects, without query."""

    def header(self, name: str) -> str | None:
        """The first header of that name, whatever its case."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key == wanted), None)


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port. Raises: ProjectError when it is no address of the web."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ("http", "https") or not parts.hostname or port == -1:
        raise ProjectError("an address must begin with http:// or https:// and name a host.")
    return parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80)


def find_at(document: Any, path: tuple[str, ...]) -> tuple[bool, Any]:
    """Is there something at a path of keys (or places in lists), and what."""
    for step in path:
        if isinstance(document, Mapping) and step in document:
            document = document[step]
        elif isinstance(document, list) and step.isdigit() and int(step) < len(document):
            document = document[int(step)]
        else:
            return False, None
    return True, document


def _put(pairs: Pairs, name: str, value: str) -> Pairs:
    return (*(pair for pair in pairs if pair[0] != name), (name, value))


def _put_into(document: Any, path: list[str], value: str) -> None:
    for step in path[:-1]:
        document = document.setdefault(step, {})
    # numbers of pages and sizes are numbers in a body
    document[path[-1]] = int(value) if value.isascii() and value.isdigit() and len(value) < 16 else value
