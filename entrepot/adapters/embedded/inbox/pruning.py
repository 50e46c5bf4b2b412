"""Records that leave: archived ones, and references whose window is over."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from entrepot.adapters.embedded.inbox.bulk import cut, marks
from entrepot.adapters.embedded.inbox.counting import change_counts, new_changes
from entrepot.adapters.embedded.inbox.outgoing import DONE
from entrepot.adapters.embedded.inbox.rows import (
    BODY,
    FROM_RECORD,
    PROCESSED,
    SELECT_RECORD,
    instant_to_us,
    row_to_record,
)
from entrepot.ports.inbox import InboxRecord

CHUNK = 500

_SETTLED = (
    f" r.status = 1 AND {DONE} >= coalesce((SELECT h.last_output FROM history h WHERE h.seq = r.seq "
    "AND h.last_output IS NOT NULL ORDER BY h.revision DESC LIMIT 1), 0)"
)
"""Processed, and what it gave stands in bronze, and on the topic if it is wanted there."""


def list_archivable(
    connection: sqlite3.Connection, before: datetime, limit: int, integrations: Sequence[int]
) -> Sequence[InboxRecord]:
    """Oldest first."""
    rows = connection.execute(
        f"{SELECT_RECORD}, {BODY} {FROM_RECORD} WHERE {_SETTLED} AND r.received_us < ? "
        f"AND r.integration IN ({marks(len(integrations))}) ORDER BY r.seq LIMIT ?",
        (instant_to_us(before), *integrations, limit),
    ).fetchall()
    return [row_to_record(row, row["body"]) for row in rows]


def prune(connection: sqlite3.Connection, seqs: Sequence[int]) -> int:
    """Forget records, but those that are not settled; their references are kept for the window."""
    found: list[sqlite3.Row] = []
    for chunk in cut(seqs):
        found += connection.execute(
            "SELECT r.seq, r.integration, r.reference FROM records r JOIN integrations i ON i.number = r.integration "
            f"WHERE {_SETTLED} AND r.seq IN ({marks(len(chunk))})",
            list(chunk),
        ).fetchall()
    _forget_later(connection, found)
    for part in cut([row["seq"] for row in found]):
        for table in ("records", "edits", "history"):
            connection.execute(f"DELETE FROM {table} WHERE seq IN ({marks(len(part))})", list(part))
    changes = new_changes()
    for row in found:
        changes[row["integration"], PROCESSED, ""] -= 1
    change_counts(connection, changes)
    return len(found)


def _forget_later(connection: sqlite3.Connection, found: Sequence[sqlite3.Row]) -> None:
    connection.executemany(
        "INSERT OR IGNORE INTO forgotten (until_us, seq, integration, reference) "
        "SELECT received_us + window_us, seq, integration, reference FROM owners "
        "WHERE integration = ? AND reference = ? AND seq = ? AND window_us > 0",
        [(row["integration"], row["reference"], row["seq"]) for row in found],
    )
    # A conflict is kept as long as what it contradicts; an owner of before the window says nothing any more.
    connection.executemany(
        "DELETE FROM others WHERE integration = ? AND reference = ? AND seq = ? AND NOT conflict",
        [(row["integration"], row["reference"], row["seq"]) for row in found],
    )


def forget_references(connection: sqlite3.Connection, now_us: int, limit: int) -> int:
    """Forget some references of pruned records whose window is over; return how many."""
    rows = connection.execute(
        "SELECT until_us, seq, integration, reference FROM forgotten WHERE until_us < ? ORDER BY until_us LIMIT ?",
        (now_us, limit),
    ).fetchall()
    connection.executemany(
        "DELETE FROM owners WHERE integration = ? AND reference = ? AND seq = ?",
        [(row["integration"], row["reference"], row["seq"]) for row in rows],
    )
    connection.executemany(
        "DELETE FROM others WHERE integration = ?1 AND reference = ?2 AND NOT EXISTS (SELECT 1 FROM records r WHERE r.seq = others.seq) "
        "AND NOT EXISTS (SELECT 1 FROM owners o WHERE o.integration = ?1 AND o.reference = ?2)",
        [(row["integration"], row["reference"]) for row in rows],
    )
    connection.executemany(
        "DELETE FROM forgotten WHERE until_us = ? AND seq = ?", [(row["until_us"], row["seq"]) for row in rows]
    )
    return len(rows)
