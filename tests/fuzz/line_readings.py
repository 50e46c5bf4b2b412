"""Readers of lines: each line that is not empty is one record, with the line's number; values are what stands in their places."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.fuzz import targets
from tests.fuzz.texts import decode

_COLUMNS = [{"name": "a", "start": 1, "width": 4}, {"name": "b", "start": 5, "width": 6}]
FIXED_WIDTH_DIALECTS: tuple[dict[str, Any], ...] = (
    {"columns": _COLUMNS},
    {"columns": _COLUMNS},
    {"columns": _COLUMNS, "pad": True, "length": 12},
    {"columns": [{**_COLUMNS[0], "trim": "none"}, {**_COLUMNS[1], "decimals": 2}], "header": "H"},
    {"columns": _COLUMNS, "trailer": {"prefix": "T", "start": 2, "width": 3}, "skip_lines": 1},
    {"columns": _COLUMNS, "encoding": "cp1252"},
)
ACCESS_LOG_DIALECTS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"layout": "common"},
    {"unescape": False},
    {"encoding": "latin-1"},
)
FIXED_WIDTH = (
    b"1001Anna  \n1002Ben   \n", b"1001Anna  \r\n\r\n1002B\xc3\xa9n   \r\n", b"Hhead\n1001Anna  \n1002Ben   \nT002\n",
    b"headline\n1001    12\nT001\n", b"1001Anna\n1002Benjamin the long one\n",
)  # fmt: skip
ACCESS_LOGS = (
    b'1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET /a?b=c HTTP/1.1" 200 203023 "http://x/" "Mozilla/5.0 (\\"x\\")"\n',
    b'host - frank [17/May/2015:10:05:03 -0700] "\\x16\\x03\\x01" 400 - "-" "-"\n\n::1 - - [01/Jan/2026:00:00:00 +0530] "-" 408 0\n',
)
FIELDS = (
    b"-",
    b'"',
    b'\\"',
    b"[",
    b"]",
    b"[31/Feb/2015:10:05:03 +0000]",
    b"[17/May/2015:25:61:61 +9999]",
    b"\\x",
    b"\\xff",
    b" ",
    b"    ",
    b"T",
    b"H",
)


def check_fixed_width(path: Path, reader: Any, chosen: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """Compare with slices of the lines. Raises: targets.Wrong."""
    if chosen.keys() != {"columns"}:
        return
    lines = _check_numbers(path, rows)
    for row in rows:
        wanted = [lines[row["_record"]][begin:end].strip(" ") for begin, end in ((0, 4), (4, 10))]
        if row["_faults"] is None and [row["a"] or "", row["b"] or ""] != wanted:
            raise targets.Wrong("another value", f"{row!r}, not {wanted!r}")


def check_access_log(path: Path, reader: Any, chosen: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """Compare the numbers, and the host where a line was taken. Raises: targets.Wrong."""
    if chosen:
        return
    lines = _check_numbers(path, rows)
    for row in rows:
        if row["_faults"] is None and (row["host"] or "-") != lines[row["_record"]].split(" ")[0]:
            raise targets.Wrong("another host", f"{row['host']!r} in {lines[row['_record']]!r}")


def _check_numbers(path: Path, rows: list[dict[str, Any]]) -> dict[int, str]:
    text = decode(path.read_bytes(), errors="replace").removesuffix("\r")
    lines = {number: line for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1) if line}
    if [row["_record"] for row in rows] != list(lines):
        raise targets.Wrong("other records", f"lines {[row['_record'] for row in rows]}, not {list(lines)}")
    return lines
