"""Calls of hooks and reports to be sent, inside a transaction of the caller."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta

from entrepot.adapters.embedded.schedule.rows import call_to_row, row_to_call, text
from entrepot.ports.schedule import Call


def add(connection: sqlite3.Connection, calls: Sequence[Call]) -> None:
    """Those whose id is known are left as they are."""
    connection.executemany(
        "INSERT OR IGNORE INTO calls (id, trigger_name, event, target, body, at, attempts, next_at, done_at, error) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        map(call_to_row, calls),
    )


def take(connection: sqlite3.Connection, now: datetime, limit: int, hold_s: float) -> list[Call]:
    """Their next time is put off, so that nobody else takes them meanwhile, and they come again when we die."""
    rows = connection.execute(
        "SELECT * FROM calls WHERE done_at IS NULL AND next_at <= ? ORDER BY next_at, number LIMIT ?",
        (text(now), limit),
    ).fetchall()
    put_off = text(now + timedelta(seconds=hold_s))
    for row in rows:
        connection.execute("UPDATE calls SET next_at = ?, attempts = attempts + 1 WHERE id = ?", (put_off, row["id"]))
    ids = [row["id"] for row in rows]
    marks = ", ".join("?" * len(ids))
    taken = connection.execute(f"SELECT * FROM calls WHERE id IN ({marks}) ORDER BY number", ids).fetchall()
    return [row_to_call(row) for row in taken]


def note(connection: sqlite3.Connection, call: Call) -> None:
    """What an attempt came to. A call that is done stays done."""
    connection.execute(
        "UPDATE calls SET next_at = ?, done_at = ?, error = ? WHERE id = ? AND done_at IS NULL",
        (text(call.next_at), text(call.done_at), call.error, call.id),
    )


def list_calls(connection: sqlite3.Connection, limit: int) -> list[Call]:
    """Newest first."""
    rows = connection.execute("SELECT * FROM calls ORDER BY number DESC LIMIT ?", (limit,)).fetchall()
    return [row_to_call(row) for row in rows]
