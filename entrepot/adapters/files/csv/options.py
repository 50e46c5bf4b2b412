"""How delimited text is written, as the source says it."""

from __future__ import annotations

from dataclasses import dataclass

UNIT_SEPARATOR = "\x1f"
"""What stands for a delimiter of several bytes while a file is read: the parser knows single bytes only."""


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """How delimited text is written. None: found out from the file, conservatively."""

    delimiter: str | None = None
    """One character or more."""
    quote: str | None = None
    """Empty: quotes mean nothing. None: the double quote, unless values seem to stand between others."""
    escape: str | None = None
    encoding: str | None = None
    decimal: str | None = None
    """None: a point, unless the numbers seem to have commas."""
    thousands: str | None = None
    header: bool = True
    skip_lines: int = 0
    comment: str | None = None
    columns: tuple[str, ...] = ()
    """Names in place of the header's."""
    null_words: tuple[str, ...] = ()
    """Unquoted values that mean nothing, beside the empty one."""
    trailing_delimiter: bool = False
    """Every record ends with a delimiter too many."""
    skip_last: int = 0
    """Records at the end that are no data."""
    skip_starting: tuple[str, ...] = ()
    """Records that begin with one of these are no data."""

    @property
    def quote_sign(self) -> str:
        """The quote that is in force."""
        return '"' if self.quote is None else self.quote

    @property
    def decimal_sign(self) -> str:
        """The decimal sign that is in force."""
        return self.decimal or "."

    @property
    def replaces_delimiter(self) -> bool:
        """True when the parser is given `UNIT_SEPARATOR` in place of the stated delimiter."""
        return self.delimiter is not None and len(self.delimiter.encode()) > 1
