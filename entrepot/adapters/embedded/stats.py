"""What a COPY says about the files it wrote, as values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from entrepot.adapters.embedded.quoting import ident
from entrepot.ports.engine import ColumnStats, StagedFile

EXACT_TEXT = 32
"""Longer texts may stand shortened in a table's log, so their bounds are not told."""

Parse = Callable[[str], object]


def read_stats(schema: pa.Schema, row: Sequence[Any], path: Path) -> StagedFile:
    """One row of RETURN_STATS as a staged file that now stands at `path`."""
    _, count, size, _, columns, *_ = row
    stats = {
        field.name: _column(field.type, columns[ident(field.name)]) for field in schema if ident(field.name) in columns
    }
    return StagedFile(path, int(count), int(size), stats)


def _column(arrow: pa.DataType, found: Mapping[str, str]) -> ColumnStats:
    parse = _parser(arrow)
    nulls = int(found["null_count"]) if "null_count" in found else None
    inexact = found.get("has_nan") == "true" or "false" in (found.get("min_is_exact"), found.get("max_is_exact"))
    if parse is None or inexact or "min" not in found or "max" not in found:
        return ColumnStats(None, None, nulls)
    return ColumnStats(parse(found["min"]), parse(found["max"]), nulls)


def _parser(arrow: pa.DataType) -> Parse | None:
    """How a bound of that type is read; None where it is not told."""
    if pa.types.is_timestamp(arrow):
        return _instant if arrow.tz else _local
    for test, parse in _PARSERS:
        if test(arrow):
            return parse
    return None


def _text(found: str) -> str | None:
    return found if len(found) <= EXACT_TEXT else None


def _date(found: str) -> date | None:
    try:
        return date.fromisoformat(found)
    except ValueError:  # outside of the years 1 to 9999
        return None


def _local(found: str) -> datetime | None:
    try:
        return datetime.fromisoformat(found)
    except ValueError:
        return None


def _instant(found: str) -> datetime | None:
    value = _local(found)
    return None if value is None or value.tzinfo is None else value.astimezone(UTC)


_PARSERS: tuple[tuple[Callable[[pa.DataType], bool], Parse], ...] = (
    (pa.types.is_integer, int),
    (pa.types.is_decimal, Decimal),
    (pa.types.is_string, _text),
    (pa.types.is_boolean, lambda found: found in ("1", "true")),
    (pa.types.is_date, _date),
    (pa.types.is_float64, float),
)
