"""Questions that people ask of the outbox."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence

from entrepot.adapters.embedded.outbox.rows import COLUMNS, SHOWN_DELIVERY, message_of, to_us
from entrepot.ports.outbox import Delivery, Message, MessageFilter, MessageStatus, OutboxCounts


def find(connection: sqlite3.Connection, wanted: MessageFilter, limit: int, before: int | None) -> Sequence[Message]:
    """Newest first."""
    where, values = _where(wanted)
    if before is not None:
        where, values = f"{where} AND m.seq < ?", [*values, before]
    sql = f"SELECT {COLUMNS} FROM messages m WHERE {where} ORDER BY m.seq DESC LIMIT ?"
    return [message_of(row) for row in connection.execute(sql, [*values, limit]).fetchall()]


def count(connection: sqlite3.Connection, wanted: MessageFilter) -> int:
    """How many there are."""
    where, values = _where(wanted)
    found: int = connection.execute(f"SELECT count(*) FROM messages m WHERE {where}", values).fetchone()[0]
    return found


def counts(connection: sqlite3.Connection, integration: str) -> OutboxCounts:
    """Where an integration's messages stand."""
    paused = connection.execute(
        "SELECT 1 FROM integrations WHERE integration = ? AND paused = 1", (integration,)
    ).fetchone()
    sql = """SELECT status, delivery, code, count(*) AS n, min(created_us) AS oldest
        FROM messages INDEXED BY messages_counts WHERE integration = ? GROUP BY status, delivery, code"""
    statuses: Counter[MessageStatus] = Counter()
    deliveries: Counter[Delivery] = Counter()
    codes: Counter[str] = Counter()
    waiting: list[int] = []
    for row in connection.execute(sql, (integration,)).fetchall():
        status, delivery = MessageStatus(row["status"]), Delivery(row["delivery"])
        statuses[status] += row["n"]
        if status is MessageStatus.QUEUED:
            held = paused is not None and delivery is not Delivery.DELIVERED
            deliveries[Delivery.PAUSED if held else delivery] += row["n"]
            waiting.append(row["oldest"])
        elif status is MessageStatus.DEAD:
            codes[row["code"]] += row["n"]
    return OutboxCounts(dict(statuses), dict(deliveries), dict(codes), min(waiting, default=None))


def _where(wanted: MessageFilter) -> tuple[str, list[object]]:
    parts, values = ["1"], list[object]()
    for column in ("integration", "status", "code", "reference", "key"):
        value = getattr(wanted, column)
        if value is not None:
            parts.append(f"m.{column} = ?")
            values.append(str(value))
    if wanted.delivery is not None:
        parts.append(f"{SHOWN_DELIVERY} = ?")
        values.append(wanted.delivery.value)
    if wanted.since is not None:
        parts.append("m.created_us >= ?")
        values.append(to_us(wanted.since))
    if wanted.until is not None:
        parts.append("m.created_us < ?")
        values.append(to_us(wanted.until))
    if wanted.ids:
        parts.append(f"m.id IN ({', '.join('?' * len(wanted.ids))})")
        values += wanted.ids
    return " AND ".join(parts), values
