"""How lines of fixed width are laid out, as the source says it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FixedColumn:
    """A column's place in the line: characters, counted from 1, both ends included."""

    name: str
    start: int
    end: int
    trim: str = "both"
    """`both`, `left`, `right`: which blanks are not part of the value; `none`: all are."""
    decimals: int = 0
    """Digits behind a point that is not written: 0001234 is 12.34."""


@dataclass(frozen=True, slots=True)
class Trailer:
    """The last line, which is no record. `start` and `end` say where it counts the records."""

    prefix: str
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class FixedWidthOptions:
    """How the lines are laid out."""

    columns: tuple[FixedColumn, ...]
    length: int
    """Characters of a record."""
    encoding: str | None = None
    skip_lines: int = 0
    header: str | None = None
    """The first line that is not empty, when it begins with this, is no record."""
    header_lines: int = 1
    """How many such lines stand there at most."""
    trailer: Trailer | None = None
    pad: bool = False
    """Take a shorter line as if blanks followed."""
