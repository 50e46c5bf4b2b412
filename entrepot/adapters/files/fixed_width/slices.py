"""Columns cut from lines of fixed width, and the lines that cannot be cut."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from entrepot.adapters.files.fixed_width.options import FixedColumn, FixedWidthOptions
from entrepot.intake.faults import Faults

_TRIM = {"both": pc.utf8_trim, "left": pc.utf8_ltrim, "right": pc.utf8_rtrim}


def find_misfits(lines: pa.Array, options: FixedWidthOptions) -> list[tuple[int, str]]:
    """Places and reasons of lines that are too short, too long, or hold a NUL."""
    length = pc.utf8_length(lines)
    short = pc.less(length, options.length) if not options.pad else pa.array([False] * len(lines))
    long = pc.greater(length, options.length)
    found = [(place, "too_short") for place in _places(short)] + [(place, "too_long") for place in _places(long)]
    return sorted(found + [(place, "nul_character") for place in _places(pc.match_substring(lines, "\0"))])


def cut_column(lines: pa.Array, column: FixedColumn, faults: Faults, numbers: list[int]) -> pa.Array:
    """The column's values; blank ones are null."""
    values = pc.utf8_slice_codeunits(lines, column.start - 1, column.end)
    if column.trim != "none":
        values = _TRIM[column.trim](values, " ")
    blank = pc.equal(pc.utf8_trim(values, " "), "")
    values = pc.if_else(blank, pa.scalar(None, pa.string()), values)
    return _point(values, column, faults, numbers) if column.decimals else values


def _point(values: pa.Array, column: FixedColumn, faults: Faults, numbers: list[int]) -> pa.Array:
    """Put the point where it is meant; a sign may stand before or after the digits."""
    values = pc.utf8_trim(values, " ")
    digits = rf"([0-9]*)([0-9]{{{column.decimals}}})"
    before, after = rf"^([+-]?)0*{digits}$", rf"^0*{digits}([+-])$"
    fits = pc.or_(pc.match_substring_regex(values, before), pc.match_substring_regex(values, after))
    for place in _places(pc.invert(fits)):
        at = f"line {numbers[place]}, column {column.start}"
        faults.add(place, column.name, at=at, reason="number_format", text=values[place].as_py())
    values = pc.replace_substring_regex(values, after, r"\3\1.\2")
    values = pc.replace_substring_regex(values, before, r"\1\2.\3")
    return pc.replace_substring_regex(values, r"^([+-]?)[.]", r"\10.")


def _places(mask: pa.Array) -> list[int]:
    found: list[int] = pc.indices_nonzero(pc.fill_null(mask, False)).to_pylist()
    return found
