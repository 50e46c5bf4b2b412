"""How delimited text is written, as the source says it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """How delimited text is written. None: found out from the file, conservatively."""

    delimiter: str | None = None
    quote: str = '"'
    """Empty: quotes mean nothing."""
    escape: str | None = None
    encoding: str | None = None
    decimal: str = "."
    thousands: str | None = None
    header: bool = True
    skip_lines: int = 0
    comment: str | None = None
    columns: tuple[str, ...] = ()
    """Names in place of the header's."""
