"""Numbers as people write them, `1.234,56`, turned into `1234.56` without guessing."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from entrepot.intake.sources.fields import KeyPath, Options


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """The decimal sign, and what groups digits by three (None: nothing does)."""

    decimal: str = "."
    thousands: str | None = None

    @property
    def is_plain(self) -> bool:
        """True when numbers are written as the engine reads them."""
        return self.decimal == "." and self.thousands is None

    @property
    def pattern(self) -> str:
        """Regular expression of a number in this style."""
        digits = r"\d+"
        if self.thousands is not None:
            # nobody groups 0.123 or 012.345: there the sign is rather a decimal one
            digits = rf"([1-9]\d{{0,2}}({re.escape(self.thousands)}\d{{3}})+|\d+)"
        decimal = re.escape(self.decimal)
        return rf"^\s*[+-]?({digits}({decimal}\d*)?|{decimal}\d+)([eE][+-]?\d+)?\s*$"


def normalize_numbers(texts: pa.Array, style: NumberStyle) -> tuple[pa.Array, list[int]]:
    """Rewrite the numbers of a column; return it with the places of values that must not be read as numbers.

    A value that is no number in this style but would be one with another decimal sign is such a value: `1.5` where the decimal sign is
    a comma could mean 1.5 or 15, `0.123` where the point groups digits 0.123 or 123. Other values stay as they are; the engine judges them.
    """
    fits = pc.match_substring_regex(texts, style.pattern)
    rewritten = texts
    if style.thousands is not None:
        rewritten = pc.replace_substring(rewritten, style.thousands, "")
    if style.decimal != ".":
        rewritten = pc.replace_substring(rewritten, style.decimal, ".")
    suspicious = pc.match_substring(texts, ".")
    if style.thousands is not None:
        suspicious = pc.or_(suspicious, pc.match_substring_regex(texts, _signed(style)))
    doubtful = pc.and_(pc.invert(fits), suspicious)
    places = pc.indices_nonzero(pc.fill_null(doubtful, False)).to_pylist()
    return pc.if_else(pc.fill_null(fits, False), rewritten, texts), places


def _signed(style: NumberStyle) -> str:
    """Regular expression of digits with the grouping sign among them, wherever it stands."""
    thousands, decimal = re.escape(style.thousands or ""), re.escape(style.decimal)
    return rf"^\s*[+-]?\d+({thousands}\d+)+({decimal}\d*)?\s*$"


def number_faults(options: Options) -> list[tuple[KeyPath, str]]:
    """What is wrong with a format's options `decimal` and `thousands` taken together."""
    thousands = options["thousands"]
    if thousands is not None and (len(thousands) != 1 or thousands.isalnum()):
        return [(("thousands",), f"is {thousands!r}; allowed is one sign.")]
    if thousands is not None and thousands == (options["decimal"] or "."):
        return [(("thousands",), f"is {thousands!r}, the same as decimal.")]
    return []
