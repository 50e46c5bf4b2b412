"""What a KPI is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from entrepot.kernel.names import Dataset
from entrepot.sql.expressions import Aggregate

VALUE_COLUMNS = ("value", "numerator", "denominator", "reason")
"""Columns that every KPI's table has, after those of its grain."""


class Direction(StrEnum):
    """Which way is better."""

    UP = "up"
    DOWN = "down"


class Verdict(StrEnum):
    """How a value stands against the thresholds."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From `good` on a value is good, from `warn` on it needs attention, beyond that it is bad."""

    good: float
    warn: float
    direction: Direction = Direction.UP

    def judge(self, value: float) -> Verdict:
        """The verdict on a value."""
        sign = 1 if self.direction is Direction.UP else -1
        if sign * value >= sign * self.good:
            return Verdict.GOOD
        return Verdict.WARN if sign * value >= sign * self.warn else Verdict.BAD


@dataclass(frozen=True, slots=True)
class Kpi:
    """One number with its definition. A rate has numerator and denominator, and its value is a ratio (0.97, not 97)."""

    name: str
    title: str
    definition: str
    model: Dataset
    grain: tuple[str, ...]
    unit: str
    owner: str
    path: Path
    measure: Aggregate | None = None
    numerator: Aggregate | None = None
    denominator: Aggregate | None = None
    also: Mapping[str, Aggregate] = field(default_factory=dict)
    """Further aggregates of the same rows, shown beside the value."""
    format: str | None = None
    target: float | None = None
    thresholds: Thresholds | None = None
    edge_cases: tuple[str, ...] = ()

    @property
    def dataset(self) -> Dataset:
        """Where the KPI's values stand."""
        return Dataset("gold", f"kpi_{self.name}")

    @property
    def is_rate(self) -> bool:
        """True when the value is a ratio of two sums."""
        return self.denominator is not None

    @property
    def period(self) -> str:
        """The column by which values are compared over time: the first of the grain."""
        return self.grain[0]
