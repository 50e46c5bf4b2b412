"""A target's table as it must be: created, widened by new columns, or refused."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import pyarrow as pa

from entrepot.adapters.sqlite.storage import family_of, quote, storage_of
from entrepot.adapters.sqlite.target import load_statement
from entrepot.kernel.errors import DamageError, ProjectError
from entrepot.kernel.ids import new_token


def check_names(table: str, schema: pa.Schema, key: Sequence[str]) -> None:
    """Refuse what SQLite could not tell apart.

    Raises: ProjectError.
    """
    if table.casefold().startswith(("sqlite_", "_entrepot_")) or not table:
        raise ProjectError(
            f"{table!r} cannot be the name of a target table; names of SQLite and of Entrepôt are taken."
        )
    folded = [name.casefold() for name in schema.names]
    twice = sorted({name for name in schema.names if folded.count(name.casefold()) > 1})
    if twice or not folded:
        raise ProjectError(f"{table}: columns {', '.join(twice) or '(none)'} are one to SQLite, which ignores case.")
    missing = sorted(set(key) - set(schema.names))
    if missing:
        raise ProjectError(f"{table}: the key names {', '.join(missing)}, which the table has no column for.")


def ensure_layout(connection: sqlite3.Connection, table: str, schema: pa.Schema, key: Sequence[str]) -> None:
    """Create the table, or add what is new to it, inside the caller's transaction.

    Raises: ProjectError when a column changed its type; DamageError when the table is gone but its commits are noted.
    """
    connection.execute(load_statement("create_positions"))
    connection.execute("CREATE TABLE IF NOT EXISTS _entrepot_targets (target TEXT PRIMARY KEY, identity TEXT NOT NULL)")
    if find_columns(connection, table):
        _widen(connection, table, schema)
    else:
        _create(connection, table, schema)
    _ensure_identity(connection, table)
    _ensure_key(connection, table, key)


def find_columns(connection: sqlite3.Connection, table: str) -> dict[str, str]:
    """Column → declared type; empty when there is no such table."""
    rows = connection.execute(f"PRAGMA table_info({quote(table)})").fetchall()
    return {row["name"]: row["type"] for row in rows}


def _create(connection: sqlite3.Connection, table: str, schema: pa.Schema) -> None:
    noted = connection.execute("SELECT count(*) FROM _entrepot_positions WHERE target = ?", (table,)).fetchone()[0]
    if noted:
        raise DamageError(
            f"the table {table} is gone, but {noted} commits to it are noted: its rows were lost.",
            hint="Restore the database from a backup, or delete the target's rows in _entrepot_positions to start anew.",
        )
    connection.execute("DELETE FROM _entrepot_targets WHERE target = ?", (table,))
    columns = ", ".join(f"{quote(field.name)} {storage_of(field).declared}" for field in schema)
    connection.execute(f"CREATE TABLE {quote(table)} ({columns})")


def _widen(connection: sqlite3.Connection, table: str, schema: pa.Schema) -> None:
    there = {name.casefold(): declared for name, declared in find_columns(connection, table).items()}
    for field in schema:
        storage = storage_of(field)
        declared = there.get(field.name.casefold())
        if declared is None:
            connection.execute(f"ALTER TABLE {quote(table)} ADD COLUMN {quote(field.name)} {storage.declared}")
        elif family_of(declared) != storage.family:
            raise ProjectError(
                f"{table}.{field.name} is declared {declared or 'without type'}, the contract's {field.type} needs "
                f"{storage.declared}.",
                hint="Give the target another table, or delete this one and its rows in _entrepot_positions.",
            )


def _ensure_identity(connection: sqlite3.Connection, table: str) -> None:
    connection.execute("INSERT OR IGNORE INTO _entrepot_targets (target, identity) VALUES (?, ?)", (table, new_token()))


def _ensure_key(connection: sqlite3.Connection, table: str, key: Sequence[str]) -> None:
    """A unique index over the key: a merge needs it, and without it two rows of one key would pass silently."""
    index = f"{table}__entrepot_key"
    there = [row["name"] for row in connection.execute(f"PRAGMA index_info({quote(index)})")]
    if there == list(key):
        return
    connection.execute(f"DROP INDEX IF EXISTS {quote(index)}")
    if not key:
        return
    columns = ", ".join(quote(name) for name in key)
    try:
        connection.execute(f"CREATE UNIQUE INDEX {quote(index)} ON {quote(table)} ({columns})")
    except sqlite3.IntegrityError as error:
        raise ProjectError(
            f"{table} holds several rows of one key ({', '.join(key)}), so that cannot become its key.",
            hint="Rebuild the target with the new key.",
        ) from error
