"""What a file format offers to the sources that bring files; the formats themselves are adapters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from entrepot.contracts.model import Column, Kind
from entrepot.ports.relations import Part

_NUMBERS = (Kind.INTEGER, Kind.DECIMAL, Kind.DOUBLE)


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


@dataclass(frozen=True, slots=True)
class FormatOptions:
    """All that a format may need to know to read a file."""

    csv: CsvOptions = field(default_factory=CsvOptions)
    excel: ExcelOptions = field(default_factory=ExcelOptions)
    numeric_columns: frozenset[str] = frozenset()
    """Lower-case headers of columns that the contract wants as numbers: decimal comma and thousands apply to them."""
    known_columns: frozenset[str] = frozenset()
    """Lower-case headers that the contract knows: they settle which of several delimiters is meant."""
    scratch: Path | None = None
    """Folder for short-lived files; None: the system's."""


@dataclass(frozen=True, slots=True)
class Sniffed:
    """What was found out about a file, for `entrepot check`."""

    format: str
    columns: tuple[str, ...]
    facts: Mapping[str, str] = field(default_factory=dict)
    """In the order in which they are shown: delimiter, encoding, sheets, …"""


class FormatReader(Protocol):
    """One file format. Called by the thread of the flow."""

    def parts(self, path: Path, place: str, options: FormatOptions) -> list[Part]:
        """Open a file's rows. `place` is what people call the file.

        Raises: DataError when the file cannot be read as a whole.
        """
        ...

    def sniff(self, path: Path, place: str, options: FormatOptions) -> Sniffed:
        """Say what the file looks like. Raises: DataError as `parts`."""
        ...


def headers_of(columns: tuple[Column, ...]) -> frozenset[str]:
    """All names under which sources may bring the columns, in lower case."""
    return frozenset(name.lower() for column in columns for name in (column.name, *column.headers))


def numeric_headers(columns: tuple[Column, ...]) -> frozenset[str]:
    """Those of columns that hold numbers."""
    return headers_of(tuple(column for column in columns if column.type.kind in _NUMBERS))
