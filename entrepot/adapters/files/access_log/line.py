r"""One line of a web server's access log, taken apart.

Combined: `host ident user [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 512 "referer" "agent"`; common ends after the bytes.

Source: https://httpd.apache.org/docs/2.4/mod/mod_log_config.html: within quotes `"` and `\` are written as `\"` and `\\`, control characters
as `\n`, `\t`, …, other bytes as `\xhh`; `-` stands for nothing.
"""

from __future__ import annotations

import re
from functools import lru_cache

COLUMNS = (
    "host", "ident", "user", "time", "request", "method", "path", "protocol", "status", "bytes", "referer", "agent",
)  # fmt: skip
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_COMMON = (
    rf"(\S+) (\S+) (\S.*?) \[(\d\d/(?:{'|'.join(_MONTHS)})/\d{{4}}:\d\d:\d\d:\d\d [+-]\d{{4}})\] "
    rf"{_QUOTED} (\d{{3}}|-) (\d+|-)"
)
_LAYOUTS = {
    "common": re.compile(_COMMON, re.ASCII),
    "combined": re.compile(rf"{_COMMON} {_QUOTED} {_QUOTED}", re.ASCII),
}
_REQUEST = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S.*?)(?: (HTTP/\d+(?:\.\d+)?))?")
_ESCAPED = re.compile(r"((?:\\x[0-9a-fA-F]{2})+)|\\(.)")
_LONGEST = 1 << 17
"""Servers take requests of some thousand bytes; patterns on lines of megabytes would take their time."""
_CONTROLS = {"b": "\b", "n": "\n", "r": "\r", "t": "\t", "v": "\v", '"': '"', "\\": "\\"}

Values = tuple[str | None, ...]


def read_line(line: str, layout: str, *, unescape: bool) -> Values | None:
    """The values of `COLUMNS`; None when the line is not written in this layout."""
    found = _LAYOUTS[layout].fullmatch(line) if len(line) <= _LONGEST else None
    if found is None:
        return None
    host, ident, user, time, request, status, size, *rest = (
        None if value == "-" else value for value in found.groups()
    )
    referer, agent = rest or (None, None)
    if unescape and "\\" in line:
        request, referer, agent = (value and unescape_value(value) for value in (request, referer, agent))
    return (host, ident, user, _iso(str(time)), request, *_split_request(request), status, size, referer, agent)


def unescape_value(text: str) -> str:
    """What was sent; the text as it is logged where that is no text (bytes that are not UTF-8, NUL)."""
    try:
        return _ESCAPED.sub(_sent, text)
    except ValueError:
        return text


def _sent(found: re.Match[str]) -> str:
    if found[1]:
        sent = bytes.fromhex(found[1].replace("\\x", "")).decode()
        if "\0" in sent:
            raise ValueError("NUL")
        return sent
    return _CONTROLS.get(found[2], found[0])


def _split_request(request: str | None) -> Values:
    """Method, path and protocol; nulls where the request is none, as scanners and TLS at the wrong door leave it."""
    found = _REQUEST.fullmatch(request or "")
    return found.groups() if found else (None, None, None)


@lru_cache(maxsize=4096)
def _iso(time: str) -> str:
    """`17/May/2015:10:05:03 +0000` as `2015-05-17T10:05:03+00:00`."""
    month = _MONTHS.index(time[3:6]) + 1
    return f"{time[7:11]}-{month:02}-{time[:2]}T{time[12:20]}{time[21:24]}:{time[24:26]}"
