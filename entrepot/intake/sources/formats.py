"""What a file format offers to the sources that bring files; the formats themselves are adapters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from entrepot.contracts.model import Column
from entrepot.contracts.types import Kind
from entrepot.intake.sources.fields import FieldSpec, KeyPath, Options
from entrepot.kernel.events import Emit, ignore
from entrepot.ports.relations import Part

_NUMBERS = (Kind.INTEGER, Kind.DECIMAL, Kind.DOUBLE)


@dataclass(frozen=True, slots=True)
class Sniffed:
    """What was found out about a file, for `entrepot check`."""

    format: str
    columns: tuple[str, ...]
    facts: Mapping[str, str] = field(default_factory=dict)
    """In the order in which they are shown: delimiter, encoding, sheets, …"""


class FormatReader(Protocol):
    """One file format with its options. Called by the thread of the flow."""

    def parts(self, path: Path, place: str) -> list[Part]:
        """Open a file's rows. `place` is what people call the file.

        Raises: DataError when the file cannot be read as a whole.
        """
        ...

    def sniff(self, path: Path, place: str) -> Sniffed:
        """Say what the file looks like. Raises: DataError as `parts`."""
        ...


@dataclass(frozen=True, slots=True)
class FormatContext:
    """What a format may know beside its options."""

    columns: tuple[Column, ...] = ()
    """The contract's."""
    scratch: Path | None = None
    """Folder for short-lived files; None: the system's."""
    emit: Emit = ignore
    """Who is told of records that an option leaves out."""

    @property
    def known_columns(self) -> frozenset[str]:
        """Lower-case headers that the contract knows: they settle which of several delimiters is meant."""
        return headers_of(self.columns)

    @property
    def numeric_columns(self) -> frozenset[str]:
        """Lower-case headers of columns that the contract wants as numbers: decimal comma and thousands apply to them."""
        return numeric_headers(self.columns)


@dataclass(frozen=True, slots=True)
class Example:
    """A worked example: a file as a picture, the options that read it (`excel: {…}`), and what comes out."""

    title: str
    picture: str
    yaml: str
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatSpec:
    """One file format: what people read about it, its options (under its name in the source's file), and its reader."""

    name: str
    summary: str
    """One sentence."""
    description: str
    example_yaml: str
    examples: tuple[Example, ...] = ()
    extensions: tuple[str, ...]
    """Lower case, with the dot."""
    fields: tuple[FieldSpec, ...]
    build: Callable[[Options, FormatContext], FormatReader]
    """Loads the format's library only when it is called."""
    may_be_compressed: bool = False
    """True when `.gz` and `.zst` may follow the extension."""
    check: Callable[[Options], list[tuple[KeyPath, str]]] | None = None
    """What cannot be said of one option alone: the option, and what is wrong; called with options that are right one by one."""


def headers_of(columns: tuple[Column, ...]) -> frozenset[str]:
    """All names under which sources may bring the columns, in lower case."""
    return frozenset(name.lower() for column in columns for name in (column.name, *column.headers))


def numeric_headers(columns: tuple[Column, ...]) -> frozenset[str]:
    """Those of columns that hold numbers."""
    return headers_of(tuple(column for column in columns if column.type.kind in _NUMBERS))
