"""What was counted in a table's columns: the input of `decide`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from entrepot.contracts.infer.forms import FORMS, Form
from entrepot.contracts.types import ColumnType


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """One column's figures. Blank texts count neither as values nor as nulls."""

    name: str
    type: ColumnType | None
    """The type the source itself states (Parquet, a table); None: all is text."""
    values: int
    nulls: int
    blanks: int
    distinct: int
    """Of the values; exact."""
    longest: int = 0
    """Characters."""
    forms: Mapping[str, int] = field(default_factory=dict)
    """Form → number of values that have it; zone-less times are read as those of UTC."""
    distinct_as: Mapping[str, int] = field(default_factory=dict)
    """Form that all values have → distinct values when they are read so: `5` and `+5` are one number."""
    unclear: Mapping[str, int] = field(default_factory=dict)
    """Form of instants that all values have → values that name no one instant: the zone's clocks skip or repeat them."""
    misfits: int = 0
    """Values that the engine does not take as `type`: finer than microseconds, or a year before 1 or after 9999."""
    digits: int = 0
    """Most digits before the decimal point, of numbers."""
    scale: int = 0
    """Most digits after it."""
    smallest: str | None = None
    largest: str | None = None
    """Of values that are numbers or dates; None for others."""
    listed: tuple[str, ...] = ()
    """All distinct values, sorted, when they are few."""

    def has(self, form: Form) -> bool:
        """True when all values have the form."""
        return self.values > 0 and self.forms.get(form.name, 0) == self.values

    def fitting(self) -> list[Form]:
        """The forms that make a type and that all values have, the narrowest first."""
        return [form for form in FORMS if self.has(form)]


@dataclass(frozen=True, slots=True)
class TableProfile:
    """A table's figures."""

    rows: int
    columns: tuple[ColumnProfile, ...]
    pairs: tuple[tuple[str, str], ...] = ()
    """Pairs of columns that together are unique, looked for only when no single column is."""
    is_sample: bool = False
    """True when there are more rows than were counted."""
    faulty: int = 0
    """Rows that the reader could not read as they are: cells with errors, broken records."""
