"""What is known of where a SELECT's columns come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from entrepot.kernel.names import Dataset

ANY = "*"
"""Stands for all columns of a dataset whose columns cannot be known from the text."""


class How(StrEnum):
    """How an output column takes its value from an input column; each is looser than the one before."""

    IDENTITY = "identity"
    """The value as it is, perhaps under another name."""
    CAST = "cast"
    """The value in another type."""
    EXPRESSION = "expression"
    """A value computed from it, in the same row; a condition of CASE counts too."""
    AGGREGATE = "aggregate"
    """A value computed from several rows, or taken from another row: aggregates and windows."""

    def then(self, following: How) -> How:
        """What two steps come to, one after the other: the looser of both."""
        return self if _ORDER[self] >= _ORDER[following] else following


_ORDER = {how: rank for rank, how in enumerate(How)}


@dataclass(frozen=True, slots=True, order=True)
class ColumnName:
    """A column of a dataset. `str()` gives `layer.name.column`."""

    dataset: Dataset
    column: str

    def __str__(self) -> str:
        return f"{self.dataset}.{self.column}"


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns of a dataset, as far as they are known without reading it."""

    columns: tuple[str, ...]
    hidden: tuple[str, ...] = ()
    """System columns: a model can name them, the stars of its outermost SELECT leave them out."""
    is_open: bool = False
    """True: there may be further columns."""


@dataclass(frozen=True, slots=True)
class ColumnLineage:
    """Where one output column comes from.

    direct: the columns it takes its value from. indirect: those that decide which rows there are, how they are grouped and ordered.
    A column can be in both.
    """

    name: str
    direct: Mapping[ColumnName, How] = field(default_factory=dict)
    indirect: frozenset[ColumnName] = frozenset()
    is_approximate: bool = False
    """True: a part could not be resolved, and all columns of the tables in question stand in its place."""
    line: int = 0
    """Where it stands in the text, from 1; 0 where that is not known."""

    @property
    def all(self) -> frozenset[ColumnName]:
        """Every column that can change this one."""
        return self.indirect.union(self.direct)


@dataclass(frozen=True, slots=True, order=True)
class Doubt:
    """What could not be resolved, and on which line of the text."""

    line: int
    """From 1; 0 where it is not known."""
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}" if self.line else self.reason


@dataclass(frozen=True, slots=True)
class QueryLineage:
    """The output columns of a SELECT in their order, each with its lineage.

    Where the names of further columns cannot be known from the text, the last one is named `*` and says what each of them may come from.
    """

    columns: tuple[ColumnLineage, ...]
    doubts: tuple[Doubt, ...] = ()

    @property
    def is_open(self) -> bool:
        """True where there may be further columns."""
        return bool(self.columns) and self.columns[-1].name == ANY

    def find(self, name: str) -> ColumnLineage | None:
        """The column of that name, in any case; the one named `*` where there may be further ones; None when there is none."""
        found = next((column for column in self.columns if column.name.lower() == name.lower()), None)
        return found or (self.columns[-1] if self.is_open else None)
