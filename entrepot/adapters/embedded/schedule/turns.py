"""What a decision reads and writes, inside a transaction of the caller."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime

from entrepot.adapters.embedded.schedule.rows import (
    FIRING_COLUMNS,
    firing_to_row,
    happening_to_row,
    memory_to_row,
    row_to_firing,
    row_to_happening,
    row_to_memory,
    row_to_pause,
    text,
)
from entrepot.adapters.embedded.state.rows import text_to_instant
from entrepot.ports.schedule import Decision, Happening, Pause, Snapshot

_INSERT_FIRING = (
    f"INSERT OR IGNORE INTO firings ({', '.join(FIRING_COLUMNS)}) VALUES ({', '.join('?' * len(FIRING_COLUMNS))})"
)


def read_snapshot(connection: sqlite3.Connection, now: datetime) -> Snapshot:
    """All that a decision looks at."""
    memories = {
        row["trigger_name"]: row_to_memory(row) for row in connection.execute("SELECT * FROM memories").fetchall()
    }
    happenings = connection.execute("SELECT * FROM happenings ORDER BY id").fetchall()
    waiting = connection.execute(
        "SELECT * FROM firings WHERE status = 'waiting' AND started_at IS NULL ORDER BY number"
    ).fetchall()
    return Snapshot(
        memories=memories,
        happenings=[row_to_happening(row) for row in happenings],
        waiting={row["trigger_name"]: row_to_firing(row) for row in waiting},
        paused=read_pauses(connection, now),
        fired=_read_fired(connection),
    )


def read_pauses(connection: sqlite3.Connection, now: datetime) -> dict[str, Pause]:
    """Those that have not run out."""
    rows = connection.execute("SELECT * FROM pauses WHERE until IS NULL OR until > ?", (text(now),)).fetchall()
    return {row["trigger_name"]: row_to_pause(row) for row in rows}


def _read_fired(connection: sqlite3.Connection) -> Mapping[str, frozenset[datetime]]:
    rows = connection.execute(
        "SELECT f.trigger_name, f.due FROM memories m JOIN firings f ON f.trigger_name = m.trigger_name AND f.due > m.horizon"
    ).fetchall()
    found: dict[str, set[datetime]] = {}
    for row in rows:
        found.setdefault(row["trigger_name"], set()).add(text_to_instant(row["due"]))
    return {name: frozenset(dues) for name, dues in found.items()}


def write_decision(connection: sqlite3.Connection, decision: Decision) -> None:
    """All of it, or by a crash nothing."""
    for firing in decision.firings:  # a time that fired already is left as it is
        connection.execute(_INSERT_FIRING, firing_to_row(firing))
    for id, reason in decision.joined:
        connection.execute(
            "UPDATE firings SET reason = substr(reason || '; ' || ?, 1, 2000) WHERE id = ?", (reason, id)
        )
    connection.executemany(
        "INSERT OR REPLACE INTO memories VALUES (?, ?, ?, ?, ?, ?)", map(memory_to_row, decision.memories)
    )
    connection.executemany("DELETE FROM happenings WHERE id = ?", [(id,) for id in decision.seen])


def write_happenings(connection: sqlite3.Connection, happenings: Sequence[Happening]) -> None:
    """For the next turn."""
    connection.executemany(
        "INSERT INTO happenings (kind, subject, at, source, why, is_healthy) VALUES (?, ?, ?, ?, ?, ?)",
        map(happening_to_row, happenings),
    )
