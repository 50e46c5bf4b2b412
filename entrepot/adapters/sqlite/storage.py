"""How Arrow's types stand in a SQLite table: exact, or refused.

| Arrow | declared as | stored as |
|---|---|---|
| string | TEXT | text |
| integers | INTEGER | integer |
| floating point | REAL | real; NaN is refused, SQLite would make it null |
| boolean | BOOLEAN | 0 or 1 |
| decimal(p, s) | DECIMAL_TEXT(p,s) | text with s decimals, `12.50`: never a float. Sorts as text; compute with a decimal type |
| date | DATE_TEXT | `2026-11-21` |
| timestamp with zone | TIMESTAMP_TEXT | the instant in UTC, `2026-11-21T13:15:02.000000Z` |
| timestamp without zone | TIMESTAMP_LOCAL_TEXT | `2026-11-21T13:15:02.000000` |
| time | TIME_TEXT | `13:15:02.000000` |
| binary | BLOB | bytes |
| list, struct, map | JSON_TEXT | JSON; decimals and dates in it as text |

The declared names contain TEXT where SQLite must keep text as it is (its rules of type affinity). Dates and times of one
column have one length, so they sort and compare as text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from entrepot.kernel.errors import DataError, ProjectError

Encode = Callable[[pa.Array], list[Any]]


@dataclass(frozen=True, slots=True)
class Storage:
    """One column's place in SQLite."""

    declared: str
    encode: Encode

    @property
    def family(self) -> str:
        """The declared type without a decimal's precision, which does not change how values are written."""
        return family_of(self.declared)


def family_of(declared: str) -> str:
    """`DECIMAL_TEXT(18,2)` → `DECIMAL_TEXT(,2)`; other types stay."""
    return re.sub(r"\(\d+,", "(,", declared)


def storage_of(field: pa.Field) -> Storage:
    """Where values of a column go.

    Raises: ProjectError for a type that SQLite cannot keep exactly.
    """
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    for applies, storage in _STORAGES:
        if applies(kind):
            return storage
    if pa.types.is_decimal(kind):
        return Storage(f"DECIMAL_TEXT({kind.precision},{kind.scale})", _encode_decimals)
    raise ProjectError(
        f"column {field.name} has the type {field.type}, which cannot be kept exactly in SQLite.",
        hint="Allowed are text, numbers, booleans, dates, times, bytes, lists and structs; cast the others in the model.",
    )


def encode_column(field: pa.Field, values: pa.Array) -> list[Any]:
    """A column's values as SQLite keeps them.

    Raises: DataError when a value cannot be kept; it names the column, never the value.
    """
    try:
        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode()
        wanted = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if values.type != wanted:
            values = values.cast(wanted, safe=True)
        return storage_of(field).encode(values)
    except (pa.ArrowInvalid, ValueError, OverflowError, TypeError) as error:
        raise DataError(
            f"column {field.name} holds a value that SQLite cannot keep exactly as {field.type} ({type(error).__name__}).",
            hint="NaN, years outside 1 to 9999 and fractions below a microsecond are not possible there.",
        ) from None


def quote(name: str) -> str:
    """An identifier for SQLite."""
    return '"' + name.replace('"', '""') + '"'


def encode_decimal(value: Decimal) -> str:
    """`Decimal` as plain text, never with an exponent; minus zero is zero."""
    return format(value if value else abs(value), "f")


def encode_instant(value: datetime) -> str:
    """An instant in UTC as text of one length; a time without zone stays without."""
    return value.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _encode_plain(values: pa.Array) -> list[Any]:
    plain: list[Any] = values.to_pylist()
    return plain


def _encode_integers(values: pa.Array) -> list[Any]:
    return _encode_plain(values.cast(pa.int64(), safe=True))


def _encode_reals(values: pa.Array) -> list[Any]:
    wide = values.cast(pa.float64())
    if pc.any(pc.is_nan(wide)).as_py():
        raise ValueError("NaN")
    return _encode_plain(wide)


def _encode_decimals(values: pa.Array) -> list[Any]:
    return [None if value is None else encode_decimal(value) for value in values.to_pylist()]


def _encode_dates(values: pa.Array) -> list[Any]:
    return [None if value is None else value.isoformat() for value in values.cast(pa.date32()).to_pylist()]


def _encode_timestamps(values: pa.Array) -> list[Any]:
    micros = values.cast(pa.timestamp("us", tz="UTC" if values.type.tz else None))
    return [None if value is None else encode_instant(value) for value in micros.to_pylist()]


def _encode_times(values: pa.Array) -> list[Any]:
    micros = values.cast(pa.time64("us"))
    return [None if value is None else value.isoformat(timespec="microseconds") for value in micros.to_pylist()]


def _encode_booleans(values: pa.Array) -> list[Any]:
    return [None if value is None else int(value) for value in values.to_pylist()]


def _encode_json(values: pa.Array) -> list[Any]:
    return [
        None if value is None else json.dumps(value, ensure_ascii=False, allow_nan=False, default=_json_value)
        for value in values.to_pylist(maps_as_pydicts="strict")
    ]


def _json_value(value: object) -> str:
    match value:
        case Decimal():
            return encode_decimal(value)
        case datetime():
            return encode_instant(value)
        case date() | time():
            return value.isoformat()
    raise TypeError(type(value).__name__)


def _is_nested(kind: pa.DataType) -> bool:
    return bool(pa.types.is_nested(kind))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _is_instant(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) and kind.tz is not None)


_STORAGES: tuple[tuple[Callable[[pa.DataType], bool], Storage], ...] = (
    (_is_text, Storage("TEXT", _encode_plain)),
    (pa.types.is_null, Storage("TEXT", _encode_plain)),
    (pa.types.is_integer, Storage("INTEGER", _encode_integers)),
    (pa.types.is_boolean, Storage("BOOLEAN", _encode_booleans)),
    (pa.types.is_floating, Storage("REAL", _encode_reals)),
    (pa.types.is_date, Storage("DATE_TEXT", _encode_dates)),
    (_is_instant, Storage("TIMESTAMP_TEXT", _encode_timestamps)),
    (pa.types.is_timestamp, Storage("TIMESTAMP_LOCAL_TEXT", _encode_timestamps)),
    (pa.types.is_time, Storage("TIME_TEXT", _encode_times)),
    (_is_bytes, Storage("BLOB", _encode_plain)),
    (_is_nested, Storage("JSON_TEXT", _encode_json)),
)
