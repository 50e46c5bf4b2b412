"""Rules over whole datasets: what is measured, and what of it is remembered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Protocol

import pyarrow as pa

from entrepot.contracts.model import Contract
from entrepot.contracts.row_rules import Severity
from entrepot.contracts.set_rules import AnySetRule
from entrepot.ports.engine import Result
from entrepot.ports.relations import TableVersion

KINDS = ("rules", "rejects", "volume", "freshness")
"""What a judgement can be about: the contract's rules over the rows, rejected records, how much came, how fresh it is."""


@dataclass(frozen=True, slots=True)
class QueryToMeasure:
    """A rule's SELECT, checked, with what its names mean."""

    sql: str
    tables: Mapping[str, TableVersion]
    views: Mapping[str, str] = field(default_factory=dict)
    """Views in it, each after those it reads; their tables are among `tables`."""


@dataclass(frozen=True, slots=True)
class MeasureTask:
    """One dataset at one version, and the rules to measure there."""

    table: TableVersion
    contract: Contract
    rules: Sequence[AnySetRule]
    queries: Mapping[str, QueryToMeasure] = field(default_factory=dict)
    """rule id → its query, for rules of SQL."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one rule measured: `number` bad rows, rows, or what its SELECT gave, of `rows` in all; or why it could not."""

    rule: str
    number: Fraction | None
    rows: int | None
    error: str | None = None


class Measurer(Protocol):
    """Called from several threads; each call works on a connection of its own, bounded in memory and time."""

    def measure(self, task: MeasureTask) -> Sequence[Measured]:
        """Measure all rules, in their order. A rule that cannot be evaluated has an `error`; it never passes."""
        ...

    def broken_rows(self, task: MeasureTask, limit: int) -> Result:
        """Rows that break the task's first rule, with `_record_id` and `_origin` where the table has them.

        Raises: UsageError for rules that no single row breaks.
        """
        ...


class KeptRows(Protocol):
    """The rows that broke rules, as they were at the version that was judged."""

    def save(self, dataset: str, version: int, basis: str, rule: str, rows: pa.Table) -> None:
        """Keep rows durably; once more replaces them. The oldest of a dataset go when there are too many."""
        ...

    def find(self, dataset: str, version: int, basis: str, rule: str) -> pa.Table | None:
        """The rows; None when none are kept."""
        ...


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule judged: `measured` is in the rule's unit, `limit` says in words what is allowed."""

    rule: str
    severity: Severity
    passed: bool
    measured: str | None
    """A number as text; None when it could not be measured."""
    unit: str | None
    limit: str
    bad_rows: int | None = None
    """How many rows were bad, where rows were counted."""
    rows: int | None = None
    """How many rows the dataset had."""
    error: str | None = None
    """Why it could not be evaluated."""
    detail: str | None = None
    """More for people: of rejects their reasons."""
    dimension: str | None = None
    description: str | None = None

    @property
    def holds_release(self) -> bool:
        """True when the dataset may not be released because of it, unless somebody accepts it."""
        return not self.passed and self.severity is Severity.ERROR


@dataclass(frozen=True, slots=True)
class Judgement:
    """All rules of one kind over one version of a dataset. `basis` hashes everything that it depended on."""

    dataset: str
    version: int
    kind: str
    """One of `KINDS`."""
    basis: str
    run: str
    at: datetime
    results: tuple[RuleResult, ...]
    first_at: datetime | None = None
    """When it was judged on this basis for the first time."""

    @property
    def is_certain(self) -> bool:
        """False when a rule could not be evaluated: then it is tried again."""
        return all(result.error is None for result in self.results)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Somebody lets a version of a dataset pass although a rule failed, on the basis that was judged then."""

    dataset: str
    rule: str
    version: int
    basis: str
    """Of the judgement: when the rule or anything it read changes, nobody has accepted that."""
    by: str
    at: datetime
    reason: str


class QualityLog(Protocol):
    """The memory of judgements. Each method is one transaction."""

    def save(self, judgement: Judgement) -> None:
        """Keep a judgement; one of the same dataset, version, kind and basis is replaced, its first instant stays."""
        ...

    def find(self, dataset: str, version: int, kind: str, basis: str) -> Judgement | None:
        """The judgement on that basis."""
        ...

    def latest(self, dataset: str) -> Sequence[Judgement]:
        """The newest judgement of each kind, over the newest version judged."""
        ...

    def history(self, dataset: str, limit: int = 100) -> Sequence[Judgement]:
        """Newest first."""
        ...

    def accept(self, acceptance: Acceptance) -> None:
        """Remember that somebody accepts; once more replaces who, when and why."""
        ...

    def acceptances(self, dataset: str) -> Sequence[Acceptance]:
        """Oldest first."""
        ...
