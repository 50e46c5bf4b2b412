"""Single values inside of arrays and objects to a contract's types: exact, or refused.

JSON says what is a number, a text, a truth value, so that is held to: `"3"` is no integer, 3 is no text. What JSON has no type for
comes as text: dates, times, and decimals (`"12.50"`), which many write so to keep them exact. Values of Parquet and Arrow come typed.
Texts are read as `casts` reads whole columns, but without blanks around them.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact, InvalidOperation
from typing import Any, Final
from zoneinfo import ZoneInfo

from entrepot.adapters.embedded.written import MONTHS, written_pattern
from entrepot.contracts.types import ColumnType, Kind

BAD: Final = object()
"""What a value becomes that is none of the type."""

Typer = Callable[[Any], Any]

_WIDE = Context(prec=200)
_LONGEST = 10**38
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_DAY = r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
_CLOCK = r"([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9])(?:\.([0-9]{1,6})0*)?)?"
_DATE = re.compile(rf"{_DAY}(?:[ T]00:00(?::00(?:\.0+)?)?)?")
_TIME = re.compile(_CLOCK)
_MOMENT = re.compile(rf"{_DAY}(?:[ T]{_CLOCK}(?: ?([Zz]|[+-][0-9]{{2}}(?::?[0-9]{{2}})?))?)?")


def typer(column_type: ColumnType, zone: str) -> Typer:
    """The function that types a value which is not null; it gives `BAD` for what is none of the type."""
    kind = column_type.kind
    if kind in (Kind.DATE, Kind.TIME, Kind.TIMESTAMP, Kind.TIMESTAMP_LOCAL):
        return _moment(column_type, ZoneInfo(column_type.zone or zone))
    match kind:
        case Kind.STRING:
            return lambda value: value if type(value) is str else BAD
        case Kind.BOOLEAN:
            return lambda value: value if type(value) is bool else BAD
        case Kind.INTEGER:
            return _integer(column_type.bits)
        case Kind.DOUBLE:
            return _to_double if column_type.bits == 64 else _to_float
        case Kind.DECIMAL:
            return _decimal(column_type)
    raise ValueError(kind)


def _integer(bits: int) -> Typer:
    high = 2 ** (bits - 1)

    def convert(value: Any) -> Any:
        if type(value) is not int:
            value = _whole(value)
        return value if value is not BAD and -high <= value < high else BAD

    return convert


def _whole(value: Any) -> Any:
    """A number without fraction."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Decimal) and value.is_finite() and value.adjusted() < 40:
        return int(value) if value == value.to_integral_value(context=_WIDE) else BAD
    return BAD


def _to_double(value: Any) -> Any:
    if type(value) is bool or not isinstance(value, int | float | Decimal):
        return BAD
    try:
        found = float(value)
    except OverflowError:
        return BAD
    if not math.isfinite(found) or (type(value) is int and int(found) != value):
        return BAD
    return found


def _to_float(value: Any) -> Any:
    found = _to_double(value)
    try:
        return BAD if found is BAD else struct.unpack("<f", struct.pack("<f", found))[0]
    except OverflowError:
        return BAD


def _decimal(column_type: ColumnType) -> Typer:
    scale, unit = column_type.scale, Decimal(1).scaleb(-column_type.scale)
    exact = Context(prec=column_type.precision, traps=[Inexact, InvalidOperation])

    def convert(value: Any) -> Any:
        kind = type(value)
        if kind is str and _DECIMAL.fullmatch(value):
            value = Decimal(value)
        elif kind is float:
            value = _meant(value, scale)
        elif kind is int:
            value = Decimal(value) if -_LONGEST < value < _LONGEST else BAD
        if type(value) is not Decimal:
            return BAD
        try:
            return value.quantize(unit, context=exact)
        except (Inexact, InvalidOperation):
            return BAD

    return convert


def _meant(value: float, scale: int) -> Any:
    """The decimal that a binary number stands for, as `conversions` has it for columns."""
    if not math.isfinite(value) or abs(value) >= 1e38:
        return BAD
    rounded = Decimal(value).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_EVEN, _WIDE)
    distance, size = abs(float(rounded) - value), abs(float(rounded))
    ulps = 1e-7 if abs(value) < 3e38 and struct.unpack("<f", struct.pack("<f", value))[0] == value else 4e-15
    return rounded if distance <= max(ulps * size, 10.0 ** -(scale + 6)) else BAD


def _moment(column_type: ColumnType, zone: ZoneInfo) -> Typer:
    """Dates and times: from text by ISO 8601 or the column's format, or typed."""
    codes, kind = column_type.format, column_type.kind
    finish, read = _FINISHERS[kind], _READERS[kind]

    def convert(value: Any) -> Any:
        if type(value) is str:
            value = read(value) if codes is None else _by_format(value, codes, kind)
        try:
            return BAD if value is BAD or getattr(value, "nanosecond", False) else finish(value, zone)
        except (OverflowError, ValueError):
            return BAD

    return convert


def _by_format(text: str, codes: str, kind: Kind) -> Any:
    """An offset is kept with the value; only an instant takes it."""
    parts = re.fullmatch(written_pattern(codes), text)
    if parts is None:
        return BAD
    found = parts.groupdict()
    try:
        moment = datetime(
            int(found.get("Y", 1900)),
            _month(found),
            int(found.get("d", 1)),
            _hour(found),
            int(found.get("M", 0)),
            int(found.get("S", 0)),
            int(found.get("f", "0").ljust(6, "0")),
            tzinfo=_offset(found.get("z")),
        )
    except ValueError:
        return BAD
    return moment.timetz() if kind is Kind.TIME else moment


def _month(found: dict[str, str]) -> int:
    name = found.get("b") or found.get("B")
    if name is None:
        return int(found.get("m", 1))
    return next(number for number, month in enumerate(MONTHS, 1) if month.startswith(name.lower()))


def _hour(found: dict[str, str]) -> int:
    """Raises: ValueError for an hour that a clock of twelve hours does not show."""
    if "I" not in found:
        return int(found.get("H", 0))
    hour = int(found["I"])
    if not 1 <= hour <= 12:
        raise ValueError(hour)
    return hour % 12 + (12 if found["p"].lower() == "pm" else 0)


def _read_date(text: str) -> Any:
    parts = _DATE.fullmatch(text)
    try:
        return date(int(parts[1]), int(parts[2]), int(parts[3])) if parts else BAD
    except ValueError:
        return BAD


def _read_time(text: str) -> Any:
    parts = _TIME.fullmatch(text)
    return time(*_clock(parts.groups())) if parts else BAD


def _read_moment(text: str) -> Any:
    parts = _MOMENT.fullmatch(text)
    if not parts:
        return BAD
    year, month, day, *clock, offset = parts.groups()
    try:
        return datetime(int(year), int(month), int(day), *_clock(clock), tzinfo=_offset(offset))
    except ValueError:
        return BAD


_READERS: dict[Kind, Typer] = {
    Kind.DATE: _read_date,
    Kind.TIME: _read_time,
    Kind.TIMESTAMP: _read_moment,
    Kind.TIMESTAMP_LOCAL: _read_moment,
}


def _clock(parts: Any) -> tuple[int, int, int, int]:
    hour, minute, second, fraction = parts
    return int(hour or 0), int(minute or 0), int(second or 0), int((fraction or "0").ljust(6, "0"))


def _offset(text: str | None) -> tzinfo | None:
    if text is None:
        return None
    if text in "Zz":
        return UTC
    hours, minutes = int(text[1:3]), int(text[3:].lstrip(":") or 0)
    if minutes > 59 or hours > 15:
        raise ValueError(text)
    span = timedelta(hours=hours, minutes=minutes)
    return timezone(-span if text[0] == "-" else span)


def _as_date(value: Any, _: ZoneInfo) -> Any:
    if isinstance(value, datetime):
        return value.date() if value.tzinfo is None and value.time() == time(0) else BAD
    return value if isinstance(value, date) else BAD


def _as_time(value: Any, _: ZoneInfo) -> Any:
    """As tables store it: texts that sort as the times do."""
    if not isinstance(value, time) or value.tzinfo is not None:
        return BAD
    return value.isoformat("microseconds" if value.microsecond else "seconds")


def _as_local(value: Any, _: ZoneInfo) -> Any:
    if isinstance(value, datetime):
        return value if value.tzinfo is None else BAD
    return datetime.combine(value, time(0)) if isinstance(value, date) else BAD


def _as_instant(value: Any, zone: ZoneInfo) -> Any:
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time(0))
    if not isinstance(value, datetime):
        return BAD
    if value.tzinfo is None:
        value = value.replace(tzinfo=zone, fold=0)
        if value.utcoffset() != value.replace(fold=1).utcoffset():
            return BAD  # the clocks skip or repeat it
    return value.astimezone(UTC)


_FINISHERS: dict[Kind, Callable[[Any, ZoneInfo], Any]] = {
    Kind.DATE: _as_date,
    Kind.TIME: _as_time,
    Kind.TIMESTAMP_LOCAL: _as_local,
    Kind.TIMESTAMP: _as_instant,
}
