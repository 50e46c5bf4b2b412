"""Statistics of data files as Delta writes them: only what is surely right, everything else is left out.

A wrong bound makes readers skip files that hold matching rows, silently. So bounds are widened where readers
differ in precision (timestamps to milliseconds) and left out where a JSON number or a text might not survive.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from entrepot.adapters.embedded.delta.schema import DeltaType
from entrepot.ports.engine import ColumnStats

_LONGEST_TEXT = 64
_EXACT_DIGITS = 15
_INTEGERS = ("byte", "short", "integer", "long")


def render_stats(rows: int, columns: Mapping[str, ColumnStats], types: Mapping[str, DeltaType]) -> str:
    """The stats JSON of one file. `columns` names those columns of the table which are known."""
    least: dict[str, Any] = {}
    most: dict[str, Any] = {}
    nulls: dict[str, int] = {}
    for name, kind in types.items():
        known = columns.get(name)
        if known is None or not isinstance(kind, str):
            continue
        if known.nulls is not None:
            nulls[name] = known.nulls
        low, high = _bound(kind, known.minimum, upper=False), _bound(kind, known.maximum, upper=True)
        if low is not None and high is not None:
            least[name], most[name] = low, high
    values = {"numRecords": rows, "minValues": least, "maxValues": most, "nullCount": nulls}
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _bound(kind: str, value: object, *, upper: bool) -> Any:
    """A bound as JSON value, None when it would not be exact."""
    if value is None or isinstance(value, bool):
        return None
    try:
        if kind in _INTEGERS:
            return _whole(value)
        if kind.startswith("decimal"):
            return _decimal(value)
        if kind in ("float", "double"):
            return _float(value, upper=upper)
        if kind == "string":
            return _text(value)
        if kind == "date":
            return _date(value)
        if kind == "timestamp":
            return _instant(value, upper=upper)
    except (ValueError, TypeError, ArithmeticError):  # what cannot be said is not said
        return None
    return None


def _whole(value: object) -> int | None:
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) else None


def _decimal(value: object) -> int | float | None:
    # A JSON number is read as binary floating point by some readers: up to 15 digits that is exact when rounded back.
    number = Decimal(value) if isinstance(value, str | int) else value
    if not isinstance(number, Decimal) or not number.is_finite() or len(number.as_tuple().digits) > _EXACT_DIGITS:
        return None
    if number == number.to_integral_value():
        return int(number)
    return None if "e" in repr(float(number)) else float(number)


def _float(value: object, *, upper: bool) -> float | None:
    if not isinstance(value, float | int) or not math.isfinite(value):
        return None
    if value == 0:
        return 0.0 if upper else -0.0
    return float(value)


def _text(value: object) -> str | None:
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT or "\0" in value:
        return None
    value.encode()  # half a character cannot stand in a log: ValueError
    return value


def _date(value: object) -> str | None:
    if isinstance(value, datetime):
        return None
    day = date.fromisoformat(value) if isinstance(value, str) else value
    return day.isoformat() if isinstance(day, date) else None


def _instant(value: object, *, upper: bool) -> str | None:
    if not isinstance(value, datetime) or value.tzinfo is None:
        return None
    at = value.astimezone(UTC)
    floor = at.replace(microsecond=at.microsecond // 1000 * 1000)
    if upper and floor != at:
        floor += timedelta(milliseconds=1)
    return floor.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def footer_stats(metadata: pq.FileMetaData, types: Mapping[str, DeltaType]) -> dict[str, ColumnStats]:
    """Figures of the top-level columns from a Parquet footer, for files that DuckDB wrote."""
    found: dict[str, ColumnStats] = {}
    if metadata.num_row_groups == 0:
        return found
    first = metadata.row_group(0)
    for index in range(first.num_columns):
        name = first.column(index).path_in_schema
        kind = types.get(name)
        if isinstance(kind, str):
            found[name] = _merge_groups(metadata, index, bounds=kind not in ("float", "double", "boolean", "binary"))
    return found


def _merge_groups(metadata: pq.FileMetaData, index: int, *, bounds: bool) -> ColumnStats:
    nulls, low, high = 0, None, None
    bounds_known = bounds
    for group in range(metadata.num_row_groups):
        column = metadata.row_group(group).column(index)
        stats = column.statistics
        if stats is None or not stats.has_null_count:
            return ColumnStats(None, None, None)
        nulls += stats.null_count
        if stats.null_count == column.num_values:
            continue
        found = _widen(low, high, stats) if bounds_known and stats.has_min_max else None
        if found is None:
            bounds_known = False
            continue
        low, high = found
    if not bounds_known:
        low = high = None
    return ColumnStats(low, high, nulls)


def _widen(low: Any, high: Any, stats: Any) -> tuple[Any, Any] | None:
    """The bounds with another row group's; None when they cannot be told: Python has no year before 1 or after 9999."""
    try:
        least, most = stats.min, stats.max
        return (least if low is None else min(low, least)), (most if high is None else max(high, most))
    except (ValueError, TypeError, ArithmeticError, pa.ArrowException):
        return None
