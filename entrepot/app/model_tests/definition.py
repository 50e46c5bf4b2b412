"""What a test of a model or contract says, as values that know where they stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from entrepot.kernel.errors import Place


@dataclass(frozen=True, slots=True)
class Cell:
    """One value as the file writes it; None is null. Its column's type says what it means."""

    text: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class TextRow:
    """One row; columns that it does not name are absent, which is not the same as null."""

    cells: Mapping[str, Cell]
    place: Place


@dataclass(frozen=True, slots=True)
class Given:
    """The rows of one input."""

    dataset: str
    rows: tuple[TextRow, ...]
    place: Place


class Columns(StrEnum):
    """Which columns of the outcome are compared."""

    ALL = "all"
    PARTIAL = "partial"
    """Those that the expected rows name."""


@dataclass(frozen=True, slots=True)
class WantedReject:
    """A row that the contract must reject: all these rules are among its reasons, and its row has these texts."""

    rules: tuple[str, ...]
    row: Mapping[str, str | None]
    place: Place


@dataclass(frozen=True, slots=True)
class Expected:
    """What must come out. `rows` None: not compared. No reject is expected where none is named."""

    rows: tuple[TextRow, ...] | None
    columns: Columns
    rejected: tuple[WantedReject, ...]
    place: Place
    rows_file: str | None = None
    """The file beside the test that holds the rows, where they do not stand in it."""


@dataclass(frozen=True, slots=True)
class ModelTest:
    """One test: a model, or the contract of a dataset that comes from outside."""

    name: str
    target: str
    of_contract: bool
    through: tuple[str, ...]
    """Models that are computed on the way instead of being given."""
    given: tuple[Given, ...]
    expect: Expected
    place: Place
    at: tuple[str | int, ...] = field(default=())
    """Where the test stands in its file, as keys."""
