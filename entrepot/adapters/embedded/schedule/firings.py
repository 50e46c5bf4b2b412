"""Firings on their way, inside a transaction of the caller."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from entrepot.adapters.embedded.schedule.rows import FIRING_COLUMNS, firing_to_row, row_to_firing, text
from entrepot.ports.schedule import Firing, FiringStatus

_READY = """
SELECT * FROM firings AS f
WHERE status = 'waiting' AND (not_before IS NULL OR not_before <= ?)
  AND NOT EXISTS (SELECT 1 FROM firings AS r WHERE r.trigger_name = f.trigger_name AND r.status = 'running')
  AND NOT EXISTS (  -- one that is tried again goes before those that came later
    SELECT 1 FROM firings AS e WHERE e.trigger_name = f.trigger_name AND e.status = 'waiting' AND e.number < f.number
  )
ORDER BY number LIMIT 1
"""


def start(connection: sqlite3.Connection, now: datetime, holder: str) -> Firing | None:
    """The oldest whose time has come, taken."""
    connection.execute(
        "UPDATE firings SET status = 'cancelled', ended_at = ?, note = 'cancelled: ' || cancel "
        "WHERE status = 'waiting' AND cancel IS NOT NULL",
        (text(now),),
    )
    row = connection.execute(_READY, (text(now),)).fetchone()
    if row is None:
        return None
    connection.execute(
        "UPDATE firings SET status = 'running', holder = ?, started_at = coalesce(started_at, ?), not_before = NULL WHERE id = ?",
        (holder, text(now), row["id"]),
    )
    return find(connection, row["id"])


def end(connection: sqlite3.Connection, firing: Firing) -> bool:
    """Write down how it ended; False when it is no longer the holder's."""
    # a wish to cancel that came meanwhile stays: one that waits again is cancelled by it
    names = ", ".join(f"{name} = coalesce(?, cancel)" if name == "cancel" else f"{name} = ?" for name in FIRING_COLUMNS)
    written = replace(firing, holder=None) if firing.status is FiringStatus.WAITING else firing
    changed = connection.execute(
        f"UPDATE firings SET {names} WHERE id = ? AND status = 'running' AND holder = ?",
        (*firing_to_row(written), firing.id, firing.holder),
    ).rowcount
    return changed == 1


def revive(connection: sqlite3.Connection, is_alive: Callable[[str], bool]) -> list[Firing]:
    """Those of dead processes wait again."""
    rows = connection.execute("SELECT * FROM firings WHERE status = 'running'").fetchall()
    dead = [row["id"] for row in rows if not is_alive(row["holder"] or "")]
    for id in dead:
        connection.execute(
            "UPDATE firings SET status = 'waiting', holder = NULL, note = 'its process ended before it did' WHERE id = ?",
            (id,),
        )
    return [found for found in (find(connection, id) for id in dead) if found is not None]


def ask_cancel(connection: sqlite3.Connection, id: str, reason: str, now: datetime) -> Firing | None:
    """At once where it waits."""
    connection.execute(
        "UPDATE firings SET status = 'cancelled', ended_at = ?, cancel = ?, note = ? WHERE id = ? AND status = 'waiting'",
        (text(now), reason, f"cancelled: {reason}", id),
    )
    connection.execute("UPDATE firings SET cancel = ? WHERE id = ? AND status = 'running'", (reason, id))
    found = find(connection, id)
    return found if found is not None and found.cancel == reason else None


def find(connection: sqlite3.Connection, id: str) -> Firing | None:
    """One of them."""
    row = connection.execute("SELECT * FROM firings WHERE id = ?", (id,)).fetchone()
    return None if row is None else row_to_firing(row)


def list_firings(
    connection: sqlite3.Connection, trigger: str | None, status: FiringStatus | None, limit: int
) -> list[Firing]:
    """Newest first."""
    rows = connection.execute(
        "SELECT * FROM firings WHERE (?1 IS NULL OR trigger_name = ?1) AND (?2 IS NULL OR status = ?2) "
        "ORDER BY number DESC LIMIT ?3",
        (trigger, None if status is None else status.value, limit),
    ).fetchall()
    return [row_to_firing(row) for row in rows]
