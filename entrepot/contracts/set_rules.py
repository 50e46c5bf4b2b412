"""Rules over a whole dataset, judged after the write: counts and measures against a limit."""

from __future__ import annotations

from dataclasses import dataclass, field

from entrepot.contracts.limits import Limit, Unit
from entrepot.contracts.row_rules import AnyRule, Severity
from entrepot.kernel.errors import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRule:
    """Base of the rules over a whole dataset, judged after the write. `id` is unique in the contract, row rules included.

    `severity` error holds the release; warning is shown. `place` is where the contract says it; it is no part of the rule.
    """

    id: str
    limit: Limit
    severity: Severity = Severity.ERROR
    description: str | None = None
    dimension: str | None = None
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountBroken(SetRule):
    """How many rows break one of some row rules of one column: `nullValues`, `missingValues`, `invalidValues`."""

    metric: str
    column: str
    rules: tuple[AnyRule, ...]
    unit: Unit = Unit.ROWS


@dataclass(frozen=True, slots=True, kw_only=True)
class CountDuplicates(SetRule):
    """How many rows are too many, those with values that another row has already; rows with a null among them are left out."""

    columns: tuple[str, ...]
    unit: Unit = Unit.ROWS


@dataclass(frozen=True, slots=True, kw_only=True)
class CountRows(SetRule):
    """How many rows the dataset has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureSql(SetRule):
    """The one number that a SELECT gives; kept as the contract writes it, with its placeholders."""

    query: str
    column: str | None = None
    """The property on which the rule stands: what `${property}` means."""
    names: tuple[tuple[str, str], ...] = ()
    """Names by which the query may call datasets, in lower case, → `layer.name`: the schema objects of the file."""
    unit: str | None = None
    """For people only."""


AnySetRule = CountBroken | CountDuplicates | CountRows | MeasureSql
