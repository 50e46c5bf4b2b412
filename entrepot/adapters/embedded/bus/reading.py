"""Fetching messages."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from entrepot.adapters.embedded.bus import topics
from entrepot.adapters.embedded.bus.rows import SELECT_MESSAGE, end_of, place_of, row_to_message
from entrepot.adapters.embedded.bus.topics import Topic
from entrepot.kernel.errors import DamageError, UsageError
from entrepot.ports.bus import Message, OffsetGone


def fetch(
    connection: sqlite3.Connection, topic: Topic, partition: int, offset: int, limit: int, most_bytes: int
) -> Sequence[Message]:
    """Messages from `offset` on. Raises: OffsetGone, DamageError."""
    found = _select(connection, topic, partition, offset, limit, most_bytes)
    if found and found[0].offset == offset:
        return found
    ends = require_partition(connection, topic, partition)
    if offset < ends.first:
        raise OffsetGone(
            f"messages of {topic.name}, partition {partition}, from offset {offset:,} on were asked for; kept are those from {ends.first:,} on.",
            hint="They were dropped by age or size: entrepot topics show says what is kept, and for whom.",
        )
    if offset > ends.next:
        raise DamageError(
            f"{topic.name}, partition {partition}, ends at offset {ends.next:,}, but {offset:,} was asked for: "
            "an older or another bus stands in its place.",
            hint="Bring back the newest .entrepot/bus.db; new messages would be taken for old ones.",
        )
    # Between both looks a message came: it is there with the next call. Anything else is damage.
    if found or (offset < ends.next and not _select(connection, topic, partition, offset, 1, most_bytes)):
        raise DamageError(
            f"{topic.name}, partition {partition}, has no message at offset {offset:,}, but later ones.",
            hint="Restore bus.db from a backup.",
        )
    return []


def bound(connection: sqlite3.Connection, topic: Topic, partition: int, offset: int, limit: int) -> int:
    """Offsets have no gaps here."""
    return max(offset, min(require_partition(connection, topic, partition).next, offset + limit))


def require_partition(connection: sqlite3.Connection, topic: Topic, partition: int) -> topics.Partition:
    """Raises: UsageError."""
    found = topics.partitions(connection, topic)
    if not 0 <= partition < len(found):
        raise UsageError(f"the topic {topic.name} has partitions 0 to {len(found) - 1}; {partition} was asked for.")
    return found[partition]


def _select(
    connection: sqlite3.Connection, topic: Topic, partition: int, offset: int, limit: int, most_bytes: int
) -> list[Message]:
    cursor = connection.execute(
        f"{SELECT_MESSAGE} WHERE place >= ? AND place < ? ORDER BY place LIMIT ?",
        (place_of(topic.number, partition, offset), end_of(topic.number, partition), limit),
    )
    found: list[Message] = []
    size = 0
    try:
        for row in cursor:
            size += len(row["value"])
            if found and size > most_bytes:
                break
            found.append(row_to_message(row, topic.name, partition))
    finally:
        cursor.close()
    return found
