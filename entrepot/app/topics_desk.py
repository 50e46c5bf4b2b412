"""The desk of topics: what people and applications do with them, the same for the command line and later for the API."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from entrepot.kernel.durations import duration_us
from entrepot.kernel.errors import UsageError
from entrepot.ports.bus import DEAD, Bus, GroupState, Message, Outgoing, Placed, TopicSettings
from entrepot.ports.clock import Clock

MOST_SHOWN = 10_000
_PAGE = 500
_LOOK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class PartitionState:
    """Where a partition stands."""

    number: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic with its partitions and groups."""

    name: str
    settings: TopicSettings
    partitions: tuple[PartitionState, ...]
    groups: tuple[GroupState, ...]
    dead: int
    """Messages on its dead-letter topic."""

    @property
    def messages(self) -> int:
        """How many are kept, about: offsets may have gaps."""
        return sum(one.end - one.start for one in self.partitions)


@dataclass(frozen=True, slots=True)
class Wish:
    """How a topic is to be kept; None: as it is, or as is usual."""

    partitions: int | None = None
    keep: str | None = None
    """A length of time, or `forever`."""
    keep_mb: float | None = None
    """Of each partition; 0: no limit."""


class TopicsDesk:
    """Called from one thread."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def list(self) -> Sequence[TopicState]:
        """All topics."""
        return [self.show(name) for name in self._bus.topics()]

    def show(self, name: str) -> TopicState:
        """One topic. Raises: NoSuchTopic."""
        starts, ends = self._bus.starts(name), self._bus.ends(name)
        partitions = tuple(PartitionState(n, starts[n], ends[n]) for n in sorted(starts.keys() & ends.keys()))
        settings = self._bus.topics()[name]
        dead = self._count(name + DEAD)
        return TopicState(name, settings, partitions, tuple(self._bus.groups(name)), dead)

    def newest(self, name: str, count: int, partition: int | None = None) -> Sequence[Message]:
        """The newest messages, oldest first; over several partitions in the order of their timestamps. Raises: NoSuchTopic."""
        if not 1 <= count <= MOST_SHOWN:
            raise UsageError(f"{count} messages were asked for; allowed are 1 to {MOST_SHOWN:,}.")
        starts, ends = self._bus.starts(name), self._bus.ends(name)
        if partition is not None and partition not in ends:
            raise UsageError(f"the topic {name} has partitions 0 to {max(ends)}; {partition} was asked for.")
        wanted = sorted(ends) if partition is None else [partition]
        pages = (self._from(name, n, max(starts[n], ends[n] - count), ends[n]) for n in wanted)
        found = heapq.nlargest(count, (one for page in pages for one in page), key=_when)
        return sorted(found, key=_when)

    def follow(self, name: str, partition: int | None, clock: Clock) -> Iterator[Sequence[Message]]:
        """Messages that are put from now on, as they come. Never ends."""
        offsets = dict(self._bus.ends(name))
        while True:
            found: list[Message] = []
            for n in self._bus.ends(name):
                if partition in (None, n):
                    page = self._bus.fetch(name, n, offsets.get(n, 0), limit=_PAGE)
                    offsets[n] = page[-1].offset + 1 if page else offsets.get(n, 0)
                    found += page
            if found:
                yield sorted(found, key=_when)
            else:
                clock.sleep(_LOOK_EVERY_S)

    def dead(self, name: str, count: int) -> Sequence[Message]:
        """The newest messages of a topic that could not be used; none when there never was one."""
        if name.endswith(DEAD):
            name = name.removesuffix(DEAD)
        self._bus.ends(name)  # a topic that is not there is an error, one without dead letters is none
        return self.newest(name + DEAD, count) if name + DEAD in self._bus.topics() else []

    def put(self, name: str, values: Sequence[bytes], key: str | None) -> Sequence[Placed]:
        """Put messages by hand. Raises: NoSuchTopic."""
        return self._bus.produce(name, [Outgoing(value, None if key is None else key.encode()) for value in values])

    def set(self, name: str, wish: Wish) -> TopicState:
        """Make a topic, or keep it otherwise."""
        known = self._bus.topics().get(name)
        wanted = _apply(wish, known or TopicSettings())
        if known is None:
            self._bus.ensure_topic(name, wanted)
        elif wanted != known:
            self._bus.change_topic(name, wanted)
        return self.show(name)

    def forget(self, name: str, group: str) -> None:
        """Keep nothing for a group any more. Raises: UsageError when it is not known."""
        if not self._bus.forget_group(group, name):
            known = ", ".join(one.group for one in self._bus.groups(name)) or "none"
            raise UsageError(f"the topic {name} has no group {group!r}; it has {known}.")

    def _count(self, name: str) -> int:
        if name not in self._bus.topics():
            return 0
        starts = self._bus.starts(name)
        return sum(end - starts[n] for n, end in self._bus.ends(name).items())

    def _from(self, name: str, partition: int, offset: int, end: int) -> Iterator[Message]:
        while offset < end and (page := self._bus.fetch(name, partition, offset, limit=min(_PAGE, end - offset))):
            yield from page
            offset = page[-1].offset + 1


def to_json(state: TopicState) -> Mapping[str, object]:
    """A topic for machines."""
    keep = state.settings
    return {
        "topic": state.name,
        "messages": state.messages,
        "dead_letters": state.dead,
        "keep_seconds": None if keep.keep_us is None else keep.keep_us / 1_000_000,
        "keep_bytes_per_partition": keep.keep_bytes,
        "partitions": [{"partition": one.number, "start": one.start, "end": one.end} for one in state.partitions],
        "groups": [
            {
                "group": one.group,
                "generation": one.generation,
                "members": {name: list(mine) for name, mine in one.members.items()},
                "committed": {str(n): offset for n, offset in one.committed.items()},
                "lag": sum(one.lag.values()),
            }
            for one in state.groups
        ],
    }


def _apply(wish: Wish, settings: TopicSettings) -> TopicSettings:
    if wish.partitions is not None:
        settings = replace(settings, partitions=wish.partitions)
    if wish.keep_mb is not None:
        settings = replace(settings, keep_bytes=int(wish.keep_mb * 1_000_000) or None)
    if wish.keep is not None:
        settings = replace(settings, keep_us=None if wish.keep == "forever" else _duration(wish.keep))
    return settings


def _duration(text: str) -> int:
    try:
        return duration_us(text)
    except ValueError as error:
        raise UsageError(f"--keep: {error}, or forever.") from error


def _when(message: Message) -> tuple[int, int, int]:
    return message.timestamp_us, message.partition, message.offset
