"""What is known of tables: the durable version, the identity, and the versions that readers have pinned."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

from entrepot.adapters.embedded.state.rows import instant_to_text
from entrepot.adapters.embedded.state.statements import load_statement


def find_durable(connection: sqlite3.Connection, table: str) -> int:
    """The mark, -1 when there is none."""
    row = connection.execute("SELECT durable_version FROM tables WHERE name = ?", (table,)).fetchone()
    return -1 if row is None else int(row["durable_version"])


def raise_durable(connection: sqlite3.Connection, table: str, version: int, table_id: str | None) -> None:
    """Raise the mark, never lower it; but a new identity starts it anew: the old mark spoke of another table.

    That the identity may change is decided before (`flow.recover` refuses it, `flow.rebuild` accepts it).
    """
    connection.execute(load_statement("raise_durable"), {"name": table, "version": version, "table_id": table_id})


def find_table_id(connection: sqlite3.Connection, table: str) -> str | None:
    """The identity noted last."""
    row = connection.execute("SELECT table_id FROM tables WHERE name = ?", (table,)).fetchone()
    return None if row is None else row["table_id"]


def pin(
    connection: sqlite3.Connection, now: datetime, holder: str, versions: Mapping[str, int], seconds: float
) -> None:
    """Add pins to those the holder has; a pin it has already is prolonged. Run-out pins of all go."""
    connection.execute("DELETE FROM pins WHERE until <= ?", (instant_to_text(now),))
    until = instant_to_text(now + timedelta(seconds=seconds))
    connection.executemany(
        "INSERT INTO pins (holder, name, version, until) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (holder, name, version) DO UPDATE SET until = max(until, excluded.until)",
        [(holder, name, version, until) for name, version in versions.items()],
    )


def unpin(connection: sqlite3.Connection, holder: str) -> None:
    """Drop all pins of a holder."""
    connection.execute("DELETE FROM pins WHERE holder = ?", (holder,))


def list_pinned(connection: sqlite3.Connection, now: datetime) -> Mapping[str, set[int]]:
    """table → versions pinned at this instant."""
    rows = connection.execute(
        "SELECT DISTINCT name, version FROM pins WHERE until > ?", (instant_to_text(now),)
    ).fetchall()
    pinned: defaultdict[str, set[int]] = defaultdict(set)
    for row in rows:
        pinned[row["name"]].add(row["version"])
    return dict(pinned)
