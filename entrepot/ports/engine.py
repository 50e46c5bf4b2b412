"""The SQL engine: judges rows by a contract, runs SELECTs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from entrepot.contracts.model import Contract
from entrepot.kernel.rows import Stamp
from entrepot.ports.relations import Part, QueryScan, TableVersion


@dataclass(frozen=True, slots=True)
class ColumnStats:
    """A column's figures in one file; None where the engine does not know them exactly."""

    minimum: object | None
    maximum: object | None
    nulls: int | None


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A Parquet file that is written but not part of any table yet."""

    path: Path
    rows: int
    size_bytes: int
    stats: Mapping[str, ColumnStats] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Staged:
    """Rows as Parquet files of one schema. May hold no file. Files may hold further columns, all null."""

    schema: pa.Schema
    files: tuple[StagedFile, ...] = ()

    @property
    def rows(self) -> int:
        """Number of rows in all files."""
        return sum(file.rows for file in self.files)


@dataclass(frozen=True, slots=True)
class Counts:
    """Frozen counts of a batch: received = accepted + rejected + duplicate, always."""

    received: int
    accepted: int
    rejected: int
    duplicate: int = 0

    @property
    def closes(self) -> bool:
        """True when no row is missing and none is counted twice."""
        return self.received == self.accepted + self.rejected + self.duplicate


@dataclass(frozen=True, slots=True)
class SplitResult:
    """One landing's two outputs, neither committed."""

    accepted: Staged
    rejected: Staged
    counts: Counts
    reasons: Mapping[str, int] = field(default_factory=dict)
    """rule id → number of rows that broke it (errors and warnings)."""
    places: Mapping[str, Counts] = field(default_factory=dict)
    """place → counts, for receipts."""
    replaced: str | None = None
    """What `find_replaced` gave."""
    notes: tuple[str, ...] = ()
    """What people should know though nothing is wrong with any row: columns that a source lacks or that are ignored."""
    keys: Staged | None = None
    """The touched keys, where only rows with these were computed; None: all rows were."""


REJECT_SCHEMA = pa.schema(
    [
        ("_record_id", pa.int64()),
        ("_batch", pa.int64()),
        ("_source", pa.string()),
        ("_origin", pa.string()),
        ("_received_at", pa.timestamp("us", tz="UTC")),
        ("_corrects", pa.int64()),
        ("row", pa.string()),
        (
            "reasons",
            pa.list_(
                pa.struct(
                    [
                        ("rule", pa.string()),
                        ("column", pa.string()),
                        ("value", pa.string()),
                        ("expected", pa.string()),
                        ("at", pa.string()),
                    ]
                )
            ),
        ),
    ]
)
"""Schema of quarantine tables. `row` is a JSON object: contract column → the value as text as it came (null: null)."""


@dataclass(frozen=True, slots=True)
class SplitTask:
    """Everything that fixes the outcome of one landing."""

    parts: Sequence[Part]
    contract: Contract | None
    """None: take rows as they come (a model without contract)."""
    stamp: Stamp
    existing: TableVersion | None = None
    """The target as the plan saw it: uniqueness is judged against it. None: not judged against the table."""
    references: Mapping[str, TableVersion] = field(default_factory=dict)
    """dataset → version for foreign keys; a dataset that is absent has no rows."""
    keep_last_of_key: bool = False
    """Merge: of several rows with one key the last is kept, the others count as duplicate. Otherwise they are rejected."""
    ignore_key_conflicts_where: str | None = None
    """SQL predicate over the existing table: rows that this batch is about to replace are no conflict."""
    replaced: Staged | None = None
    """Keys whose rows of the existing table go with this batch: they are no conflict. The engine sets it itself when it refreshes."""
    find_replaced: Callable[[Staged], str | None] | None = None
    """Gives that predicate from the rows themselves, before uniqueness is judged; called once, when all are staged."""
    approved_rules: bool = False
    """True for rows a person approved: row rules no longer reject (types still do); they are noted as warnings."""
    system_columns: bool = True
    """False: write the contract's columns only (full models)."""


class Result(Protocol):
    """Rows of a query, to be read once."""

    schema: pa.Schema

    def batches(self) -> pa.RecordBatchReader:
        """The rows, streamed."""
        ...


class Engine(Protocol):
    """Called from several threads; each call works on a connection of its own."""

    def split(self, task: SplitTask, into: Path) -> SplitResult:
        """Type and judge all rows, write accepted and rejected ones as Parquet files under `into` (emptied first).

        The same task gives the same rows with the same record ids.

        Raises: DataError when a part cannot be read or lacks required columns.
        """
        ...

    def query(self, scan: QueryScan) -> Result:
        """Run a SELECT over tables at fixed versions."""
        ...

    def require(self, contract: Contract) -> None:
        """Say before anything runs that rows can be judged by this contract here.

        Raises: MissingExtra when a library for one of its types is not installed.
        """
        ...

    def describe(self, scan: QueryScan) -> pa.Schema:
        """Names and types that a SELECT gives, without running it. Raises: ProjectError where the SQL is wrong."""
        ...
