"""Typed values (Arrow, Parquet, queries) to a contract's types: exact, or null.

- number to number: the value converted there and back is the same. A double becomes a decimal by rounding when the rounded value is
  within a few units of the double's last bit, or a millionth of the decimal's last place: files carry 2.55 as 2.5499999999999998
  and a difference of nothing as 1.8e-15. A third digit that somebody wrote is never rounded away. NaN and infinities only fit a double;
- anything that has a text becomes a string; 0 and 1 become a boolean; texts go by `casts`;
- a date becomes a timestamp at midnight of the contract's zone; a timestamp becomes a date only at midnight;
- a timestamp without zone becomes an instant as a text would (`zones`); one with a zone never becomes a wall-clock time;
- dates and times stay within the years 1 to 9999, as `casts` has it;
- a time of day becomes its text; nothing else becomes a time.

What can never fit (a list, bytes, a time for a number) fails the batch, not each row.
"""

from __future__ import annotations

from entrepot.adapters.embedded.casts import Steps, cast_text, in_calendar, sql_type, step, time_text
from entrepot.adapters.embedded.quoting import literal
from entrepot.adapters.embedded.zones import to_instant
from entrepot.contracts.model import Column
from entrepot.contracts.types import NESTED, ColumnType, Kind
from entrepot.kernel.errors import DataError

BOUNDED = (Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMP_LOCAL)
"""Kinds of which the engine holds values that no table may: such are refused even where the types are the same."""

ABSENT = "ABSENT"
"""Source type of a column that the source does not bring."""

_INTEGERS = {
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "UHUGEINT",
}
_FLOATS = {"FLOAT", "DOUBLE"}
_LOCALS = {"TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"}
_COARSE = ("TIMESTAMP_S", "TIMESTAMP_MS")
_INSTANTS = {"TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS", "TIMESTAMP WITH TIME ZONE_NS"}
_WITH_TEXT = {"BOOLEAN", "DATE", "TIME", "UUID", "TIME WITH TIME ZONE"} | _INTEGERS | _FLOATS | _LOCALS | _INSTANTS


def family(source: str) -> str:
    """A DuckDB type's kind: its name without parameters; enumerations are texts."""
    name = source.split("(")[0] if not source.endswith("]") else "LIST"
    return "VARCHAR" if name in ("ENUM", '"NULL"', "JSON") else name


def cast_column(column: Column, source: str, raw: str, name: str, zone: str, place: str) -> Steps:
    """How a column of DuckDB type `source` is typed. Raises: DataError when it can never be."""
    kind = family(source)
    if kind == ABSENT:
        return (f"NULL::{sql_type(column.type)}",)
    if kind == "VARCHAR":
        return cast_text(column.type, raw, name, zone)
    if source == sql_type(column.type):
        return _same(column.type, raw)
    steps = _convert(column.type, source, raw, name, zone)
    if steps is None:
        raise DataError(
            f"{place}: column {column.name} holds {source.lower()}, which cannot become {column.type}.",
            hint="Change the type in the contract, or convert the column where it comes from.",
        )
    return steps


def _same(column_type: ColumnType, raw: str) -> Steps:
    """A value that has the type already."""
    if column_type.kind not in BOUNDED:
        return (raw,)
    return (f"CASE WHEN {in_calendar(raw, sql_type(column_type))} THEN {raw} END",)


def source_text(column_type: ColumnType, typed: str, zone: str) -> str:
    """SQL: a typed value as a text that `cast_text` reads again: in the column's format, and JSON for what holds others."""
    if column_type.kind in NESTED:
        return typed if column_type.is_json else f"to_json({typed})::VARCHAR"
    if column_type.format is None:
        return f"{typed}::VARCHAR"
    local = typed
    if column_type.kind is Kind.TIME:
        local = f"(DATE '1900-01-01' + {typed}::TIME)"
    elif column_type.kind is Kind.TIMESTAMP and "%z" not in column_type.format:
        local = f"timezone({literal(column_type.zone or zone)}, {typed})"
    return f"strftime({local}, {literal(column_type.format)})"


def _convert(to: ColumnType, source: str, raw: str, name: str, zone: str) -> Steps | None:
    kind, candidate = family(source), step(name, 0)
    is_number = kind in _INTEGERS or kind in _FLOATS or kind == "DECIMAL"
    match to.kind:
        case Kind.STRING if kind in _WITH_TEXT or kind == "DECIMAL":
            return (f"{raw}::VARCHAR",)
        case Kind.INTEGER | Kind.DECIMAL | Kind.DOUBLE if is_number:
            return _number(to, source, raw, candidate)
        case Kind.BOOLEAN if is_number:
            return (f"CASE WHEN {raw} = 1 THEN true WHEN {raw} = 0 THEN false END",)
        case Kind.DATE if kind in _LOCALS or kind in _INSTANTS:
            local = f"timezone({literal(zone)}, {raw})"
            if kind in _LOCALS:
                local = _from_coarse(raw, kind, "TIMESTAMP") if kind in _COARSE else f"TRY_CAST({raw} AS TIMESTAMP)"
            inside = in_calendar(candidate, "TIMESTAMP")
            no_finer = f" AND {raw} = date_trunc('day', {raw})" if kind == "TIMESTAMP_NS" else ""
            midnight = f"{candidate} = date_trunc('day', {candidate}){no_finer}"
            return (local, f"CASE WHEN {inside} THEN CASE WHEN {midnight} THEN {candidate}::DATE END END")
        case Kind.TIME if kind in ("TIME", "TIME_NS"):
            return (*_microseconds(raw, candidate, kind, "TIME"), time_text(step(name, 1)))
        case Kind.TIMESTAMP if kind in _INSTANTS:
            return _microseconds(raw, candidate, kind, sql_type(to))
        case Kind.TIMESTAMP if kind in _LOCALS or kind == "DATE":
            exact, local, instant = _microseconds(raw, candidate, kind, "TIMESTAMP"), step(name, 1), step(name, 2)
            inside = in_calendar(instant, "TIMESTAMP WITH TIME ZONE")
            return (*exact, to_instant(local, zone), f"CASE WHEN {inside} THEN {instant} END")
        case Kind.TIMESTAMP_LOCAL if kind in _LOCALS or kind == "DATE":
            return _microseconds(raw, candidate, kind, "TIMESTAMP")
    return None


def _microseconds(raw: str, candidate: str, source: str, name: str) -> Steps:
    """Finer timestamps lose nothing or are refused. Coarser ones are cast only within the calendar: DuckDB fails on others."""
    if source in _COARSE:
        return (_from_coarse(raw, source, name), candidate)
    same = f"CASE WHEN {candidate} = {raw} THEN {candidate} END"
    if source == "TIME_NS":  # which DuckDB does not compare with TIME
        same = f"CASE WHEN rtrim({candidate}::VARCHAR, '.0') = rtrim({raw}::VARCHAR, '.0') THEN {candidate} END"
    if name == "TIME":
        return (f"TRY_CAST({raw} AS {name})", same)
    return (f"TRY_CAST({raw} AS {name})", f"CASE WHEN {in_calendar(candidate, name)} THEN {same} END")


def _coarse_in_calendar(raw: str, source: str) -> str:
    return f"{raw} >= '0001-01-01'::{source} AND {raw} < '10000-01-01'::{source}"


def shown(source: str, raw: str) -> str:
    """SQL: a typed value as a quarantine row shows it; DuckDB cannot write all that Arrow holds."""
    if source not in _COARSE:
        return f"{raw}::VARCHAR"
    outside = f"CASE WHEN {raw} IS NOT NULL THEN '(a time outside of the years 1 to 9999)' END"
    return f"CASE WHEN {_coarse_in_calendar(raw, source)} THEN {raw}::VARCHAR ELSE {outside} END"


def _from_coarse(raw: str, source: str, name: str) -> str:
    """SQL: whole seconds or milliseconds, compared in their own type."""
    return f"CASE WHEN {_coarse_in_calendar(raw, source)} THEN TRY_CAST({raw} AS {name}) END"


def _number(to: ColumnType, source: str, raw: str, candidate: str) -> Steps:
    """The way back goes to the source's own type, in which the comparison is exact."""
    name = sql_type(to)
    if source in _FLOATS and to.kind is Kind.DOUBLE:
        return (f"{raw}::DOUBLE",)
    same = f"TRY_CAST({candidate} AS {source}) = {raw}"
    if source in _FLOATS and to.kind is Kind.DECIMAL:
        ulps = "1e-7" if source == "FLOAT" else "4e-15"
        same = f"abs({candidate}::DOUBLE - {raw}) <= greatest({ulps} * abs({candidate}::DOUBLE), 1e-{to.scale + 6})"
    return (f"TRY_CAST({raw} AS {name})", f"CASE WHEN {same} THEN {candidate} END")
