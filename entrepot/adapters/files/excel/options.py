"""Where in a workbook the rows are, as the source says it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExcelOptions:
    """Which sheets (names or patterns; none: the first that is shown), and in which row (from 1) the header stands
    (None: the first that is not empty)."""

    sheets: tuple[str, ...] = ()
    header_row: int | None = None
    decimal: str = "."
    thousands: str | None = None
    """How numbers are written in cells that hold text; cells that hold numbers need nothing."""
    memory_limit_bytes: int = 2 << 30
    max_cells: int = 20_000_000
