"""What the pages say, as values: gathered from the project and, once it has run, from state and lake. No value of a row is among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from entrepot.catalog.lineage import LineageGraph
from entrepot.contracts.docs.facts import DatasetFacts
from entrepot.contracts.model import Contract
from entrepot.contracts.render import ColumnRow
from entrepot.lake.models import Model
from entrepot.lake.quality.balance import Balance
from entrepot.serve.kpis import Kpi


@dataclass(frozen=True, slots=True)
class BatchFigures:
    """One batch of a dataset."""

    flow: str
    sequence: int
    at: datetime | None
    status: str
    received: int | None = None
    accepted: int | None = None
    rejected: int | None = None
    duplicate: int | None = None
    superseded: int = 0
    version: int | None = None


@dataclass(frozen=True, slots=True)
class RuleFigures:
    """How a rule over the whole dataset was judged last."""

    rule: str
    demands: str
    measured: str
    verdict: str
    """passed, warning, failed or accepted."""
    version: int
    at: datetime
    is_current: bool
    holds: bool = True
    """True when a version that breaks it is not released."""


@dataclass(frozen=True, slots=True)
class PastJudgement:
    """All rules of one kind, at one version."""

    at: datetime
    version: int
    rules: int
    failed: tuple[str, ...]
    """Those that hold a release."""
    warned: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """How a dataset stands."""

    version: int
    """The newest one."""
    released: int | None
    """The one that readers see."""
    rows: int | None
    """Of the version that readers see, or of the newest one where none is released; None: cannot be counted."""
    files: int
    size_bytes: int
    balance: Balance | None
    """Of all batches, where the newest version's rows could be counted."""
    batches: tuple[BatchFigures, ...]
    """The last ones, newest first."""
    batches_in_all: int
    reasons: Mapping[str, int]
    """rule id → how many records broke it, over all batches that settled."""
    rules: tuple[RuleFigures, ...] = ()
    history: tuple[PastJudgement, ...] = ()
    last_change: datetime | None = None


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """A column for people."""

    row: ColumnRow
    classification: str | None = None
    unit: str | None = None
    origins: tuple[str, ...] = ()
    """Columns that it takes its value from, `layer.name.column`."""
    inherited: tuple[str, ...] = ()
    """Classifications of what it takes its value from, over all steps, where it has none of its own."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A dataset with everything that its page says."""

    name: str
    layer: str
    kind: str
    """In a few words: `source, appended`, `model, full`, `view`, `KPI`."""
    description: str
    owner: str
    file: str
    """Where it is defined, below the project's folder."""
    contract: Contract | None
    contract_name: str | None
    """The dataset whose contract holds, where it is not its own."""
    columns: tuple[ColumnFacts, ...]
    columns_note: str
    """Why the columns are not known, or not all of them."""
    made_from: tuple[str, ...] = ()
    read_by: tuple[str, ...] = ()
    refers_to: tuple[str, ...] = ()
    referred_by: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    kpis: tuple[str, ...] = ()
    """Names of the KPIs over it."""
    kpi: str | None = None
    """The KPI whose values it holds."""
    model: Model | None = None
    tests: tuple[str, ...] = ()
    figures: Figures | None = None
    held: str | None = None
    """Why readers see an older version, in words that hold no value."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Classifications among the columns."""
        return tuple(sorted({column.classification for column in self.columns if column.classification}))

    @property
    def inherited(self) -> tuple[str, ...]:
        """Classifications that columns have from further up."""
        return tuple(sorted({word for column in self.columns for word in column.inherited} - set(self.classes)))


@dataclass(frozen=True, slots=True)
class PeriodFigures:
    """A KPI over all groups in one period."""

    start: date
    name: str
    value: float | None
    previous: float | None
    change: float | None
    change_percent: float | None
    numerator: float | None
    denominator: float | None
    target: float | None
    reason: str | None
    trend: str | None
    status: str | None
    is_closed: bool


@dataclass(frozen=True, slots=True)
class KpiEntry:
    """A KPI with its last values, oldest first."""

    kpi: Kpi
    file: str
    periods: tuple[PeriodFigures, ...] = ()
    standing: PeriodFigures | None = None
    """The newest closed period, or the newest one when none is closed."""


@dataclass(frozen=True, slots=True)
class OptionFacts:
    """An option of a source; a secret's value is not there."""

    name: str
    value: str
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """One file of `sources/`."""

    name: str
    file: str
    connector: str
    summary: str
    description: str
    feeds: tuple[tuple[str, str], ...]
    """(dataset, how it is written)."""
    options: tuple[OptionFacts, ...]
    folders: tuple[tuple[str, int], ...] = ()
    """Folders of the storage area and how many files lie in each."""
    files_taken: int = 0
    bytes_taken: int = 0
    batches: tuple[BatchFigures, ...] = ()
    balance: tuple[Balance, ...] = ()


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """The newest release."""

    id: int
    at: datetime
    run: str
    tables: int
    views: int


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """Everything."""

    project: str
    description: str
    zone: str
    entries: tuple[Entry, ...]
    kpis: tuple[KpiEntry, ...]
    sources: tuple[SourceEntry, ...]
    contracts: tuple[DatasetFacts, ...]
    release: ReleaseFacts | None = None
    has_run: bool = False
    lineage: LineageGraph = field(default_factory=lambda: LineageGraph(()))

    def find(self, name: str) -> Entry | None:
        """The dataset of that name."""
        return next((entry for entry in self.entries if entry.name == name), None)
