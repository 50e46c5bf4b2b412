"""Putting messages: those of one transaction, laid into partitions."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

from entrepot.adapters.embedded.bus import topics
from entrepot.adapters.embedded.bus.rows import headers_to_text, place_of
from entrepot.adapters.embedded.bus.topics import Topic
from entrepot.adapters.embedded.inbox.bulk import Row, insert_rows
from entrepot.kernel.errors import UsageError
from entrepot.kernel.ids import new_record_id
from entrepot.ports.bus import REPEATED, Outgoing, Placed, partition_of

MOST_MESSAGE_BYTES = 100_000_000
_MESSAGES = "INSERT OR FAIL INTO messages (place, put_us, size, timestamp_us, id, key, headers, value)"
_MOST_NUMBER = 1 << 62
_ROW_BYTES = 40
"""What a message takes beside its own bytes, about."""


@dataclass(frozen=True, slots=True)
class Request:
    """What one call puts."""

    topic: str
    messages: Sequence[Outgoing]
    producer: str
    size: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", sum([len(one.value) for one in self.messages]))


def check(request: Request) -> None:
    """Everything that can be wrong with messages, before they wait with others. Raises: UsageError."""
    last: int | None = None
    for one in request.messages:
        if len(one.value) > MOST_MESSAGE_BYTES:
            raise UsageError(
                f"a message for {request.topic} has {len(one.value):,} bytes; allowed are {MOST_MESSAGE_BYTES:,}.",
                hint="Keep the content elsewhere, and put its address on the topic.",
            )
        if (one.sequence is None) == bool(request.producer):
            raise UsageError(
                f"messages for {request.topic} need a producer and sequences, or neither.",
                hint="With both, putting them again adds nothing.",
            )
        if last is not None and one.sequence is not None and one.sequence <= last:
            raise UsageError(f"sequences of {request.producer} must grow; after {last} came {one.sequence}.")
        last = one.sequence
        _check_form(request.topic, one)


def _check_form(topic: str, one: Outgoing) -> None:
    numbers = (one.sequence or 0, one.timestamp_us or 0)
    if any(abs(number) >= _MOST_NUMBER for number in numbers):
        raise UsageError(f"a message for {topic} has a sequence or timestamp that is no 64-bit number.")
    try:
        one.id.encode()
        headers_to_text(one.headers)
    except (UnicodeEncodeError, TypeError) as error:
        raise UsageError(
            f"a message for {topic} has an id or the name of a header that is no text of whole characters."
        ) from error


class Laying:
    """What one transaction puts; requests one after the other."""

    def __init__(self, connection: sqlite3.Connection, now_us: int) -> None:
        self._connection = connection
        self._now_us = now_us
        self._topics: dict[str, _Ends] = {}
        self._last: dict[tuple[int, str], int | None] = {}
        self._rows: list[Row] = []

    def add(self, request: Request) -> list[Placed]:
        """Lay a request's messages into partitions. Raises: NoSuchTopic, before anything of it is laid."""
        if request.topic not in self._topics:
            topic = topics.require(self._connection, request.topic)
            self._topics[request.topic] = _Ends(topic, topics.partitions(self._connection, topic))
        ends = self._topics[request.topic]
        last = self._find_last(ends.topic, request.producer)
        anywhere = ends.emptiest()
        placed = []
        for one in request.messages:
            if one.sequence is not None:
                if last is not None and one.sequence <= last:
                    placed.append(REPEATED)
                    continue
                last = one.sequence
            partition = anywhere if one.key is None else partition_of(one.key, ends.topic.settings.partitions)
            placed.append(self._lay(ends, partition, one))
        if request.producer:
            self._last[ends.topic.number, request.producer] = last
        return placed

    def write(self) -> None:
        """Insert what was laid."""
        if self._rows:
            insert_rows(self._connection, _MESSAGES, self._rows)
        for ends in self._topics.values():
            self._connection.executemany(
                "UPDATE partitions SET next = ?, bytes = bytes + ? WHERE topic = ? AND partition = ?", ends.changes()
            )
        found = [(topic, producer, last) for (topic, producer), last in self._last.items() if last is not None]
        self._connection.executemany(
            "INSERT INTO producers VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET last = max(last, excluded.last)", found
        )

    def _lay(self, ends: _Ends, partition: int, one: Outgoing) -> Placed:
        headers = headers_to_text(one.headers)
        size = len(one.value) + len(one.key or b"") + len(headers) + _ROW_BYTES
        offset = ends.take(partition, size)
        at = self._now_us if one.timestamp_us is None else one.timestamp_us
        place = place_of(ends.topic.number, partition, offset)
        id = one.id or new_record_id(self._now_us)
        self._rows.append((place, self._now_us, size, at, id, one.key, headers, one.value))
        return Placed(partition, offset)

    def _find_last(self, topic: Topic, producer: str) -> int | None:
        if not producer:
            return None
        if (topic.number, producer) not in self._last:
            self._last[topic.number, producer] = find_last(self._connection, topic, producer)
        return self._last[topic.number, producer]


class _Ends:
    """The ends of a topic's partitions while messages are laid."""

    def __init__(self, topic: Topic, partitions: Sequence[topics.Partition]) -> None:
        self.topic = topic
        self._next = [one.next for one in partitions]
        self._bytes: dict[int, int] = {}

    def emptiest(self) -> int:
        """The partition that got the fewest so far."""
        return self._next.index(min(self._next))

    def take(self, partition: int, size: int) -> int:
        """The next offset."""
        offset = self._next[partition]
        self._next[partition] = offset + 1
        self._bytes[partition] = self._bytes.get(partition, 0) + size
        return offset

    def changes(self) -> list[tuple[int, int, int, int]]:
        """Next offset and growth of each partition that got something."""
        return [(self._next[partition], size, self.topic.number, partition) for partition, size in self._bytes.items()]


def find_last(connection: sqlite3.Connection, topic: Topic, producer: str) -> int | None:
    """The producer's greatest sequence."""
    row = connection.execute(
        "SELECT last FROM producers WHERE topic = ? AND producer = ?", (topic.number, producer)
    ).fetchone()
    return None if row is None else row[0]
