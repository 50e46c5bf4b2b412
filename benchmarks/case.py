"""The one shape of a case: the same task for several subjects, of which the first is the floor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SIZES = ("tiny", "small", "full")
"""tiny is for tests: it proves the machinery, its figures say nothing."""
PEER_ROUNDS_S = 60.0
"""A peer that took longer than this in its first round is not run again."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Where one measurement happens.

    data: files that all measurements share, made once. base: what `once` made for this subject. work: empty, for this measurement alone.
    """

    data: Path
    base: Path
    work: Path
    rows: int

    def to_json(self) -> dict[str, Any]:
        """For the process that measures."""
        return {"data": str(self.data), "base": str(self.base), "work": str(self.work), "rows": self.rows}

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Setting:
        """Read what `to_json` wrote."""
        return Setting(Path(value["data"]), Path(value["base"]), Path(value["work"]), int(value["rows"]))


@dataclass(frozen=True, slots=True)
class Output:
    """What a subject left: Parquet files, Delta tables (accepted rows, and quarantine where there is one), or a table in a DuckDB file."""

    files: tuple[str, ...] = ()
    delta: str | None = None
    quarantine: str | None = None
    database: tuple[str, str] | None = None
    """The file, and the table in it."""

    def to_json(self) -> dict[str, Any]:
        """For the process that verifies."""
        return {
            "files": list(self.files),
            "delta": self.delta,
            "quarantine": self.quarantine,
            "database": self.database,
        }

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Output:
        """Read what `to_json` wrote."""
        file, table = value["database"] or (None, None)
        database = (file, table) if file is not None and table is not None else None
        return Output(tuple(value["files"]), value["delta"], value["quarantine"], database)


@dataclass(frozen=True, slots=True)
class Facts:
    """By what a result is recognized as right: its rows, the sum of a column in cents, the rows in quarantine."""

    rows: int
    cents: int
    rejected: int = 0


def nothing(setting: Setting) -> None:
    """The step that is not needed."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One way of doing a case's task. Each step runs in a process of its own, and heavy imports stand inside functions.

    load: the imports, timed by themselves. work: the task, timed. once: untimed, before the first round. prepare: untimed, before each.
    command: instead of load and work, a whole process is timed, from its start to its end.
    """

    name: str
    work: Callable[[Setting], Output]
    expects: Callable[[Setting], Facts]
    load: Callable[[], object] = object
    once: Callable[[Setting], None] = nothing
    prepare: Callable[[Setting], None] = nothing
    command: Callable[[Setting], list[str]] | None = None
    peer: bool = False
    """True: it runs in a peers' environment, where nothing of this project is installed."""
    environment: str = "dlt"
    """Which of them: tools that cannot be installed side by side have one each."""


@dataclass(frozen=True, slots=True)
class Case:
    """A task, its sizes, and who does it."""

    name: str
    title: str
    sizes: Mapping[str, tuple[int, ...]]
    """size → numbers of rows; each is measured."""
    generate: Callable[[Path, int], None]
    """Makes the shared files for a number of rows, unless they are there."""
    subjects: tuple[Subject, ...] = field(default=())
    rounds: int = 3

    def subject(self, name: str) -> Subject:
        """The subject of that name."""
        return next(subject for subject in self.subjects if subject.name == name)

    def chosen(self, *, peers: bool) -> tuple[Subject, ...]:
        """The subjects of a run with or without peers."""
        return tuple(subject for subject in self.subjects if peers or not subject.peer)
