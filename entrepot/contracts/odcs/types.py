"""The type of a column: in comes a property of the contract, out goes a ColumnType, or findings."""

from __future__ import annotations

import re
from collections.abc import Callable

from entrepot.contracts.findings import Findings, say_allowed
from entrepot.contracts.odcs.date_formats import ALLOWED, DateFormat, read_format, read_time_format
from entrepot.contracts.odcs.document import Scalar, Section
from entrepot.contracts.odcs.nested import read_array, read_map, read_object, read_vector
from entrepot.contracts.odcs.time_zones import check_zone
from entrepot.contracts.types import ColumnType, Kind

SUPPORTED = (
    "string", "integer", "number", "boolean", "date", "timestamp", "time", "array", "object", "map", "vector",
)  # fmt: skip

_NUMBER_WITH_SCALE = re.compile(r"(?:decimal|numeric|number|dec)\s*\(\s*(\d+)\s*(?:,\s*(-?\d+)\s*)?\)", re.IGNORECASE)
_BARE_DECIMAL = re.compile(r"(?:decimal|numeric|dec|(?:small)?money)\b.*", re.IGNORECASE | re.DOTALL)
_WHOLE_64 = re.compile(r"big(?:int|serial)(?:\s+unsigned)?|int8|int64|long", re.IGNORECASE)
_WITHOUT_ZONE = re.compile(
    r"timestamp(?:\s*\(\d+\))?\s+without\s+time\s+zone|timestamp_?ntz(?:\s*\(\d+\))?", re.IGNORECASE
)
_WITH_ZONE = re.compile(
    r"timestamp(?:\s*\(\d+\))?\s+with\s+(?:local\s+)?time\s+zone|timestamp_?l?tz.*|datetimeoffset.*", re.IGNORECASE
)
_INT32 = ("int", "int4", "int32", "integer32")

MAX_PRECISION = 38

MAX_DEPTH = 20
"""Arrays and objects inside of each other."""

INTEGER_BOUNDS = {
    "i8": (-(2**7), 2**7 - 1),
    "i16": (-(2**15), 2**15 - 1),
    "u8": (0, 2**8 - 1),
    "u16": (0, 2**16 - 1),
    "u32": (0, 2**32 - 1),
    "u64": (0, 2**64 - 1),
    "u128": (0, 2**128 - 1),
}
"""Formats that the stored type alone does not enforce; they become a range rule `format:COLUMN`."""

_WIDE_INTEGERS = {"u64": 20, "i128": MAX_PRECISION, "u128": MAX_PRECISION}
"""Integers beyond 64 bits are kept as decimals of so many digits."""


def read_type(prop: Section, label: str, found: Findings, depth: int = 0) -> ColumnType | None:
    """The column's type; None when it cannot be said, which is then reported.

    Args: label: the column's name, for messages; depth: how many arrays and objects it stands in.
    """
    logical = prop.text("logicalType")
    if "logicalType" not in prop.entries:
        found.error(prop.place, f"{label} has no logicalType; allowed is {say_allowed(SUPPORTED)}.")
        return None
    if logical in ("array", "object", "map", "vector"):
        return _nested(logical, prop, label, found, depth)
    match logical:
        case "string":
            return ColumnType(Kind.STRING)
        case "boolean":
            return ColumnType(Kind.BOOLEAN)
        case "integer":
            return _integer(prop, label, found)
        case "number":
            return _number(prop, label, found)
        case "date":
            return _date(prop, label, found)
        case "timestamp":
            return _timestamp(prop, label, found)
        case "time":
            return _time(prop, label, found)
    return None


def _nested(logical: str, prop: Section, label: str, found: Findings, depth: int) -> ColumnType | None:
    if depth > MAX_DEPTH:
        found.error(prop.place, f"{label} stands in more than {MAX_DEPTH} arrays and objects; allowed are fewer.")
        return None

    def read(inner: Section, path: str) -> ColumnType | None:
        return read_type(inner, path, found, depth + 1)

    match logical:
        case "array":
            return read_array(prop, label, read)
        case "object":
            return read_object(prop, label, read, found)
        case "map":
            return read_map(prop, label, read, found)
    return read_vector(prop)


def _integer(prop: Section, label: str, found: Findings) -> ColumnType | None:
    options = prop.section("logicalTypeOptions")
    width = options.text("format")
    if width in _WIDE_INTEGERS:
        if width != "u64":
            found.warn(
                options.place_of("format"),
                f"{label} has the format {width}, of which a table holds {MAX_PRECISION} digits; longer ones are rejected.",
            )
        return ColumnType(Kind.DECIMAL, precision=_WIDE_INTEGERS[width], scale=0)
    if width is None:
        physical = (prop.text("physicalType") or "").strip().lower()
        return ColumnType(Kind.INTEGER, bits=32 if physical in _INT32 else 64)
    return ColumnType(Kind.INTEGER, bits=64 if width in ("i64", "u32") else 32)


def _number(prop: Section, label: str, found: Findings) -> ColumnType | None:
    physical = (prop.text("physicalType") or "").strip()
    place = prop.place_of("physicalType")
    scaled = _NUMBER_WITH_SCALE.fullmatch(physical)
    if scaled:
        precision, scale = int(scaled[1]), int(scaled[2] or 0)
        if not (1 <= precision <= MAX_PRECISION and 0 <= scale <= precision):
            text = f"{label} has the physicalType {physical}; allowed is decimal(p,s) with p from 1 to {MAX_PRECISION} and s from 0 to p."
            found.error(place, text)
            return None
        return ColumnType(Kind.DECIMAL, precision=precision, scale=scale)
    if _BARE_DECIMAL.fullmatch(physical):
        found.error(
            place,
            f"{label} has the physicalType {physical}, which leaves the number of digits open; allowed is decimal(p,s).",
            "Write for example decimal(18,2), or double for a binary number.",
        )
        return None
    if _WHOLE_64.fullmatch(physical):
        found.warn(
            place,
            f"{label} is a number stored as double, though its physicalType is {physical}: above 2^53 it is not exact.",
            "For whole numbers take logicalType: integer.",
        )
    return ColumnType(Kind.DOUBLE)


def _date(prop: Section, label: str, found: Findings) -> ColumnType | None:
    # A time of day in the format is fine: a source may write midnight, and any other time is no date to the engine.
    options = prop.section("logicalTypeOptions")
    codes, fields = _read_codes(options, label, found)
    if "offset" in fields:
        text = f"{label} is a date, but its format {options.text('format')} has an offset; allowed is a format without."
        found.error(options.place_of("format"), text, "Take logicalType: timestamp where the offset counts.")
    return ColumnType(Kind.DATE, format=codes)


def _timestamp(prop: Section, label: str, found: Findings) -> ColumnType | None:
    options = prop.section("logicalTypeOptions")
    codes, fields = _read_codes(options, label, found)
    physical = (prop.text("physicalType") or "").strip()
    with_zone = options.flag("timezone")
    if with_zone is True and _WITHOUT_ZONE.fullmatch(physical):
        text = f"{label} has timezone: true and the physicalType {physical}, which has none; allowed is one of the two."
        found.error(options.place_of("timezone"), text)
    if with_zone is False and _WITH_ZONE.fullmatch(physical):
        text = f"{label} has timezone: false and the physicalType {physical}, which has one; allowed is one of the two."
        found.error(options.place_of("timezone"), text)
    local = with_zone is False or bool(_WITHOUT_ZONE.fullmatch(physical))
    if local and "offset" in fields:
        text = f"{label} has no time zone, but its format {options.text('format')} has an offset; allowed is a format without."
        found.error(options.place_of("format"), text)
    zone = _zone(options, label, local, found)
    return ColumnType(Kind.TIMESTAMP_LOCAL if local else Kind.TIMESTAMP, format=codes, zone=zone)


def _zone(options: Section, label: str, local: bool, found: Findings) -> str | None:
    own = options.get("defaultTimezone")
    if not isinstance(own, Scalar) or not isinstance(own.value, str):
        return None
    if local:
        text = f"{label} has a defaultTimezone, but no time zone; allowed is one of the two."
        found.error(own.place, text, code="contract.time_zone")
        return None
    return check_zone(own, f"defaultTimezone of {label}", "UTC", found)


def _time(prop: Section, label: str, found: Findings) -> ColumnType | None:
    options = prop.section("logicalTypeOptions")
    codes, fields = _read_codes(options, label, found, read_time_format)
    if options.flag("timezone") is True or "offset" in fields:
        key = "timezone" if options.flag("timezone") is True else "format"
        found.error(
            options.place_of(key),
            f"{label} is a time of day with a zone, which names no moment without its date; allowed is timezone: false.",
            "Take logicalType: timestamp where the zone counts, or string to keep the text.",
        )
    return ColumnType(Kind.TIME, format=codes)


def _read_codes(
    options: Section, label: str, found: Findings, read: Callable[[str], DateFormat] = read_format
) -> tuple[str | None, frozenset[str]]:
    text = options.text("format")
    if text is None:
        return None, frozenset()
    try:
        format = read(text)
    except ValueError as error:
        found.error(options.place_of("format"), f"{label} has the format {text!r}: {error}; allowed is {ALLOWED}.")
        return None, frozenset()
    return format.codes, format.fields
