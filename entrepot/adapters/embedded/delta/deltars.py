"""Writing through delta-rs: for tables with features that the own committer does not know (partitions, deletion
vectors, constraints, change feed …), and nothing else.

delta-rs never fsyncs and does not refuse a transaction that a table has already. So the question is put to the very
handle that commits, and files, folders and log are made durable before anybody is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.dataset as ds

from entrepot.adapters.embedded.delta.actions import PLAN_KEY
from entrepot.adapters.embedded.delta.handle import TableHandle
from entrepot.adapters.embedded.delta.log import Snapshot, read_commit
from entrepot.adapters.embedded.delta.schema import quote, schema_from_json
from entrepot.kernel.errors import ConflictError, DamageError, MissingExtra, RunError
from entrepot.ports.engine import Staged
from entrepot.ports.writer import Append, Batch, Committed, Merge, Replace, ReplaceKeys

if TYPE_CHECKING:
    from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties


def commit(handle: TableHandle, snapshot: Snapshot, batch: Batch) -> Committed:
    """Commit a batch; durable when it returns. Raises: ConflictError, RunError."""
    with _foreign_errors(handle.name):
        table = _open(handle)
        held = table.transaction_version(batch.flow)
        if held is not None and held >= batch.sequence:
            raise ConflictError(f"table {handle.name} has sequence {batch.sequence} of {batch.flow} by now.")
        removed = _count_removed(table, batch)
        rows = _open_rows(snapshot, batch.rows)
        _write(table, rows, batch, _properties(batch, removed), _hooks())
    written = _find_version(handle, batch)
    return Committed(written, batch.rows.rows, removed, _plan(batch, removed))


def _write(table: DeltaTable, rows: pa.RecordBatchReader, batch: Batch, properties: Any, hooks: Any) -> None:
    from deltalake import write_deltalake

    match batch.mode:
        case Append():
            write_deltalake(table, rows, mode="append", commit_properties=properties, post_commithook_properties=hooks)
        case Replace(where=where):
            write_deltalake(
                table,
                rows,
                mode="overwrite",
                predicate=where,
                commit_properties=properties,
                post_commithook_properties=hooks,
            )
        case Merge(key=key):
            match = " AND ".join(f"t.{quote(name)} = s.{quote(name)}" for name in key)
            merger = table.merge(
                rows, match, source_alias="s", target_alias="t", streamed_exec=False,
                commit_properties=properties, post_commithook_properties=hooks,
            )  # fmt: skip
            merger.when_matched_update_all().when_not_matched_insert_all().execute()


def compact(handle: TableHandle) -> int:
    """Join small files; return how many files went. Raises: ConflictError."""
    with _foreign_errors(handle.name):
        table = _open(handle)
        number = (table.transaction_version("maint") or 0) + 1
        done = table.optimize.compact(
            commit_properties=_commit_properties({}, "maint", number), post_commithook_properties=_hooks()
        )
    handle.ensure_durable(handle.require_newest())
    return int(done["numFilesRemoved"])


def vacuum(handle: TableHandle, keep: list[int], retention_hours: float) -> int:
    """Delete what kept versions do not need; return how many files went. Files that the log does not know stay."""
    with _foreign_errors(handle.name):
        gone = _open(handle).vacuum(
            retention_hours=int(-(-retention_hours // 1)), dry_run=False, enforce_retention_duration=False, keep_versions=keep,
            commit_properties=_commit_properties({}, None, 0), post_commithook_properties=_hooks(),
        )  # fmt: skip
    handle.ensure_durable(handle.require_newest())
    return len(gone)


def _open(handle: TableHandle) -> DeltaTable:
    try:
        from deltalake import DeltaTable
    except ImportError as error:
        raise MissingExtra("deltalake", "delta") from error
    return DeltaTable(str(handle.path))


def _open_rows(snapshot: Snapshot, staged: Staged) -> pa.RecordBatchReader:
    """The staged rows in the table's schema: further columns dropped, missing ones null."""
    schema = schema_from_json(snapshot.metadata.schema_string)
    if not staged.files:
        return pa.RecordBatchReader.from_batches(schema, [])
    scanner = ds.dataset([str(file.path) for file in staged.files], schema=schema, format="parquet").scanner()
    reader: pa.RecordBatchReader = scanner.to_reader()
    return reader


def _count_removed(table: DeltaTable, batch: Batch) -> int:
    """How many rows of the version at hand will go: a commit that comes between makes ours fail."""
    match batch.mode:
        case Append():
            return 0
        case Replace(where=where):
            return _count(table, f"SELECT count(*) FROM t WHERE ({where})" if where else "SELECT count(*) FROM t")
        case Merge(key=key):
            return _count_matches(table, batch.rows, key)
        case ReplaceKeys():
            raise RunError(
                "rows of this table cannot be replaced by keys, as it has features that only another library writes.",
                hint="Take the features off the table, or say `incremental: never` in the model's head.",
            )
    raise TypeError(f"unknown write mode {batch.mode!r}")


def _count(table: DeltaTable, sql: str, **others: Any) -> int:
    from deltalake import QueryBuilder

    builder = QueryBuilder().register("t", table)
    found = pa.RecordBatchReader.from_stream(builder.execute(sql)).read_all()
    count: int = found.column(0)[0].as_py()
    return count


def _count_matches(table: DeltaTable, staged: Staged, key: tuple[str, ...]) -> int:
    if not staged.files:
        return 0
    names = list(key)
    new = ds.dataset([str(file.path) for file in staged.files], format="parquet").to_table(columns=names).drop_null()
    if new.group_by(names).aggregate([]).num_rows < new.num_rows:
        raise RunError(
            f"keys ({', '.join(key)}) stand more than once among the rows to be merged.",
            hint="Keep one row of each key, for instance the last.",
        )
    from deltalake import QueryBuilder

    columns = ", ".join(map(quote, names))
    stream = QueryBuilder().register("t", table).execute(f"SELECT {columns} FROM t")
    held = pa.RecordBatchReader.from_stream(stream).read_all().cast(new.schema)
    return int(held.join(new, keys=names, join_type="left semi").num_rows)


def _properties(batch: Batch, removed: int) -> CommitProperties:
    return _commit_properties({PLAN_KEY: _plan(batch, removed)}, batch.flow, batch.sequence)


def _plan(batch: Batch, removed: int) -> dict[str, Any]:
    own = {"flow": batch.flow, "sequence": batch.sequence, "added": batch.rows.rows, "removed": removed}
    return {**batch.metadata, **own}


def _commit_properties(metadata: dict[str, Any], app: str | None, number: int) -> CommitProperties:
    from deltalake import CommitProperties, Transaction

    transactions = [Transaction(app, number)] if app is not None else None
    return CommitProperties(custom_metadata=metadata, app_transactions=transactions, max_commit_retries=0)


def _hooks() -> PostCommitHookProperties:
    from deltalake import PostCommitHookProperties

    return PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)


def _find_version(handle: TableHandle, batch: Batch) -> int:
    newest = handle.require_newest()
    handle.ensure_durable(newest)
    for version in range(newest.version, -1, -1):
        if read_commit(handle.path, version).txns.get(batch.flow) == batch.sequence:
            return version
    raise DamageError(f"table {handle.name}: the commit just made cannot be found in its log.")


@contextmanager
def _foreign_errors(name: str) -> Iterator[None]:
    """Give delta-rs' errors our names."""
    try:
        from deltalake.exceptions import CommitFailedError, DeltaError
    except ImportError as error:
        raise MissingExtra("deltalake", "delta") from error
    try:
        yield
    except CommitFailedError as error:
        raise ConflictError(
            f"table {name}: another commit came first.",
            hint="Load the table again, ask it what it has, then do the batch again.",
        ) from error
    except DeltaError as error:
        # Only the first line: what follows may show rows.
        reason = str(error).split("\n", 1)[0]
        raise RunError(f"table {name}: delta-rs refused the write: {reason}") from error
