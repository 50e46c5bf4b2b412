"""What explaining gives, as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Limits:
    """How far an explanation may go."""

    most: int = 10_000
    """Rows of one table that are followed on; more are counted only."""
    full: bool = False
    """Follow all, however many."""
    steps: int | None = None
    """Tables deep; None: down to the sources."""
    seconds: float = 60.0
    """Of one question to the engine."""
    samples: int = 3
    """Rows that are shown of each table."""


@dataclass(frozen=True, slots=True)
class Use:
    """What one table gave to the explained rows of another."""

    dataset: str
    version: int
    records: int
    """Rows of it that are known by now."""
    total: int
    """Rows of it altogether."""
    total_is: str = "exact"
    """`exact`, or `at most` where a row that is used twice may count twice."""
    longer: tuple[str, ...] = ()
    """Why rows are listed that the result may not need; empty: every one has its part."""
    absences: tuple[str, ...] = ()
    """Where the result also depends on rows that are not there."""
    sample: Sequence[Row] = ()

    @property
    def is_exact(self) -> bool:
        """True when every listed row has its part."""
        return not self.longer

    @property
    def is_whole(self) -> bool:
        """True when all rows are followed."""
        return self.records >= self.total


@dataclass(frozen=True, slots=True)
class FileUse:
    """Records of one file, or of another place that a source reads."""

    source: str
    place: str
    records: int
    first: str
    """The place of one of them: `sales.csv#17`."""


@dataclass(frozen=True, slots=True)
class Step:
    """One table whose rows were explained."""

    dataset: str
    version: int | None
    kind: str
    """A model's kind, `python`, or `source`."""
    rows: int
    uses: tuple[Use, ...] = ()
    files: tuple[FileUse, ...] = ()
    file_count: int = 0
    refused: str | None = None
    """Why it goes no further here."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """Where rows come from."""

    dataset: str
    release: int
    rows: Sequence[Row]
    steps: tuple[Step, ...]
    """The asked table first, every table after those that use it."""
    exported: int | None = None
    """Rows written to a file."""

    @property
    def sources(self) -> tuple[Step, ...]:
        """The steps that reached records as they came."""
        return tuple(step for step in self.steps if step.kind == "source")


@dataclass(frozen=True, slots=True)
class Reached:
    """Rows of one table that a record reached."""

    dataset: str
    version: int
    kind: str
    rows: int
    through: tuple[str, ...] = ()
    """The tables over which it came."""
    sample: Sequence[Row] = ()
    refused: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a record."""

    dataset: str
    record: int
    id: str
    origin: str | None
    state: str
    """`accepted`, `rejected`, `gone`, `never seen`."""
    words: str
    row: Row = field(default_factory=dict)
    corrected_by: str | None = None
    corrects: str | None = None


@dataclass(frozen=True, slots=True)
class ForwardAnswer:
    """Where a record went."""

    release: int
    fates: tuple[Fate, ...]
    reached: tuple[Reached, ...]
