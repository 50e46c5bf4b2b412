"""Messages that need not be kept: older than stated, or more than stated, and read by all groups."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from entrepot.adapters.embedded.bus import groups, topics
from entrepot.adapters.embedded.bus.rows import end_of, offset_of, place_of
from entrepot.adapters.embedded.bus.topics import Partition, Topic
from entrepot.ports.bus import Dropped

CHUNK = 1_000
"""Messages that one transaction drops."""


def list_partitions(connection: sqlite3.Connection, topic: Topic, now_us: int) -> list[int]:
    """Partitions whose oldest message is beyond a limit: mostly none, which is found without a lock."""
    return [one.number for one in topics.partitions(connection, topic) if _cut(connection, topic, one, now_us, 1)]


def drop(
    connection: sqlite3.Connection, topic: Topic, number: int, now_us: int, *, force: bool
) -> tuple[Dropped | None, bool]:
    """Drop some messages of a partition; also True when more may have to go. Inside a write transaction."""
    partition = topics.partitions(connection, topic)[number]
    committed = {name: held.get(number, 0) for name, held in groups.load_committed(connection, topic).items()}
    found = _cut(connection, topic, partition, now_us, CHUNK)
    before = partition.first + len(found)
    if not force:
        before = min(before, *committed.values()) if committed else before
    count = before - partition.first
    if count <= 0:
        return None, False
    connection.execute(
        "DELETE FROM messages WHERE place >= ? AND place < ?",
        (place_of(topic.number, number, partition.first), place_of(topic.number, number, before)),
    )
    connection.execute(
        "UPDATE partitions SET first = ?, bytes = bytes - ? WHERE topic = ? AND partition = ?",
        (before, sum(found[:count]), topic.number, number),
    )
    return Dropped(topic.name, number, before, count, _unread(committed, before)), count == CHUNK


def _cut(connection: sqlite3.Connection, topic: Topic, partition: Partition, now_us: int, limit: int) -> list[int]:
    """The sizes of messages at the front that are beyond a limit."""
    keep = topic.settings
    oldest_us = None if keep.keep_us is None else now_us - keep.keep_us
    too_much = 0 if keep.keep_bytes is None else partition.bytes - keep.keep_bytes
    rows = connection.execute(
        "SELECT place, put_us, size FROM messages WHERE place >= ? AND place < ? ORDER BY place LIMIT ?",
        (place_of(topic.number, partition.number, partition.first), end_of(topic.number, partition.number), limit),
    ).fetchall()
    sizes: list[int] = []
    for place, put_us, size in rows:
        is_old = oldest_us is not None and put_us < oldest_us
        if not is_old and too_much <= 0:
            break
        assert offset_of(place) == partition.first + len(sizes)
        sizes.append(size)
        too_much -= size
    return sizes


def _unread(committed: Mapping[str, int], before: int) -> tuple[str, ...]:
    return tuple(sorted(name for name, offset in committed.items() if offset < before))
