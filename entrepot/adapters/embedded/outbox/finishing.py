"""What attempts led to: settled, put off or given up; acknowledgements, and sending again."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from entrepot.adapters.embedded.outbox.rows import note_change, refresh_head
from entrepot.ports.outbox import EXCERPT_BYTES, Delivery, Finished, MessageStatus


def finish(connection: sqlite3.Connection, now_us: int, done: Finished) -> bool:
    """Write what one attempt led to, if the message is still its; the attempt itself is kept in any case."""
    row = connection.execute("SELECT * FROM messages WHERE id = ?", (done.id,)).fetchone()
    if row is None:
        return False
    _keep_attempt(connection, done)
    _note_health(connection, now_us, row["integration"], done)
    if row["attempt"] != done.attempt or row["status"] != "queued" or row["holder"] is None:
        return False
    queued = done.status is MessageStatus.QUEUED
    _move(
        connection,
        row,
        status=done.status.value,
        delivery=done.delivery.value,
        next_us=(now_us if done.next_us is None else done.next_us) if queued else None,
        holds=(queued and done.delivery is not Delivery.DELIVERED) or done.holds_key,
        code=done.code,
        reason=done.reason,
        settled_us=None if queued else now_us,
    )
    told = {"code": done.code, "reason": done.reason, "who": done.who}
    note_change(connection, done.id, now_us, done.status.value, done.delivery.value, **told)
    return True


def bury(connection: sqlite3.Connection, now_us: int, id: str, code: str, reason: str) -> None:
    """queued → dead."""
    row = connection.execute("SELECT * FROM messages WHERE id = ?", (id,)).fetchone()
    _settle(connection, row, now_us, "dead", row["delivery"], code, reason)
    note_change(connection, id, now_us, "dead", row["delivery"], code=code, reason=reason)


def acknowledge(
    connection: sqlite3.Connection, now_us: int, ids: Sequence[str], who: str, reason: str, integration: str | None
) -> list[str]:
    """→ acknowledged."""
    found = []
    for id in dict.fromkeys(ids):
        row = connection.execute("SELECT * FROM messages WHERE id = ?", (id,)).fetchone()
        if row is None or (integration is not None and row["integration"] != integration):
            continue
        found.append(id)
        if row["status"] == "acknowledged":
            continue
        _settle(connection, row, now_us, "acknowledged", "delivered", "", reason)
        note_change(connection, id, now_us, "acknowledged", "delivered", reason=reason, who=who)
    return found


def resend(connection: sqlite3.Connection, now_us: int, ids: Sequence[str], who: str, why: str) -> list[str]:
    """dead, acknowledged or delivered → queued, as new; one that waits already falls due at once if it was put off."""
    found = []
    for id in dict.fromkeys(ids):
        row = connection.execute("SELECT * FROM messages WHERE id = ?", (id,)).fetchone()
        if row is None or (row["status"] == "queued" and (row["attempts"] == 0 or _is_held(row, now_us))):
            continue
        _move(
            connection,
            row,
            status="queued",
            delivery="waiting",
            next_us=now_us,
            holds=True,
            code="",
            reason="",
            settled_us=None,
            attempts=0,
        )
        note_change(connection, id, now_us, "queued", "waiting", code="resend", reason=why, who=who)
        found.append(id)
    return found


def _is_held(row: sqlite3.Row, now_us: int) -> bool:
    return row["holder"] is not None and row["next_us"] > now_us


def _settle(
    connection: sqlite3.Connection, row: sqlite3.Row, now_us: int, status: str, delivery: str, code: str, reason: str
) -> None:
    """An end, for now: nothing waits for it."""
    _move(
        connection,
        row,
        status=status,
        delivery=delivery,
        next_us=None,
        holds=False,
        code=code,
        reason=reason,
        settled_us=now_us,
    )


def _move(
    connection: sqlite3.Connection,
    row: sqlite3.Row,
    *,
    status: str,
    delivery: str,
    next_us: int | None,
    holds: bool,
    code: str,
    reason: str,
    settled_us: int | None,
    attempts: int | None = None,
) -> None:
    """The one way in which a message changes; whoever had it has it no longer."""
    keyless = row["key"] is None
    connection.execute(
        "UPDATE messages SET status = ?, delivery = ?, next_us = ?, holds = ?, head = ?, code = ?, reason = ?, settled_us = ?, "
        "attempts = coalesce(?, attempts), holder = NULL WHERE seq = ?",
        (
            status,
            delivery,
            next_us,
            int(holds),
            int(holds and (keyless or bool(row["head"]))),
            code,
            reason,
            settled_us,
            attempts,
            row["seq"],
        ),
    )
    refresh_head(connection, row["integration"], row["key"])


def _keep_attempt(connection: sqlite3.Connection, done: Finished) -> None:
    record = done.record
    if record is None:
        return
    excerpt = record.excerpt.encode()[:EXCERPT_BYTES].decode(errors="ignore")
    connection.execute(
        "INSERT OR REPLACE INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            done.id,
            record.number,
            record.started_us,
            record.duration_ms,
            record.request_digest,
            record.target,
            record.status,
            excerpt,
            record.error,
        ),
    )


def _note_health(connection: sqlite3.Connection, now_us: int, integration: str, done: Finished) -> None:
    """Failures in a row count for the whole integration; one success ends them."""
    if done.failed is not None:
        connection.execute("INSERT OR IGNORE INTO integrations (integration) VALUES (?)", (integration,))
        if done.failed:
            sql = "UPDATE integrations SET failures = failures + 1, failing_since_us = coalesce(failing_since_us, ?) WHERE integration = ?"
            connection.execute(sql, (now_us, integration))
        else:
            sql = "UPDATE integrations SET failures = 0, failing_since_us = NULL WHERE integration = ? AND failures > 0"
            connection.execute(sql, (integration,))
    if done.hold_until_us is not None:
        sql = "UPDATE integrations SET hold_until_us = ? WHERE integration = ?"
        connection.execute(sql, (done.hold_until_us, integration))
