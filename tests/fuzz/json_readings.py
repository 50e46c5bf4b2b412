"""The JSON readers held against Python's own `json` module: what they accept must be JSON, and be read the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.fuzz import targets
from tests.fuzz.texts import decode

JSON_DIALECTS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {},
    {"rows": "rows"},
    {"flatten": {}},
    {"flatten": {"depth": 2, "separator": "."}},
    {"explode": {"key": "b"}},
    {"explode": {"key": "a", "prefix": "x_", "keep_empty": True}, "flatten": {}},
    {"strict_types": True},
    {"value_column": "value"},
    {"encoding": "latin-1"},
)
NDJSON_DIALECTS = tuple(chosen for chosen in JSON_DIALECTS if "rows" not in chosen)


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


def check_json(path: Path, reader: Any, chosen: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """Compare a document of records. Raises: targets.Wrong."""
    if chosen:
        return
    try:
        document = _load(decode(path.read_bytes()))
    except (ValueError, RecursionError) as error:
        raise targets.Wrong("accepted what is no JSON", str(error)) from error
    records = document if isinstance(document, list) else [document]
    if len(records) != len(rows):
        raise targets.Wrong("another number of records", f"{len(rows)}, not {len(records)}")
    for record, row in zip(records, rows, strict=True):
        _compare(record, row)


def check_ndjson(path: Path, reader: Any, chosen: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """Compare line by line. Raises: targets.Wrong."""
    if chosen:
        return
    lines = decode(path.read_bytes(), errors="replace").replace("\r\n", "\n").split("\n")
    wanted = {number: line for number, line in enumerate(lines, 1) if line.strip(" \t\r")}
    if list(wanted) != [row["_record"] for row in rows]:
        raise targets.Wrong("other records", f"lines {[row['_record'] for row in rows]}, not {list(wanted)}")
    for row in rows:
        if row["_faults"] is None:
            try:
                record = _load(wanted[row["_record"]])
            except (ValueError, RecursionError) as error:
                raise targets.Wrong(
                    "accepted a line that is no JSON", f"{wanted[row['_record']]!r}: {error}"
                ) from error
            _compare(record, row)


def _compare(record: Any, row: dict[str, Any]) -> None:
    if row["_faults"] is not None:
        return
    if not isinstance(record, dict):
        raise targets.Wrong("accepted a record that is no object", repr(record))
    for name in row.keys() - {"_record", "_faults"} | record.keys():
        if name not in row:
            raise targets.Wrong("a key without column", repr(name))
        if not _is_same(record.get(name), row[name]):
            raise targets.Wrong("another value", f"{name!r} is {row[name]!r}, not {record.get(name)!r}")


def _is_same(wanted: Any, got: str | None) -> bool:
    if wanted is None or isinstance(wanted, bool):
        return got == {None: None, True: "true", False: "false"}[wanted]
    if isinstance(wanted, str):
        return got == wanted
    return got is not None and _load(got) == wanted


def _load(text: str) -> Any:
    return json.loads(text, parse_int=_Number, parse_float=_Number)
