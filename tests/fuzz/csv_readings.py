"""The CSV reader held against Python's own `csv` module: what it accepts, it must read the same. `targets.Wrong` says where not."""

from __future__ import annotations

import csv
import gzip
import io
import re
from pathlib import Path
from typing import Any

from tests.fuzz import targets
from tests.fuzz.texts import decode

CSV_DIALECTS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"delimiter": ","},
    {"delimiter": ";"},
    {"delimiter": "\t"},
    {"delimiter": "|", "quote": "'"},
    {"delimiter": ",", "quote": ""},
    {"delimiter": ",", "escape": "\\"},
    {"skip_lines": 1, "comment": "#"},
    {"delimiter": ",", "header": False, "columns": ("x", "y")},
    {"encoding": "cp1252"},
    {"null_words": ("NULL", "#"), "skip_last": 1, "skip_starting": ("Total",)},
    {"trailing_delimiter": True},
    {"decimal": ",", "thousands": "."},
)
_SEPARATOR_LINE = re.compile(r"\Asep=.(?:\r\n|\n|\r)", re.IGNORECASE)
"""What Excel writes before the header."""
_NOT_PYTHONS = ("null_words", "skip_last", "skip_starting", "trailing_delimiter", "escape", "skip_lines", "comment")
"""What Python's module does otherwise, or not at all."""
_SIGNS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}


def check_csv(path: Path, reader: Any, chosen: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """Compare record by record. Raises: targets.Wrong."""
    if any(name in chosen for name in _NOT_PYTHONS):
        return
    sniffed = reader.sniff(path, path.name)
    said = sniffed.facts["delimiter"].split(" (")[0]
    records = python_records(
        _text(path.read_bytes(), chosen), chosen.get("delimiter") or _SIGNS[said], chosen.get("quote", '"')
    )
    columns, width = tuple(sniffed.columns), len(sniffed.columns)
    if "columns" not in chosen:
        header = [_one_line_end(value).strip() for value in records.pop(0)]
        width = len(header)
        # Columns at the end that have neither name nor values are left out.
        if header[: len(columns)] != [_one_line_end(name) for name in columns] or any(header[len(columns) :]):
            raise targets.Wrong(f"another header, options {sorted(chosen)}", f"{columns!r}, not {header!r}")
    if len(records) != len(rows):
        raise targets.Wrong(f"another number of records, options {sorted(chosen)}", f"{len(rows)}, not {len(records)}")
    for number, (wanted, row) in enumerate(zip(records, rows, strict=True), 1):
        _compare(number, wanted, row, columns, width)


def python_records(text: str, delimiter: str, quote: str) -> list[list[str]]:
    """The records that are not empty lines."""
    csv.field_size_limit(1 << 30)
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
    )
    return [record for record in reader if record]


def _compare(number: int, wanted: list[str], row: dict[str, Any], columns: tuple[str, ...], width: int) -> None:
    fits = len(wanted) == width and not any(wanted[len(columns) :])
    if fits != (row["_faults"] is None) and width == len(columns):
        came = f"record {number} has {len(wanted)} values for {width} columns, faults {row['_faults']!r}"
        raise targets.Wrong("a record's width", came)
    if row["_faults"] is None and (any(wanted[len(columns) :]) or _texts(row, columns) != wanted[: len(columns)]):
        raise targets.Wrong("another value", f"record {number} is {_texts(row, columns)!r}, not {wanted!r}")


def _texts(row: dict[str, Any], columns: tuple[str, ...]) -> list[str]:
    return [row[name] or "" for name in columns]


def _one_line_end(text: str) -> str:
    """Names of columns have line ends of one kind."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _text(data: bytes, chosen: dict[str, Any]) -> str:
    return _SEPARATOR_LINE.sub("", _decode(data, chosen))


def _decode(data: bytes, chosen: dict[str, Any]) -> str:
    return decode(gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data, chosen.get("encoding", "utf-8"))
