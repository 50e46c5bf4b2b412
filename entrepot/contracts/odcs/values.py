"""Constants of a contract (bounds, lists of values) as values of their column's type."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from decimal import Context, Decimal
from zoneinfo import ZoneInfo

from entrepot.contracts.odcs.document import Node, Scalar
from entrepot.contracts.types import ColumnType, Kind

MAX_TIMESTAMP_FRACTION = 6
_WIDE = Context(prec=100)
_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?")


def read_constant(node: Node, type: ColumnType, zone: str) -> str | int | float | bool | None:
    """A value of a list in the form in which the column shows it as text; None for null.

    Text is taken as written (`01` stays `01`), decimals with the column's scale, instants in UTC.
    Raises: ValueError saying what is allowed.
    """
    if not isinstance(node, Scalar):
        raise ValueError("is a list or mapping; allowed is a single value")
    if node.value is None:
        return None
    match type.kind:
        case Kind.STRING:
            return node.text
        case Kind.INTEGER:
            return _whole(node, type.bits)
        case Kind.DECIMAL:
            return _decimal_text(node, type)
        case Kind.DOUBLE:
            return float(_number(node))
        case Kind.BOOLEAN:
            if not isinstance(node.value, bool):
                raise ValueError(f"is {node.text!r}; allowed is true or false")
            return node.value
        case Kind.DATE | Kind.TIME | Kind.TIMESTAMP | Kind.TIMESTAMP_LOCAL:
            return read_moment(node, type, zone)
        case Kind.ARRAY | Kind.OBJECT | Kind.MAP:
            raise ValueError(f"stands on a whole {type.kind}; allowed are values of what it holds")


def read_moment(node: Node, type: ColumnType, zone: str) -> str:
    """A date, time or timestamp of the contract as ISO text; instants in UTC with offset.

    It may be written in ISO 8601 or in the column's own format.
    Raises: ValueError saying what is allowed, or that both ways of reading differ.
    """
    if not isinstance(node, Scalar):
        raise ValueError("is a list or mapping; allowed is a date in quotes")
    if type.kind is Kind.TIME:
        return _time_of_day(node.text, type)
    readings = {found for found in (_read_iso(node.text, type), _read_format(node.text, type)) if found is not None}
    if not readings:
        own = " or the column's own format" if type.format else ""
        example = "2026-11-21" if type.kind is Kind.DATE else "2026-11-21 13:00:00"
        raise ValueError(f"is {node.text!r}; allowed is ISO 8601, for example {example},{own} in quotes")
    if len(readings) > 1:
        raise ValueError(f"is {node.text!r}, which ISO 8601 and the column's own format read differently")
    return _say_moment(readings.pop(), type, zone, node.text)


def say_time(value: time) -> str:
    """A time of day as tables store it: texts of this form sort as the times do."""
    return value.isoformat("microseconds" if value.microsecond else "seconds")


def _time_of_day(text: str, type: ColumnType) -> str:
    readings = {time.fromisoformat(text)} if _TIME.fullmatch(text) else set()
    own = _read_format(text, type)
    if own is not None:
        readings.add(own.time())
    if len(readings) == 1:
        return say_time(readings.pop())
    if readings:
        raise ValueError(f"is {text!r}, which ISO 8601 and the column's own format read differently")
    other = " or the column's own format," if type.format else ""
    raise ValueError(f"is {text!r}; allowed is a time from 00:00:00 to 23:59:59.999999,{other} in quotes")


def _say_moment(moment: datetime, type: ColumnType, zone: str, text: str) -> str:
    if type.kind is Kind.DATE:
        if moment.time() != datetime.min.time() or moment.tzinfo is not None:
            raise ValueError(f"is {text!r}, which has a time of day; allowed is a date")
        return moment.date().isoformat()
    if type.kind is Kind.TIMESTAMP_LOCAL:
        if moment.tzinfo is not None:
            raise ValueError(
                f"is {text!r} with an offset, but the column has no time zone; allowed is a time without offset"
            )
        return moment.isoformat(" ")
    if moment.tzinfo is None:
        moment = _place_in_zone(moment, type.zone or zone, text)
    try:
        return moment.astimezone(UTC).isoformat(" ")
    except OverflowError as error:
        raise ValueError(
            f"is {text!r}, which lies outside of the years 1 to 9999 in UTC; allowed is a nearer one"
        ) from error


def _place_in_zone(moment: datetime, zone: str, text: str) -> datetime:
    placed = moment.replace(tzinfo=ZoneInfo(zone))
    other = placed.replace(fold=1)
    if placed.utcoffset() != other.utcoffset():
        raise ValueError(f"is {text!r}, which the clocks of {zone} show twice or never; allowed is a time with offset")
    return placed


def _read_iso(text: str, type: ColumnType) -> datetime | None:
    try:
        if type.kind is Kind.DATE and len(text) == len("2026-11-21"):
            return datetime.combine(date.fromisoformat(text), datetime.min.time())
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if _fraction_length(text) <= MAX_TIMESTAMP_FRACTION else None


def _fraction_length(text: str) -> int:
    digits = text.replace(",", ".").partition(".")[2]
    return len(digits) - len(digits.lstrip("0123456789"))


def _read_format(text: str, type: ColumnType) -> datetime | None:
    if type.format is None:
        return None
    try:
        return datetime.strptime(text, type.format)
    except ValueError:
        return None


def _number(node: Scalar) -> Decimal:
    if isinstance(node.value, bool) or not isinstance(node.value, int | Decimal):
        raise ValueError(f"is {node.text!r}; allowed is a number")
    return Decimal(node.value)


def _whole(node: Scalar, bits: int) -> int:
    number = _number(node)
    if number != number.to_integral_value() or not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
        raise ValueError(f"is {node.text}; allowed is a whole number of {bits} bits")
    return int(number)


def _decimal_text(node: Scalar, type: ColumnType) -> str:
    number = _number(node)
    scaled = number.scaleb(type.scale, _WIDE)
    if scaled != scaled.to_integral_value() or abs(scaled) >= 10**type.precision:
        raise ValueError(f"is {node.text}; allowed is a number that {type} can hold")
    return f"{abs(number) if number == 0 else number:.{type.scale}f}"
