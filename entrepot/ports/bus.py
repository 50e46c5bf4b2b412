"""The bus: topics that keep messages in order, cut into partitions, read by any number of groups.

Its terms are those of Kafka and Kinesis, so that either may stand behind it: order within a partition only, offsets that grow and may have
gaps, groups whose members share the partitions and are fenced by generation.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from entrepot.kernel.errors import DataError, EntrepotError

DEAD = ".dead"
"""Behind a topic's name: where messages go that could not be used."""
WEEK_US = 7 * 86_400_000_000
DEFAULT_PARTITIONS = 4
FETCH_BYTES = 8_000_000


class NoSuchTopic(EntrepotError):
    """There is no such topic."""

    code = "topic.unknown"
    exit_code = 2
    http_status = 404


class OffsetGone(DataError):
    """Messages that were asked for are no longer kept."""

    code = "topic.offset_gone"
    http_status = 410


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to be put on a topic."""

    value: bytes
    key: bytes | None = None
    """Messages of one key stand in one partition, in order; None: in any. An empty key is a key like others."""
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp_us: int | None = None
    """Microseconds since 1970, UTC; None: when it is put."""
    id: str = ""
    """Whose it is, perhaps of several messages; empty: the bus gives one."""
    sequence: int | None = None
    """Its number with the producer: each is greater than the one before."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it stands in a topic."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    timestamp_us: int
    id: str


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of a message: durable when this is given out."""

    partition: int
    offset: int
    repeated: bool = False
    """It was put before; where is not said: both numbers are -1."""


REPEATED = Placed(-1, -1, repeated=True)


@dataclass(frozen=True, slots=True)
class TopicSettings:
    """How a topic is kept. What a group has not committed is kept beyond both limits."""

    partitions: int = DEFAULT_PARTITIONS
    keep_us: int | None = WEEK_US
    """How long after it was put a message is kept; None: for ever."""
    keep_bytes: int | None = None
    """How much of each partition is kept; None: all."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a member of a group reads. A commit under it is refused once the group has another generation."""

    group: str
    topic: str
    member: str
    generation: int
    partitions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class GroupState:
    """Where a group stands."""

    group: str
    topic: str
    generation: int
    members: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Living member → its partitions."""
    committed: Mapping[int, int] = field(default_factory=dict)
    """Partition → the offset it reads next."""
    lag: Mapping[int, int] = field(default_factory=dict)
    """Partition → how many messages it has not committed."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """Messages of a partition that are no longer kept: those before an offset."""

    topic: str
    partition: int
    before: int
    messages: int
    unread_by: tuple[str, ...] = ()
    """Groups that had not committed all of them; only when it was forced."""


class Bus(Protocol):
    """Called from several threads and processes. What is given back is durable."""

    # topics
    def ensure_topic(self, topic: str, settings: TopicSettings | None = None) -> TopicSettings:
        """Make the topic if it is not there; return how it is kept. A topic that is there stays as it is.

        Raises: UsageError when the name or a setting is not allowed.
        """
        ...

    def change_topic(self, topic: str, settings: TopicSettings) -> None:
        """Keep it otherwise, or give it more partitions: from then on a key may stand in another one, in order among its later messages.

        Raises: NoSuchTopic; UsageError for fewer partitions.
        """
        ...

    def topics(self) -> Mapping[str, TopicSettings]:
        """All topics, by name."""
        ...

    # producing
    def produce(self, topic: str, messages: Sequence[Outgoing], *, producer: str = "") -> Sequence[Placed]:
        """Put messages, in this order: all of them or none. Each partition gets its own in one row.

        With a `producer` each message has a sequence. One that is not greater than the producer's last on this topic was put before and
        is not put again. One producer puts from one thread at a time, in the order of its sequences.

        Raises: NoSuchTopic; UsageError when a message cannot be put (sequences out of order, too large).
        """
        ...

    def last_sequence(self, topic: str, producer: str) -> int | None:
        """The producer's greatest sequence on the topic; None when it never put anything."""
        ...

    # reading
    def starts(self, topic: str) -> Mapping[int, int]:
        """Partition → the offset of the oldest message that is kept, or that comes next."""
        ...

    def ends(self, topic: str) -> Mapping[int, int]:
        """Partition → the offset behind the newest durable message."""
        ...

    def fetch(
        self, topic: str, partition: int, offset: int, *, limit: int = 1_000, most_bytes: int = FETCH_BYTES
    ) -> Sequence[Message]:
        """Messages from `offset` on, in order; at least one if there is one, however large. Empty at the end.

        Raises: OffsetGone when messages from there on were dropped; DamageError behind the end; NoSuchTopic.
        """
        ...

    def bound(self, topic: str, partition: int, offset: int, limit: int) -> int:
        """The offset behind the `limit`-th message from `offset` on, or behind the last one."""
        ...

    # groups
    def subscribe(self, group: str, topic: str, *, latest: bool = False) -> Mapping[int, int]:
        """Make the group known, once; from then on messages are kept for it. Return where it began: partition → offset.

        It begins with the oldest message, or with `latest` behind the newest. Partitions that came later are not named: all of them counts.
        """
        ...

    def join(self, group: str, topic: str, member: str, lease_s: float) -> Assignment:
        """Become a member, or stay one: to be called again before the lease is over. A member that comes, goes or dies starts a new generation."""
        ...

    def leave(self, held: Assignment) -> None:
        """Be a member no more. Repeatable."""
        ...

    def commit(self, held: Assignment, offsets: Mapping[int, int]) -> None:
        """Partition → the offset to be read next. Never goes back.

        Raises: FencedError when the group has another generation, or the partition is not the member's: throw away what was made of it.
        """
        ...

    def note(self, group: str, topic: str, offsets: Mapping[int, int]) -> None:
        """As `commit`, of a group without members, whose only reader keeps its position elsewhere. Raises: FencedError when it has members."""
        ...

    def groups(self, topic: str) -> Sequence[GroupState]:
        """All groups of a topic."""
        ...

    def forget_group(self, group: str, topic: str) -> bool:
        """Keep nothing for it any more; False when it was not known."""
        ...

    # upkeep
    def prune(self, topic: str, *, force: bool = False) -> Sequence[Dropped]:
        """Drop what need not be kept. With `force` also what groups have not committed; the answer names them."""
        ...

    def close(self) -> None:
        """Close what is open."""
        ...


def partition_of(key: bytes, partitions: int) -> int:
    """Where a key stands: CRC-32 modulo the number of partitions, as librdkafka does it unless told otherwise. The same on all machines, for ever."""
    return zlib.crc32(key) % partitions


def dead_letters(group: str, reasons: Sequence[tuple[Message, str]]) -> list[Outgoing]:
    """What is put on the dead-letter topic for messages that could not be used: as they were, with where they stood and why."""
    return [_dead_letter(group, message, reason) for message, reason in reasons]


def put_dead(bus: Bus, group: str, reasons: Sequence[tuple[Message, str]]) -> int:
    """Put messages on the dead-letter topics of their topics: each once per group, if those of a partition come in order. Return how many are new.

    Args: reasons: messages of one partition, each with a word for what is wrong.
    """
    if not reasons:
        return 0
    first = reasons[0][0]
    topic = first.topic + DEAD
    bus.ensure_topic(topic, TopicSettings(partitions=1))
    producer = f"dead:{group}:{first.topic}:{first.partition}"
    placed = bus.produce(topic, dead_letters(group, reasons), producer=producer)
    return sum(not one.repeated for one in placed)


def _dead_letter(group: str, message: Message, reason: str) -> Outgoing:
    about = {
        "dead-letter-reason": reason,
        "dead-letter-topic": message.topic,
        "dead-letter-partition": str(message.partition),
        "dead-letter-offset": str(message.offset),
        "dead-letter-group": group,
    }
    own = tuple(pair for pair in message.headers if pair[0] not in about)
    headers = (*own, *((name, text.encode()) for name, text in about.items()))
    return Outgoing(message.value, message.key, headers, message.timestamp_us, message.id, message.offset)
