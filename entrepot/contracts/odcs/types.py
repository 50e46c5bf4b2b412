"""The type of a column: in comes a property of the contract, out goes a ColumnType, or findings."""

from __future__ import annotations

import re

from entrepot.contracts.findings import Findings, say_allowed
from entrepot.contracts.model import ColumnType, Kind
from entrepot.contracts.odcs.date_formats import ALLOWED, read_format
from entrepot.contracts.odcs.document import Section

SUPPORTED = ("string", "integer", "number", "boolean", "date", "timestamp")
_NOT_YET = {
    "time": "Take it as string with a pattern, for example ([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9].",
    "object": "Give each of its properties a column of its own.",
    "array": "Give its items a dataset of their own.",
    "map": "Give its keys columns, or its entries a dataset of their own.",
    "vector": "Keep vectors outside of the contract for now.",
}

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

INTEGER_BOUNDS = {
    "i8": (-(2**7), 2**7 - 1),
    "i16": (-(2**15), 2**15 - 1),
    "u8": (0, 2**8 - 1),
    "u16": (0, 2**16 - 1),
    "u32": (0, 2**32 - 1),
}
"""Formats that the stored type alone does not enforce; they become a range rule `format:COLUMN`."""


def read_type(prop: Section, label: str, found: Findings) -> ColumnType | None:
    """The column's type; None when it cannot be said, which is then reported.

    Args: label: the column's name, for messages.
    """
    logical = prop.text("logicalType")
    if "logicalType" not in prop.entries:
        found.error(prop.place, f"{label} has no logicalType; allowed is {say_allowed(SUPPORTED)}.")
        return None
    if logical in _NOT_YET:
        text = (
            f"{label} has the logicalType {logical}, which is not supported yet; allowed is {say_allowed(SUPPORTED)}."
        )
        found.error(prop.place_of("logicalType"), text, _NOT_YET[logical])
        return None
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
    return None


def _integer(prop: Section, label: str, found: Findings) -> ColumnType | None:
    options = prop.section("logicalTypeOptions")
    width = options.text("format")
    if width in ("u64", "i128", "u128"):
        found.error(
            options.place_of("format"),
            f"{label} has the format {width}, which 64 bits cannot hold; allowed is i8, i16, i32, i64, u8, u16 or u32.",
            "Or take logicalType: number with physicalType: decimal(38,0).",
        )
        return None
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
    return ColumnType(Kind.TIMESTAMP_LOCAL if local else Kind.TIMESTAMP, format=codes)


def _read_codes(options: Section, label: str, found: Findings) -> tuple[str | None, frozenset[str]]:
    text = options.text("format")
    if text is None:
        return None, frozenset()
    try:
        format = read_format(text)
    except ValueError as error:
        found.error(options.place_of("format"), f"{label} has the format {text!r}: {error}; allowed is {ALLOWED}.")
        return None, frozenset()
    return format.codes, format.fields
