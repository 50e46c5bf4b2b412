"""Taking messages for a while: due ones, within the bounds of their integration."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from entrepot.adapters.embedded.outbox.finishing import bury
from entrepot.adapters.embedded.outbox.rows import COLUMNS, message_of, note_change
from entrepot.ports.outbox import Message, Take

_SECOND = 1_000_000
_BURST_US = 200_000
"""How much of an unused rate may be made up for at once."""
_LONGEST_HOLD_US = 25 * 3_600 * _SECOND
"""A destination is never left alone for longer: a clock that was wrong said so."""


def take(connection: sqlite3.Connection, now_us: int, wanted: Take) -> list[Message]:
    """Hold due messages; inside a write transaction."""
    row = connection.execute("SELECT * FROM integrations WHERE integration = ?", (wanted.integration,)).fetchone()
    if row is not None and (row["paused"] or now_us < (row["hold_until_us"] or 0) <= now_us + _LONGEST_HOLD_US):
        return []
    _call_in(connection, now_us, wanted)
    if wanted.most_attempts is not None:
        _give_up(connection, now_us, wanted, wanted.most_attempts)
    limit = min(wanted.limit, _free(connection, now_us, wanted))
    if wanted.per_second is not None:
        limit = min(limit, _allowed(row, now_us, wanted.per_second)[0])
    if limit <= 0:
        return []
    found = _due(connection, now_us, wanted, limit)
    if wanted.per_second is not None and found:
        _use_rate(connection, row, now_us, wanted, len(found))
    return [_hold(connection, now_us, wanted, item) for item in found]


def release(connection: sqlite3.Connection, now_us: int, holder: str) -> int:
    """Give back what a holder had: due at once."""
    held = connection.execute(
        "SELECT id, attempt FROM messages WHERE holder = ? AND status = 'queued'", (holder,)
    ).fetchall()
    for row in held:
        _note_lost(connection, now_us, row["id"], row["attempt"])
    sql = "UPDATE messages SET holder = NULL, next_us = ? WHERE holder = ? AND status = 'queued'"
    return connection.execute(sql, (now_us, holder)).rowcount


def prolong(connection: sqlite3.Connection, now_us: int, id: str, attempt: int, lease_s: float) -> bool:
    """Hold one longer, if it is still this attempt's."""
    sql = "UPDATE messages SET next_us = ? WHERE id = ? AND attempt = ? AND holder IS NOT NULL AND status = 'queued'"
    return connection.execute(sql, (now_us + _us(lease_s), id, attempt)).rowcount == 1


def _call_in(connection: sqlite3.Connection, now_us: int, wanted: Take) -> None:
    """What a clock that ran ahead has put off too far is due now."""
    longest = now_us + _us(wanted.longest_wait_s)
    sql = "UPDATE messages SET next_us = ? WHERE integration = ? AND status = 'queued' AND next_us > ?"
    connection.execute(sql, (now_us, wanted.integration, longest))


def _give_up(connection: sqlite3.Connection, now_us: int, wanted: Take, most: int) -> None:
    rows = connection.execute(
        "SELECT seq, id, key, attempts, reason FROM messages "
        "WHERE integration = ? AND status = 'queued' AND next_us <= ? AND attempts >= ? LIMIT 200",
        (wanted.integration, now_us, most),
    ).fetchall()
    for row in rows:
        reason = f"taken {row['attempts']} times and never acknowledged"
        bury(connection, now_us, row["id"], "undelivered", f"{reason}: {row['reason']}" if row["reason"] else reason)


def _free(connection: sqlite3.Connection, now_us: int, wanted: Take) -> int:
    if wanted.most_leased is None:
        return wanted.limit
    sql = "SELECT count(*) FROM messages WHERE integration = ? AND holder IS NOT NULL AND status = 'queued' AND next_us > ?"
    held: int = connection.execute(sql, (wanted.integration, now_us)).fetchone()[0]
    return wanted.most_leased - held


def _due(connection: sqlite3.Connection, now_us: int, wanted: Take, limit: int) -> Sequence[sqlite3.Row]:
    first = "AND (m.head = 1 OR m.holds = 0)" if wanted.ordered else ""
    sql = f"""SELECT {COLUMNS}, m.body, m.holder FROM messages m
        WHERE m.integration = ? AND m.status = 'queued' {first} AND m.next_us <= ? ORDER BY m.next_us, m.seq LIMIT ?"""
    return connection.execute(sql, (wanted.integration, now_us, limit)).fetchall()


def _hold(connection: sqlite3.Connection, now_us: int, wanted: Take, row: sqlite3.Row) -> Message:
    delivery = row["delivery"] if row["delivery"] == "delivered" else "attempted"
    if row["holder"] is not None:
        _note_lost(connection, now_us, row["id"], row["attempt"])
    until = now_us + _us(wanted.lease_s)
    connection.execute(
        "UPDATE messages SET attempt = attempt + 1, attempts = attempts + 1, holder = ?, next_us = ?, delivery = ? WHERE seq = ?",
        (wanted.holder, until, delivery, row["seq"]),
    )
    if row["delivery"] == "waiting":
        note_change(connection, row["id"], now_us, "queued", delivery, who=wanted.holder)
    held = dict(row) | {"attempt": row["attempt"] + 1, "attempts": row["attempts"] + 1, "next_us": until}
    return message_of(held, row["body"])


def _note_lost(connection: sqlite3.Connection, now_us: int, id: str, attempt: int) -> None:
    """Every attempt is kept, also one of which nobody can say what came of it."""
    lost = "nobody noted what came of it: its holder ended, or its lease did"
    connection.execute(
        "INSERT OR IGNORE INTO attempts VALUES (?, ?, ?, 0, '', '', NULL, '', ?)", (id, attempt, now_us, lost)
    )


def _allowed(row: sqlite3.Row | None, now_us: int, per_second: float) -> tuple[int, int]:
    """How many the rate lets through now, and from when they count."""
    interval = max(1, round(_SECOND / per_second))
    stated = (row["next_slot_us"] if row is not None else None) or 0
    if stated > now_us + max(10 * _SECOND, 2 * interval):
        stated = 0  # the clock went back
    start = max(stated, now_us - _BURST_US)
    return (0 if start > now_us else (now_us - start) // interval + 1), start


def _use_rate(connection: sqlite3.Connection, row: sqlite3.Row | None, now_us: int, wanted: Take, used: int) -> None:
    assert wanted.per_second is not None
    _, start = _allowed(row, now_us, wanted.per_second)
    slot = start + used * max(1, round(_SECOND / wanted.per_second))
    connection.execute(
        "INSERT INTO integrations (integration, next_slot_us) VALUES (?, ?) "
        "ON CONFLICT (integration) DO UPDATE SET next_slot_us = excluded.next_slot_us",
        (wanted.integration, slot),
    )


def _us(seconds: float) -> int:
    return round(seconds * _SECOND)
