"""Outputs on their way to bronze."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from entrepot.adapters.embedded.inbox.rows import id_to_text
from entrepot.ports.inbox import Output

DONE = "min(i.taken, coalesce(i.forwarded, i.taken))"
"""Up to which output everybody has what they want."""


def find_last(connection: sqlite3.Connection, integration: int) -> int | None:
    """The greatest seq that was ever given."""
    found: int | None = connection.execute(
        "SELECT last_output FROM integrations WHERE number = ?", (integration,)
    ).fetchone()[0]
    return found


def load(connection: sqlite3.Connection, integration: int, after: int, upto: int) -> Sequence[Output]:
    """Outputs with after < seq <= upto."""
    rows = connection.execute(
        "SELECT o.seq, r.id, r.reference, r.received_us, o.revision, o.number, o.row, r.key "
        "FROM outputs o JOIN records r ON r.seq = o.record WHERE o.integration = ? AND o.seq > ? AND o.seq <= ? ORDER BY o.seq",
        (integration, after, upto),
    ).fetchall()
    return [Output(row[0], id_to_text(row[1]), *row[2:]) for row in rows]


def find_bound(connection: sqlite3.Connection, integration: int, after: int, limit: int) -> int | None:
    """The seq of the `limit`-th output, or of the last one of its record."""
    rows = connection.execute(
        "SELECT max(seq), count(*) FROM (SELECT seq FROM outputs WHERE integration = ? AND seq > ? ORDER BY seq LIMIT ?)",
        (integration, after, limit),
    ).fetchall()
    bound, found = rows[0]
    if bound is None or found < limit:
        return None if bound is None else int(bound)
    return _end_of_record(connection, integration, bound)


def _end_of_record(connection: sqlite3.Connection, integration: int, seq: int) -> int:
    """Outputs of one result stand together: the first one of another is where it ends."""
    found: int = connection.execute(
        "WITH here AS (SELECT record, revision FROM outputs WHERE integration = ?1 AND seq = ?2), "
        "following AS (SELECT o.seq FROM outputs o, here WHERE o.integration = ?1 AND o.seq > ?2 "
        "AND (o.record <> here.record OR o.revision <> here.revision) ORDER BY o.seq LIMIT 1) "
        "SELECT seq FROM outputs WHERE integration = ?1 AND seq < coalesce((SELECT seq FROM following), ?3) "
        "ORDER BY seq DESC LIMIT 1",
        (integration, seq, 1 << 62),
    ).fetchone()[0]
    return found


def find_taken(connection: sqlite3.Connection, integration: int) -> int:
    """The greatest seq that was noted as taken."""
    row = connection.execute("SELECT taken FROM integrations WHERE number = ?", (integration,)).fetchone()
    return 0 if row is None else int(row[0])


def note_taken(connection: sqlite3.Connection, integration: int, upto: int) -> None:
    """Outputs up to this seq stand in bronze; they are removed later, in idle moments."""
    connection.execute("UPDATE integrations SET taken = max(taken, ?) WHERE number = ?", (upto, integration))


def find_forwarded(connection: sqlite3.Connection, integration: int) -> int | None:
    """Up to which output the topic has them; None when none is wanted there."""
    found: int | None = connection.execute(
        "SELECT forwarded FROM integrations WHERE number = ?", (integration,)
    ).fetchone()[0]
    return found


def hold(connection: sqlite3.Connection, integration: int, *, wanted: bool) -> None:
    """Begin to keep outputs for a topic, those that bronze has not taken yet and all later ones; or end it."""
    value = "coalesce(forwarded, taken)" if wanted else "NULL"
    connection.execute(f"UPDATE integrations SET forwarded = {value} WHERE number = ?", (integration,))


def note_forwarded(connection: sqlite3.Connection, integration: int, upto: int) -> None:
    """Outputs up to this seq stand on the topic."""
    connection.execute(
        "UPDATE integrations SET forwarded = max(forwarded, ?) WHERE number = ? AND forwarded IS NOT NULL",
        (upto, integration),
    )


def remove_taken(connection: sqlite3.Connection, limit: int) -> int:
    """Remove some outputs that stand in bronze, and on the topic if they are wanted there; return how many."""
    removed = 0
    for number, taken in connection.execute(f"SELECT i.number, {DONE} FROM integrations i").fetchall():
        if removed < limit:
            removed += connection.execute(
                "DELETE FROM outputs WHERE integration = ?1 AND seq <= "
                "(SELECT max(seq) FROM (SELECT seq FROM outputs WHERE integration = ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3))",
                (number, taken, limit - removed),
            ).rowcount
    return removed


def count_waiting(connection: sqlite3.Connection, integration: int) -> int:
    """Outputs that bronze has not taken."""
    found: int = connection.execute(
        "SELECT count(*) FROM outputs WHERE integration = ?1 AND seq > (SELECT taken FROM integrations WHERE number = ?1)",
        (integration,),
    ).fetchone()[0]
    return found
