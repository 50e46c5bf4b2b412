"""What a KPI is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

from entrepot.kernel.names import Dataset
from entrepot.sql.expressions import Aggregate

VALUE_COLUMNS = ("value", "numerator", "denominator", "reason")
"""Columns that every KPI's table has, after those of its grain."""

TREND_COLUMNS = (
    "previous", "change", "change_percent", "change_reason", "trend", "target", "direction", "status", "is_closed",
)  # fmt: skip
"""Columns that every KPI's table has at its end: how a value stands against the period before and against its thresholds."""

SCORECARD = Dataset("gold", "kpi_scorecard")
"""One row per KPI and period, over all groups: every KPI's total with its trend and status."""


class Direction(StrEnum):
    """Which way is better."""

    HIGHER = "higher_is_better"
    LOWER = "lower_is_better"


class Status(StrEnum):
    """How a value stands against the thresholds."""

    GOOD = "good"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"
    """There is no value to judge."""


class Every(StrEnum):
    """How long a period is; each begins with the date or time that stands in the KPI's first column."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Up to `good` a value is good, up to `warning` it needs attention, beyond that it is critical. Bounds belong to the better side."""

    good: float
    warning: float
    direction: Direction

    def judge(self, value: float | Decimal | None) -> Status:
        """The status of a value; none that is finite, none that can be judged. As the SQL of `trends` says it, in doubles."""
        if value is None or not math.isfinite(value):
            return Status.UNKNOWN
        value, sign = float(value), 1 if self.direction is Direction.HIGHER else -1
        if sign * value >= sign * self.good:
            return Status.GOOD
        return Status.WARNING if sign * value >= sign * self.warning else Status.CRITICAL


@dataclass(frozen=True, slots=True)
class Kpi:
    """One number with its definition. A rate has numerator and denominator, and its value is a ratio (0.97, not 97)."""

    name: str
    title: str
    definition: str
    model: Dataset
    grain: tuple[str, ...]
    every: Every
    unit: str
    owner: str
    path: Path
    measure: Aggregate | None = None
    numerator: Aggregate | None = None
    denominator: Aggregate | None = None
    also: Mapping[str, Aggregate] = field(default_factory=dict)
    """Further aggregates of the same rows, shown beside the value."""
    has_total: bool = True
    """False where rows of one period are of different kinds (currencies), so that one number for all would mean nothing."""
    formula: str | None = None
    """The formula in words, for people; the expressions are what is computed."""
    format: str | None = None
    target: float | None = None
    direction: Direction | None = None
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
    def adds_up(self) -> bool:
        """True when the total grows with the number of rows (a sum or a count): its target and thresholds then hold for the total alone."""
        return not self.is_rate and self.measure is not None and self.measure.is_additive

    @property
    def period(self) -> str:
        """The column by which values are compared over time: the first of the grain."""
        return self.grain[0]
