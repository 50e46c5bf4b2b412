"""Releases: one row each; the highest id is what readers see."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime

from entrepot.adapters.embedded.state.marks import find_durable
from entrepot.adapters.embedded.state.rows import instant_to_text, row_to_release, to_json
from entrepot.adapters.embedded.state.statements import load_statement
from entrepot.kernel.errors import ConflictError, DamageError
from entrepot.ports.state import Release


def publish(
    connection: sqlite3.Connection,
    *,
    run: str,
    at: datetime,
    tables: Mapping[str, int],
    views: Mapping[str, str],
    held: Mapping[str, str],
    after: Release | None,
) -> Release:
    """Insert a release that was decided when `after` was the newest.

    Raises: ConflictError when another one came meanwhile; DamageError when it names a version above the table's durable
    mark: a power loss could take it back.
    """
    newest = find_latest(connection)
    if newest != after:
        came = "there is none any more" if newest is None else f"release {newest.id} came meanwhile"
        raise ConflictError(f"the release was decided for another state: {came}.", hint="Decide it again.")
    for name, version in tables.items():
        durable = find_durable(connection, name)
        if version < 0 or -1 < durable < version:
            raise DamageError(
                f"the release names version {version} of {name}; durable is {durable}.",
                hint="A release may name only versions of settled batches.",
            )
    texts = [to_json(dict(part)) for part in (tables, views, held)]
    cursor = connection.execute(
        "INSERT INTO releases (at, run, tables, views, held) VALUES (?, ?, ?, ?, ?)", (instant_to_text(at), run, *texts)
    )
    release = find(connection, cursor.lastrowid or 0)
    assert release is not None
    return release


def find(connection: sqlite3.Connection, id: int) -> Release | None:
    """The release of that number."""
    return _find(connection, "SELECT * FROM releases WHERE id = ?", id)


def find_latest(connection: sqlite3.Connection) -> Release | None:
    """The newest release."""
    return _find(connection, "SELECT * FROM releases ORDER BY id DESC LIMIT 1")


def find_at(connection: sqlite3.Connection, at: datetime) -> Release | None:
    """The newest release not after `at`."""
    return _find(connection, "SELECT * FROM releases WHERE at <= ? ORDER BY id DESC LIMIT 1", instant_to_text(at))


def list_releases(connection: sqlite3.Connection, limit: int, before: int | None = None) -> Sequence[Release]:
    """Newest first; with `before` only those with a smaller number."""
    where = "" if before is None else "WHERE id < :before "
    text = f"SELECT * FROM releases {where}ORDER BY id DESC LIMIT :limit"
    rows = connection.execute(text, {"before": before, "limit": limit}).fetchall()
    return [row_to_release(row) for row in rows]


def expire(connection: sqlite3.Connection, before: datetime, keep_last: int) -> int:
    """Forget old releases; the newest always stays, whatever `keep_last` says, because readers see it."""
    parameters = {"before": instant_to_text(before), "keep_last": max(keep_last, 1)}
    return connection.execute(load_statement("expire_releases"), parameters).rowcount


def expire_micro(connection: sqlite3.Connection, before: datetime) -> int:
    """Thin out what micro-batches left; the newest release always stays."""
    parameters = {"before": instant_to_text(before)}
    count = connection.execute(load_statement("expire_micro_releases"), parameters).rowcount
    for name in ("expire_micro_judgements", "expire_micro_runs"):
        connection.execute(load_statement(name), parameters)
    return count


def _find(connection: sqlite3.Connection, sql: str, *parameters: object) -> Release | None:
    row = connection.execute(sql, parameters).fetchone()
    return None if row is None else row_to_release(row)
