"""A SQLite table as a flow's target: rows and position in one transaction of the database."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from entrepot.adapters.sqlite.layout import check_names, ensure_layout, find_columns
from entrepot.adapters.sqlite.storage import encode_column, quote, storage_of
from entrepot.adapters.sqlite.target import load_statement, open_target, sync_folder, write_target
from entrepot.kernel.errors import DamageError, DataError, ProjectError, RunError
from entrepot.kernel.points import reached
from entrepot.ports.engine import Staged
from entrepot.ports.writer import Append, Batch, Committed, Merge, Replace, ReplaceKeys

ROWS_AT_ONCE = 8_192


class SqliteTableWriter:
    """`ports.writer.Writer` for one table of a SQLite file; `storage` says how values stand in it.

    The version of the table is the number of its commits. Several tables of one file, and several flows, may be written.
    The predicate of a replace is carried over by `predicate`.

    Args:
        key: columns of which a row is unique; a merge needs exactly these.
    """

    def __init__(self, path: Path, table: str, schema: pa.Schema, *, key: Sequence[str] = ()) -> None:
        check_names(table, schema, key)
        for field in schema:
            storage_of(field)
        self.name = table
        self._path = path
        self._schema = schema
        self._key = tuple(key)

    def prepare(self) -> None:
        """Create file and table, or add new columns.

        Raises: ProjectError when a column changed its type; DamageError when the table is gone but its commits are noted.
        """
        new = not self._path.exists()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with write_target(self._path, create=True) as connection:
            ensure_layout(connection, self.name, self._schema, self._key)
        if new:
            sync_folder(self._path.parent)

    def last_sequence(self, flow: str) -> int:
        """The highest sequence of the flow; 0 when none."""
        sql = "SELECT max(sequence) FROM _entrepot_positions WHERE target = ? AND flow = ?"
        return int(self._ask(sql, flow) or 0)

    def find_commit(self, flow: str, sequence: int) -> Committed | None:
        """What the commit of that sequence did."""
        if not self._is_prepared():
            return None
        with open_target(self._path) as connection:
            return _find_commit(connection, self.name, flow, sequence)

    def version(self) -> int:
        """The number of commits; -1 when the table does not exist."""
        if not self._is_prepared():
            return -1
        return int(self._ask("SELECT count(*) FROM _entrepot_positions WHERE target = ?"))

    def identity(self) -> str:
        """Drawn when the table was created."""
        found = self._ask("SELECT identity FROM _entrepot_targets WHERE target = ?")
        if found is None:
            raise DamageError(f"{self.name} has no identity: it was not created by Entrepôt.", hint="Prepare it first.")
        return str(found)

    def commit(self, batch: Batch) -> Committed:
        """Write rows and (flow, sequence) in one durable transaction.

        Raises: DataError when a row cannot be kept; DamageError when the table is already past that sequence without it.
        """
        metadata = json.dumps(dict(batch.metadata), ensure_ascii=False, allow_nan=False)
        with write_target(self._path) as connection:
            done = _find_commit(connection, self.name, batch.flow, batch.sequence)
            if done is not None:
                return done
            self._require_next(connection, batch)
            removed = self._make_room(connection, batch)
            added = self._insert(connection, batch)
            reached("main.files_synced")
            committed = Committed(self._next_version(connection), added, removed, json.loads(metadata))
            position = {"target": self.name, "flow": batch.flow, "sequence": batch.sequence, "metadata": metadata}
            figures = {"version": committed.version, "added": added, "removed": removed}
            connection.execute(load_statement("insert_position"), position | figures)
            reached("main.log_written")
        reached("main.linked")
        return committed

    def _require_next(self, connection: sqlite3.Connection, batch: Batch) -> None:
        sql = "SELECT max(sequence) FROM _entrepot_positions WHERE target = ? AND flow = ?"
        last = connection.execute(sql, (self.name, batch.flow)).fetchone()[0] or 0
        if last > batch.sequence:
            raise DamageError(
                f"{self.name} holds batch {last} of {batch.flow}, but not {batch.sequence}, which was to be written now.",
                hint="The state is older than the target; see entrepot doctor.",
            )

    def _next_version(self, connection: sqlite3.Connection) -> int:
        sql = "SELECT count(*) + 1 FROM _entrepot_positions WHERE target = ?"
        return int(connection.execute(sql, (self.name,)).fetchone()[0])

    def _make_room(self, connection: sqlite3.Connection, batch: Batch) -> int:
        """Delete what is replaced; of a merge only count it, the insertion updates it."""
        match batch.mode:
            case Append():
                return 0
            case Replace(where=None):
                return connection.execute(f"DELETE FROM {quote(self.name)}").rowcount
            case Replace(where=str(where)):
                from entrepot.adapters.sqlite.predicate import translate_predicate

                condition = translate_predicate(where, self._schema)
                return connection.execute(
                    f"DELETE FROM {quote(self.name)} WHERE {condition.sql}", condition.values
                ).rowcount
            case Merge(key=key):
                self._require_key(key)
                return self._count_matches(connection, batch.rows)
            case ReplaceKeys(key=key):
                return self._delete_keys(connection, key, batch)
        raise RunError(f"{self.name}: the write mode {batch.mode!r} is not known.")

    def _delete_keys(self, connection: sqlite3.Connection, key: tuple[str, ...], batch: Batch) -> int:
        """Delete rows by key; `IS` finds null by null."""
        if batch.keys is None:
            raise RunError(f"{self.name}: batch {batch.sequence} of {batch.flow} replaces keys, but brings none.")
        match = " AND ".join(f"{quote(name)} IS ?" for name in key)
        sql = f"DELETE FROM {quote(self.name)} WHERE {match}"
        return sum(connection.executemany(sql, rows).rowcount for rows in self._read(batch.keys, key))

    def _require_key(self, key: tuple[str, ...]) -> None:
        if not key or set(key) != set(self._key):
            raise ProjectError(
                f"{self.name}: the merge is by {', '.join(key) or 'nothing'}, the table's key is "
                f"{', '.join(self._key) or 'not given'}.",
                hint="Give the target the contract's primary key.",
            )

    def _count_matches(self, connection: sqlite3.Connection, rows: Staged) -> int:
        """Rows that the merge will update; refuses keys that are null or stand twice in the batch."""
        columns = ", ".join(quote(name) for name in self._key)
        declared = ", ".join(f"{quote(name)} {storage_of(self._schema.field(name)).declared}" for name in self._key)
        marks = ", ".join("?" * len(self._key))
        connection.execute("DROP TABLE IF EXISTS temp._entrepot_keys")
        connection.execute(f"CREATE TEMP TABLE _entrepot_keys ({declared}, PRIMARY KEY ({columns}))")
        for values in self._read(rows, self._key):
            if any(value is None for row in values for value in row):
                raise DataError(f"{self.name}: a row has no value in its key ({', '.join(self._key)}).")
            try:
                connection.executemany(f"INSERT INTO temp._entrepot_keys VALUES ({marks})", values)
            except sqlite3.IntegrityError as error:
                raise DataError(f"{self.name}: a key ({', '.join(self._key)}) stands twice in one batch.") from error
        sql = f"SELECT count(*) FROM {quote(self.name)} JOIN temp._entrepot_keys USING ({columns})"
        matches = int(connection.execute(sql).fetchone()[0])
        connection.execute("DROP TABLE temp._entrepot_keys")
        return matches

    def _insert(self, connection: sqlite3.Connection, batch: Batch) -> int:
        names = self._schema.names
        columns = ", ".join(quote(name) for name in names)
        sql = f"INSERT INTO {quote(self.name)} ({columns}) VALUES ({', '.join('?' * len(names))})"
        if isinstance(batch.mode, Merge):
            sql += self._on_conflict()
        added = 0
        for rows in self._read(batch.rows, names):
            connection.executemany(sql, rows)
            added += len(rows)
        if added != batch.rows.rows:
            raise RunError(
                f"{self.name}: batch {batch.sequence} of {batch.flow} was staged with {batch.rows.rows} rows, its files hold {added}."
            )
        return added

    def _on_conflict(self) -> str:
        others = [quote(name) for name in self._schema.names if name not in self._key]
        action = "UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in others) if others else "NOTHING"
        return f" ON CONFLICT ({', '.join(quote(name) for name in self._key)}) DO {action}"

    def _read(self, rows: Staged, names: Sequence[str]) -> Iterator[list[tuple[Any, ...]]]:
        """The staged rows as SQLite keeps them, some thousand at a time; a column that was not staged is null."""
        unknown = [name for name in rows.schema.names if name not in self._schema.names]
        if unknown:
            raise ProjectError(
                f"{self.name} has no column for {', '.join(unknown)} of the batch.", hint="Prepare the target first."
            )
        staged = [name for name in names if name in rows.schema.names]
        for name in staged:
            self._require_same_family(rows.schema.field(name))
        for file in rows.files:
            with closing(pq.ParquetFile(file.path)) as parquet:
                for batch in parquet.iter_batches(batch_size=ROWS_AT_ONCE, columns=staged):
                    columns = [self._encode(batch, name) for name in names]
                    yield list(zip(*columns, strict=True))

    def _encode(self, batch: pa.RecordBatch, name: str) -> list[Any]:
        index = batch.schema.get_field_index(name)
        if index < 0:
            return [None] * batch.num_rows
        return encode_column(self._schema.field(name), batch.column(index))

    def _require_same_family(self, field: pa.Field) -> None:
        wanted = self._schema.field(field.name)
        if field.type != pa.null() and storage_of(field).family != storage_of(wanted).family:
            raise RunError(f"{self.name}: column {field.name} was staged as {field.type}, the table has {wanted.type}.")

    def _is_prepared(self) -> bool:
        if not self._path.exists():
            return False
        with open_target(self._path) as connection:
            return bool(find_columns(connection, "_entrepot_positions") and find_columns(connection, self.name))

    def _ask(self, sql: str, *parameters: str) -> Any:
        if not self._is_prepared():
            return None
        with open_target(self._path) as connection:
            row = connection.execute(sql, (self.name, *parameters)).fetchone()
            return None if row is None else row[0]


def _find_commit(connection: sqlite3.Connection, target: str, flow: str, sequence: int) -> Committed | None:
    row = connection.execute(
        "SELECT * FROM _entrepot_positions WHERE target = ? AND flow = ? AND sequence = ?", (target, flow, sequence)
    ).fetchone()
    if row is None:
        return None
    return Committed(row["version"], row["added"], row["removed"], json.loads(row["metadata"]))
