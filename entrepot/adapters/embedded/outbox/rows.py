"""Between rows of the outbox's tables and values; one change of a message written in one place."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from entrepot.ports.outbox import (
    Attempt,
    Delivery,
    IntegrationState,
    Message,
    MessageChange,
    MessageStatus,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

SHOWN_DELIVERY = """
CASE WHEN m.status = 'queued' AND m.delivery <> 'delivered'
      AND EXISTS (SELECT 1 FROM integrations i WHERE i.integration = m.integration AND i.paused = 1)
     THEN 'paused' ELSE m.delivery END"""
"""What people see: that a message is held back is a fact about its integration, not written to each."""

COLUMNS = (
    "m.seq, m.id, m.integration, m.reference, m.key, m.type, m.content_type, m.created_us, m.status, "
    f"{SHOWN_DELIVERY} AS delivery, m.attempts, m.attempt, m.next_us, m.code, m.reason"
)


def to_us(at: datetime) -> int:
    """Microseconds since 1970."""
    return (at.astimezone(UTC) - EPOCH) // timedelta(microseconds=1)


def to_instant(us: int) -> datetime:
    """The instant of so many microseconds since 1970."""
    return EPOCH + timedelta(microseconds=us)


def message_of(row: sqlite3.Row | Mapping[str, Any], body: bytes = b"") -> Message:
    """A message of a row with `COLUMNS`."""
    return Message(
        seq=row["seq"],
        id=row["id"],
        integration=row["integration"],
        reference=row["reference"],
        created_us=row["created_us"],
        status=MessageStatus(row["status"]),
        delivery=Delivery(row["delivery"]),
        body=body,
        content_type=row["content_type"],
        key=row["key"],
        type=row["type"],
        attempts=row["attempts"],
        attempt=row["attempt"],
        next_us=row["next_us"],
        code=row["code"],
        reason=row["reason"],
    )


def attempt_of(row: sqlite3.Row) -> Attempt:
    """One attempt."""
    return Attempt(
        row["number"],
        row["started_us"],
        row["duration_ms"],
        row["request_digest"],
        row["target"],
        row["status"],
        row["excerpt"],
        row["error"],
    )


def change_of(row: sqlite3.Row) -> MessageChange:
    """One change."""
    return MessageChange(
        to_instant(row["at_us"]),
        MessageStatus(row["status"]),
        Delivery(row["delivery"]),
        row["code"],
        row["reason"],
        row["who"],
    )


def integration_of(name: str, row: sqlite3.Row | None) -> IntegrationState:
    """How an integration stands; without a row as at the beginning."""
    if row is None:
        return IntegrationState(name)

    def instant(column: str) -> datetime | None:
        return None if row[column] is None else to_instant(row[column])

    return IntegrationState(
        name,
        paused=bool(row["paused"]),
        reason=row["reason"],
        who=row["who"],
        since=instant("since_us"),
        failures=row["failures"],
        failing_since=instant("failing_since_us"),
        hold_until=instant("hold_until_us"),
    )


def note_change(
    connection: sqlite3.Connection,
    id: str,
    at_us: int,
    status: str,
    delivery: str,
    *,
    code: str = "",
    reason: str = "",
    who: str = "",
) -> None:
    """Add to a message's history."""
    connection.execute(
        "INSERT INTO changes (id, at_us, status, delivery, code, reason, who) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (id, at_us, status, delivery, code, reason, who),
    )


def refresh_head(connection: sqlite3.Connection, integration: str, key: str | None) -> None:
    """Say anew which message of a key is the first that holds: one stopped or began to."""
    if key is None:
        return
    named = {"integration": integration, "key": key}
    first = connection.execute(
        "SELECT min(seq) FROM messages WHERE integration = :integration AND key = :key AND holds = 1", named
    ).fetchone()[0]
    if first is None:
        return
    before = connection.execute(
        "SELECT seq FROM messages INDEXED BY messages_first WHERE integration = :integration AND key = :key AND holds = 1 AND head = 1",
        named,
    ).fetchall()
    connection.executemany(
        "UPDATE messages SET head = 0 WHERE seq = ?", [(row[0],) for row in before if row[0] != first]
    )
    connection.execute("UPDATE messages SET head = 1 WHERE seq = ?", (first,))
