"""Tables of the lake: versions, history, upkeep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import pyarrow as pa

from entrepot.ports.relations import TableVersion
from entrepot.ports.writer import Batch, Committed


@dataclass(frozen=True, slots=True)
class TableCommit:
    """One entry of a table's history; `plan` is the metadata of the batch, None for upkeep and foreign commits."""

    version: int
    at: datetime
    operation: str
    plan: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class TableShape:
    """Newest version, newest checkpoint (None: none yet), sizes of the active files in bytes."""

    version: int
    checkpoint: int | None
    sizes_bytes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """How two versions of a table differ, from the log alone: rows in files that came and went, moved rows counted in both."""

    rows_added: int
    rows_removed: int
    same_columns: bool = True

    @property
    def is_empty(self) -> bool:
        """True when no row came or went: small files were joined at most."""
        return not (self.rows_added or self.rows_removed)


class Tables(Protocol):
    """The lake. Names are `bronze.sales`, `quarantine.bronze.sales`. Called from several threads."""

    def exists(self, name: str) -> bool:
        """True when the table has at least one durable version."""
        ...

    def create(self, name: str, schema: pa.Schema, *, description: str | None = None) -> None:
        """Create the table durably, or add the schema's new columns to it. Repeatable.

        Raises: ProjectError when a column changed its type in a way that needs a decision.
        """
        ...

    def schema(self, name: str, version: int | None = None) -> pa.Schema:
        """The schema as Arrow. Raises: KeyError when there is no such table."""
        ...

    def as_kept(self, schema: pa.Schema) -> pa.Schema:
        """The schema that a table created with this one would give back: types may be kept in another form."""
        ...

    def version(self, name: str) -> int:
        """The newest version; -1 when there is no such table."""
        ...

    def table_id(self, name: str) -> str:
        """The identity the table was created with: differs when somebody deleted and made it anew."""
        ...

    def rows(self, name: str, version: int | None = None) -> int:
        """How many rows a version has, newest by default. Raises: KeyError when there is no such table or version."""
        ...

    def difference(self, name: str, after: int, upto: int) -> Difference | None:
        """What came and went between two versions; None when that cannot be told any more, or not from the files alone."""
        ...

    def last_sequence(self, name: str, flow: str) -> int:
        """The highest sequence of `flow` in the newest version; 0 when none."""
        ...

    def commit(self, name: str, batch: Batch) -> Committed:
        """As `Writer.commit`."""
        ...

    def history(self, name: str, since: int = 0) -> Iterable[TableCommit]:
        """Commits, newest first, down to version `since`."""
        ...

    def list_tables(self) -> Sequence[str]:
        """Names of all tables."""
        ...

    def repair(self, name: str, durable_version: int) -> Sequence[str]:
        """Put aside torn commits above `durable_version`; return what was done, in words. Under the table's lease.

        Raises: DamageError for damage at or below it.
        """
        ...

    def checkpoint(self, name: str) -> None:
        """Write a durable checkpoint of the newest version."""
        ...

    def compact(self, name: str) -> int:
        """Join small files without changing rows; return how many files went. Under the table's lease."""
        ...

    def vacuum(self, name: str, keep: Iterable[int], retention_hours: float) -> int:
        """Delete data files that no version in `keep` needs; return how many. Under the table's lease."""
        ...

    def shape(self, name: str) -> TableShape:
        """What upkeep decides by, of the newest version. Raises: KeyError when there is no such table."""
        ...

    def pin(self, name: str, version: int | None = None) -> TableVersion:
        """The table at a version (newest by default), checked to be there."""
        ...
