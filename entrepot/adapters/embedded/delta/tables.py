"""The embedded lake: Delta tables in folders of a local disk."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from entrepot.adapters.embedded.delta import checkpoint, repair, upkeep
from entrepot.adapters.embedded.delta.actions import Add, Commit, Metadata
from entrepot.adapters.embedded.delta.changes import find_difference
from entrepot.adapters.embedded.delta.committer import Draft, Reads, write_commit
from entrepot.adapters.embedded.delta.handle import TableHandle
from entrepot.adapters.embedded.delta.layout import LOG, SCRATCH, json_path, list_names, make_dirs, table_path
from entrepot.adapters.embedded.delta.log import Snapshot, list_log, read_commit
from entrepot.adapters.embedded.delta.protocol import PROPERTIES, protocol_for, why_not_written
from entrepot.adapters.embedded.delta.rewrite import Rewriter, Rewritten, open_rewriter
from entrepot.adapters.embedded.delta.scan import local_path
from entrepot.adapters.embedded.delta.schema import (
    UnknownType,
    fields_of,
    same_type,
    schema_from_json,
    schema_to_json,
)
from entrepot.adapters.embedded.delta.staging import Intake
from entrepot.kernel.errors import ConflictError, DamageError, ProjectError, RunError
from entrepot.kernel.points import reached
from entrepot.ports.engine import Staged
from entrepot.ports.relations import TableVersion
from entrepot.ports.tables import Difference, TableCommit, TableShape
from entrepot.ports.writer import Append, Batch, Committed, Merge, Replace, ReplaceKeys


class DeltaTables:
    """Implements `ports.tables.Tables` over a folder. Called from several threads; several processes may share the folder.

    Args: memory_mb: what a merge, a replacement or a compaction may use before it spills to disk.
    """

    def __init__(self, root: Path, *, memory_mb: int = 400) -> None:
        self.root = root
        self.memory_mb = memory_mb
        self._handles: dict[str, TableHandle] = {}
        self._lock = threading.Lock()

    def handle(self, name: str) -> TableHandle:
        """This process's handle of a table, which need not exist. Raises: UsageError for what is no name."""
        with self._lock:
            if name not in self._handles:
                self._handles[name] = TableHandle(name, table_path(self.root, name), self.root)
            return self._handles[name]

    def snapshot(self, name: str, version: int | None = None) -> Snapshot:
        """The table as of a version, newest by default. Raises: KeyError, DamageError."""
        return self.handle(name).at(version)

    # what is there

    def exists(self, name: str) -> bool:
        """True when the table has at least one version."""
        return self.handle(name).newest() is not None

    def list_tables(self) -> Sequence[str]:
        """Names of all tables."""
        return [name for name in list_names(self.root) if list_log(table_path(self.root, name)).newest >= 0]

    def schema(self, name: str, version: int | None = None) -> pa.Schema:
        """The schema as Arrow. Raises: KeyError when there is no such table or version."""
        snapshot = self.snapshot(name, version)
        try:
            return schema_from_json(snapshot.metadata.schema_string)
        except UnknownType as error:
            raise ProjectError(f"table {name}: a column has the type {error}, which is not known here.") from error

    def as_kept(self, schema: pa.Schema) -> pa.Schema:
        """As `Tables.as_kept`."""
        return schema_from_json(schema_to_json(schema, "a table"))

    def version(self, name: str) -> int:
        """The newest version; -1 when there is no such table."""
        newest = self.handle(name).newest()
        return -1 if newest is None else newest.version

    def table_id(self, name: str) -> str:
        """The identity the table was created with. Raises: KeyError when there is no such table."""
        return self.snapshot(name).metadata.id

    def pin(self, name: str, version: int | None = None) -> TableVersion:
        """The table at a version, checked to be there. Raises: KeyError, DamageError."""
        return TableVersion(name, self.snapshot(name, version).version)

    def rows(self, name: str, version: int | None = None) -> int:
        """How many rows a version has. Raises: KeyError."""
        path = self.handle(name).path
        return sum(_count_rows(path, add) for add in self.snapshot(name, version).files.values())

    def difference(self, name: str, after: int, upto: int) -> Difference | None:
        """As `Tables.difference`."""
        return find_difference(self.handle(name), after, upto)

    def last_sequence(self, name: str, flow: str) -> int:
        """The highest sequence of `flow` in the newest version, which is durable before this returns; 0 when none."""
        handle = self.handle(name)
        newest = handle.newest()
        if newest is None:
            return 0
        handle.ensure_durable(newest)
        return newest.txns.get(flow, 0)

    def history(self, name: str, since: int = 0) -> Iterable[TableCommit]:
        """Commits, newest first, down to version `since`."""
        for commit in self._commits(name):
            if commit.version < since:
                return
            at = commit.at or datetime.fromtimestamp(
                json_path(self.handle(name).path, commit.version).stat().st_mtime, UTC
            )
            yield TableCommit(commit.version, at, commit.operation, commit.plan)

    def find_commit(self, name: str, flow: str, sequence: int) -> Committed | None:
        """What the commit of that batch did, durable before this returns; None when it is not in the history."""
        if sequence <= 0 or self.last_sequence(name, flow) < sequence:
            return None
        for commit in self._commits(name):
            plan = commit.plan
            if plan is not None and commit.txns.get(flow) == sequence:
                return Committed(commit.version, int(plan["added"]), int(plan["removed"]), plan)
        return None

    def _commits(self, name: str) -> Iterator[Commit]:
        path = self.handle(name).path
        for version in range(self.version(name), -1, -1):
            try:
                yield read_commit(path, version)
            except FileNotFoundError:
                return

    # changing tables

    def create(self, name: str, schema: pa.Schema, *, description: str | None = None) -> None:
        """Create the table durably, or add the schema's new columns to it. Repeatable.

        Columns that the schema no longer has stay in the table and are null in new rows.

        Raises: ProjectError when a column changed its type.
        """
        handle = self.handle(name)
        text = schema_to_json(schema, name)
        with handle.committing:
            for last_try in (False, False, True):
                try:
                    self._create_or_evolve(handle, text, description)
                    return
                except ConflictError:
                    if last_try:
                        raise

    def _create_or_evolve(self, handle: TableHandle, text: str, description: str | None) -> None:
        snapshot = handle.newest()
        now = _now_ms()
        if snapshot is None:
            make_dirs(handle.path / LOG)
            metadata = Metadata(str(uuid.uuid4()), text, (), PROPERTIES, description, None, now)
            draft = Draft("CREATE TABLE", now, Reads.TABLE, protocol=protocol_for(text), metadata=metadata)
            handle.note_durable(write_commit(handle.path, draft, -1))
            return
        handle.ensure_durable(snapshot)
        evolved = _evolve(handle.name, snapshot.metadata, text, description)
        if evolved == snapshot.metadata:
            return
        self._require_own(handle, snapshot, "change its columns")
        protocol = protocol_for(evolved.schema_string, snapshot.protocol)
        changed = protocol if protocol != snapshot.protocol else None
        draft = Draft("ADD COLUMNS", now, Reads.TABLE, protocol=changed, metadata=evolved)
        handle.note_durable(write_commit(handle.path, draft, snapshot.version))

    def _require_own(self, handle: TableHandle, snapshot: Snapshot, what: str) -> None:
        if reason := why_not_written(snapshot):
            raise ProjectError(
                f"table {handle.name} has {reason}; Entrepôt does not {what} of such a table.",
                hint="Change it with the tool that made it.",
            )

    def commit(self, name: str, batch: Batch, *, schema: pa.Schema | None = None) -> Committed:
        """Write rows and (flow, sequence) in one durable commit; do nothing when the table has it already.

        Args: schema: the table's columns from this commit on, where it replaces all rows.
        Raises: KeyError when there is no such table; ConflictError when somebody else's commit came between;
            DamageError when the table says it has the batch, but its history does not know it.
        """
        handle = self.handle(name)
        with handle.committing:
            snapshot = handle.require_newest()
            handle.ensure_durable(snapshot)
            if snapshot.txns.get(batch.flow, 0) >= batch.sequence:
                return self._committed_before(name, batch)
            if schema is not None:
                self._require_own(handle, snapshot, "change the columns")
                committed = self._redefine(handle, snapshot, batch, schema)
            elif why_not_written(snapshot) is None:
                committed = self._commit_own(handle, snapshot, batch)
            else:
                from entrepot.adapters.embedded.delta import deltars

                committed = deltars.commit(handle, snapshot, batch)
                handle.ensure_durable(handle.require_newest())
            _delete_staged(batch)
            return committed

    def _committed_before(self, name: str, batch: Batch) -> Committed:
        found = self.find_commit(name, batch.flow, batch.sequence)
        if found is None:
            raise DamageError(
                f"table {name} has sequence {batch.sequence} of {batch.flow}, but no commit of it in its history.",
                hint="Compare the plans with the table's history before anything is written.",
            )
        _delete_staged(batch)
        return found

    def _commit_own(self, handle: TableHandle, snapshot: Snapshot, batch: Batch) -> Committed:
        match batch.mode:
            case Append():
                return self._finish(handle, snapshot, batch, "WRITE", Reads.NOTHING, Rewritten())
            case Replace(where=None):
                return self._finish(handle, snapshot, batch, "WRITE", Reads.TABLE, _everything(handle, snapshot))
            case Replace(where=str(where)):
                with self._rewriter(handle, snapshot) as rewriter:
                    found = rewriter.delete_where(where)
                    return self._finish(handle, snapshot, batch, "WRITE", Reads.TABLE, found)
            case Merge(key=key):
                with self._rewriter(handle, snapshot) as rewriter:
                    found = rewriter.delete_keys(key, batch.rows)
                    return self._finish(handle, snapshot, batch, "MERGE", Reads.TABLE, found)
            case ReplaceKeys(key=key):
                with self._rewriter(handle, snapshot) as rewriter:
                    found = rewriter.delete_touched(key, _require_keys(batch))
                    return self._finish(handle, snapshot, batch, "WRITE", Reads.TABLE, found)
        raise TypeError(f"unknown write mode {batch.mode!r}")

    def _redefine(self, handle: TableHandle, snapshot: Snapshot, batch: Batch, schema: pa.Schema) -> Committed:
        """Replace all rows and the columns with them, in one commit."""
        metadata = replace(snapshot.metadata, schema_string=schema_to_json(schema, handle.name))
        out = _everything(handle, snapshot)
        return self._finish(handle, replace(snapshot, metadata=metadata), batch, "WRITE", Reads.TABLE, out, metadata)

    def _rewriter(self, handle: TableHandle, snapshot: Snapshot) -> AbstractContextManager[Rewriter]:
        return open_rewriter(handle.path, snapshot, self.root / SCRATCH, self.memory_mb)

    def _finish(
        self,
        handle: TableHandle,
        snapshot: Snapshot,
        batch: Batch,
        operation: str,
        reads: Reads,
        out: Rewritten,
        metadata: Metadata | None = None,
    ) -> Committed:
        intake = Intake(handle.path, snapshot, batch.flow, batch.sequence)
        adds = intake.take([*out.files, *batch.rows.files])
        reached("main.files_synced")
        plan: dict[str, Any] = {
            **batch.metadata,
            "flow": batch.flow, "sequence": batch.sequence, "added": batch.rows.rows, "removed": out.rows_removed,
        }  # fmt: skip
        now = _now_ms()
        draft = Draft(
            operation, now, reads, (batch.flow, batch.sequence), tuple(adds), out.removes(now), plan,
            {"mode": "Append" if reads is Reads.NOTHING else "Overwrite"} if operation == "WRITE" else {},
            protocol_for(metadata.schema_string, snapshot.protocol) if metadata else None, metadata,
        )  # fmt: skip
        try:
            version = write_commit(handle.path, draft, snapshot.version)
        except ConflictError:
            intake.put_back(adds)
            raise
        handle.note_durable(version)
        return Committed(version, batch.rows.rows, out.rows_removed, plan)

    # upkeep, each under the table's lease

    def repair(self, name: str, durable_version: int) -> Sequence[str]:
        """Put aside torn commits above `durable_version`; return what was done, in words.

        Raises: DamageError for damage at or below it.
        """
        return repair.repair_table(self.handle(name), durable_version)

    def checkpoint(self, name: str) -> None:
        """Write a durable checkpoint of the newest version."""
        checkpoint.write_checkpoint(self.handle(name))

    def shape(self, name: str) -> TableShape:
        """What upkeep decides by. Raises: KeyError when there is no such table."""
        snapshot = self.snapshot(name)
        newest = checkpoint.hinted_checkpoint(table_path(self.root, name))
        return TableShape(snapshot.version, newest, tuple(add.size for add in snapshot.files.values()))

    def compact(self, name: str) -> int:
        """Join small files without changing rows; return how many files went."""
        handle = self.handle(name)
        with handle.committing:
            return upkeep.compact(handle, self.root / SCRATCH, self.memory_mb)

    def vacuum(self, name: str, keep: Iterable[int], retention_hours: float) -> int:
        """Delete data files that no version in `keep`, nor the newest, needs; return how many.

        Raises: KeyError when a version to be kept is not there: nothing is deleted then.
        """
        return upkeep.vacuum(self.handle(name), keep, retention_hours, now=time.time())


def _evolve(name: str, metadata: Metadata, text: str, description: str | None) -> Metadata:
    """The metadata with the new columns at the end. Raises: ProjectError when a column changed its type."""
    fields = fields_of(metadata.schema_string)
    present = {each["name"]: each for each in fields}
    lower = {each["name"].lower() for each in fields}
    added = []
    for each in fields_of(text):
        known = present.get(each["name"])
        if known is None:
            if each["name"].lower() in lower:
                raise ProjectError(f"table {name}: the column {each['name']!r} is there already in another case.")
            added.append(each)
        elif not same_type(known["type"], each["type"]):
            raise ProjectError(
                f"table {name}: column {each['name']!r} is {known['type']} in the table, but {each['type']} is wanted now.",
                hint="Give the column a new name, or drop the table and build it again from what landed.",
            )
    changed = metadata
    if added:
        changed = replace(changed, schema_string=_join_fields([*fields, *added]))
    if description is not None and description != metadata.description:
        changed = replace(changed, description=description)
    return changed


def _join_fields(fields: list[dict[str, Any]]) -> str:
    return json.dumps({"type": "struct", "fields": fields}, ensure_ascii=False, separators=(",", ":"))


def _everything(handle: TableHandle, snapshot: Snapshot) -> Rewritten:
    """All files go."""
    files = tuple(snapshot.files.values())
    return Rewritten(files, (), sum(_count_rows(handle.path, add) for add in files))


def _count_rows(table: Path, add: Add) -> int:
    if add.rows is not None:
        return add.rows
    rows: int = pq.read_metadata(local_path(table, add)).num_rows
    return rows


def _require_keys(batch: Batch) -> Staged:
    if batch.keys is None:
        raise RunError(f"batch {batch.sequence} of {batch.flow} replaces keys, but brings none.")
    return batch.keys


def _delete_staged(batch: Batch) -> None:
    for file in (*batch.rows.files, *(batch.keys.files if batch.keys else ())):
        file.path.unlink(missing_ok=True)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
