"""What a contract expects of deliveries: how fresh the data are, and what is usual, learned from their own history."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from entrepot.contracts.row_rules import Severity
from entrepot.kernel.errors import Place

LEAST = 8
"""How many observations something usual is learned from, where the contract does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """The newest value of a column, or without one the newest arrival, is at most so old when the dataset is released."""

    id: str
    column: str | None
    hours: Decimal
    severity: Severity = Severity.WARNING
    description: str | None = None
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """Rows and arrivals are as usual; what is usual follows from the dataset's own history."""

    volume: bool = True
    arrival: bool = True
    by: str | None = None
    """A date or timestamp column: its rows are counted by day. None: by delivery."""
    least: int = LEAST
    severity: Severity = Severity.WARNING
    place: Place | None = field(default=None, compare=False)


Expectation = Fresh | Learned
