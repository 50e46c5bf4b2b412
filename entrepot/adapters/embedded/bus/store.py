"""`SqliteBus`: the port `Bus` on one SQLite file; each method is one transaction."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from entrepot.adapters.embedded.bus import groups, producing, pruning, reading, topics
from entrepot.adapters.embedded.bus.grouping import Answer, Grouping
from entrepot.adapters.embedded.bus.topics import Topic
from entrepot.adapters.embedded.state.database import Database
from entrepot.adapters.embedded.state.schema import load_migrations
from entrepot.kernel.errors import UsageError
from entrepot.ports.bus import (
    FETCH_BYTES,
    Assignment,
    Dropped,
    GroupState,
    Message,
    NoSuchTopic,
    Outgoing,
    Placed,
    TopicSettings,
)
from entrepot.ports.clock import Clock

_START = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class SqliteBus:
    """Opens or creates the file.

    Raises: ProjectError when a newer program wrote it, DamageError when it is no bus, SystemError_ when it is locked or the disk refuses.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._database = Database(path, load_migrations(__package__))
        self._clock = clock
        # Within a process those who write queue up here: SQLite lets them sleep and try again, and who sleeps longest loses.
        self._turn = threading.RLock()
        self._grouping = Grouping(self._turn, self._store)

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        self._database.close()

    # topics
    def ensure_topic(self, topic: str, settings: TopicSettings | None = None) -> TopicSettings:
        """Make the topic if it is not there; return how it is kept."""
        with self._database.read() as connection:
            known = topics.find(connection, topic)
        if known is not None:
            return known.settings
        topics.check_name(topic)
        wanted = settings or TopicSettings()
        topics.check_settings(wanted)
        with self._write() as connection:
            return (topics.find(connection, topic) or topics.add(connection, topic, wanted)).settings

    def change_topic(self, topic: str, settings: TopicSettings) -> None:
        """Keep it otherwise, or give it more partitions."""
        topics.check_settings(settings)
        with self._write() as connection:
            topics.change(connection, topics.require(connection, topic), settings)

    def topics(self) -> Mapping[str, TopicSettings]:
        """All topics, by name."""
        with self._database.read() as connection:
            return {topic.name: topic.settings for topic in topics.load(connection)}

    # producing
    def produce(self, topic: str, messages: Sequence[Outgoing], *, producer: str = "") -> Sequence[Placed]:
        """Put messages: all of them or none."""
        request = producing.Request(topic, messages, producer)
        producing.check(request)
        return self._grouping.put(request) if messages else []

    def last_sequence(self, topic: str, producer: str) -> int | None:
        """The producer's greatest sequence."""
        with self._read(topic) as (connection, found):
            return producing.find_last(connection, found, producer)

    # reading
    def starts(self, topic: str) -> Mapping[int, int]:
        """Partition → the offset of the oldest message."""
        with self._read(topic) as (connection, found):
            return {one.number: one.first for one in topics.partitions(connection, found)}

    def ends(self, topic: str) -> Mapping[int, int]:
        """Partition → the offset behind the newest message."""
        with self._read(topic) as (connection, found):
            return {one.number: one.next for one in topics.partitions(connection, found)}

    def fetch(
        self, topic: str, partition: int, offset: int, *, limit: int = 1_000, most_bytes: int = FETCH_BYTES
    ) -> Sequence[Message]:
        """Messages from `offset` on."""
        with self._read(topic) as (connection, found):
            return reading.fetch(connection, found, partition, offset, limit, most_bytes)

    def bound(self, topic: str, partition: int, offset: int, limit: int) -> int:
        """The offset behind the `limit`-th message from `offset` on."""
        with self._read(topic) as (connection, found):
            return reading.bound(connection, found, partition, offset, limit)

    # groups
    def subscribe(self, group: str, topic: str, *, latest: bool = False) -> Mapping[int, int]:
        """Make the group known, once."""
        with self._read(topic) as (connection, found):
            known = groups.find_began(connection, found, group)
        if known is not None:
            return known
        with self._change(topic) as (connection, found):
            return groups.subscribe(connection, found, group, latest=latest)

    def join(self, group: str, topic: str, member: str, lease_s: float) -> Assignment:
        """Become a member, or stay one."""
        if not member or lease_s <= 0:
            raise UsageError(f"a member of {group} needs a name and a lease; {member!r} and {lease_s} s came.")
        with self._change(topic) as (connection, found):
            groups.subscribe(connection, found, group, latest=False)
            return groups.join(connection, found, group, member, self._now_us(), int(lease_s * 1_000_000))

    def leave(self, held: Assignment) -> None:
        """Be a member no more."""
        with self._change(held.topic) as (connection, found):
            groups.leave(connection, found, held)

    def commit(self, held: Assignment, offsets: Mapping[int, int]) -> None:
        """Partition → the offset to be read next."""
        with self._change(held.topic) as (connection, found):
            groups.require_held(connection, found, held, offsets)
            groups.commit(connection, found, held.group, offsets)

    def note(self, group: str, topic: str, offsets: Mapping[int, int]) -> None:
        """As `commit`, of a group without members."""
        with self._change(topic) as (connection, found):
            groups.require_alone(connection, found, group, self._now_us())
            groups.subscribe(connection, found, group, latest=False)
            groups.commit(connection, found, group, offsets)

    def groups(self, topic: str) -> Sequence[GroupState]:
        """All groups of a topic."""
        with self._read(topic) as (connection, found):
            return groups.load(connection, found, self._now_us())

    def forget_group(self, group: str, topic: str) -> bool:
        """Keep nothing for it any more."""
        with self._change(topic) as (connection, found):
            return groups.forget(connection, found, group)

    # upkeep
    def prune(self, topic: str, *, force: bool = False) -> Sequence[Dropped]:
        """Drop what need not be kept."""
        now_us = self._now_us()
        with self._read(topic) as (connection, found):
            wanted = pruning.list_partitions(connection, found, now_us)
        dropped = (self._drop(topic, partition, now_us, force=force) for partition in wanted)
        return [one for one in dropped if one is not None]

    def _drop(self, topic: str, partition: int, now_us: int, *, force: bool) -> Dropped | None:
        total: Dropped | None = None
        goes_on = True
        while goes_on:
            with self._change(topic) as (connection, found):
                done, goes_on = pruning.drop(connection, found, partition, now_us, force=force)
            if done is not None:
                before, unread = (0, ()) if total is None else (total.messages, total.unread_by)
                every = tuple(sorted({*unread, *done.unread_by}))
                total = Dropped(topic, partition, done.before, before + done.messages, every)
        return total

    def _store(self, requests: Sequence[producing.Request]) -> Sequence[Answer]:
        answers: list[Answer] = []
        with self._write() as connection:
            laying = producing.Laying(connection, self._now_us())
            for request in requests:
                try:
                    answers.append(laying.add(request))
                except NoSuchTopic as error:
                    answers.append(error)
            laying.write()
        return answers

    def _now_us(self) -> int:
        return (self._clock.now() - _START) // _MICROSECOND

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._turn, self._database.write() as connection:
            yield connection

    @contextmanager
    def _change(self, topic: str) -> Iterator[tuple[sqlite3.Connection, Topic]]:
        with self._write() as connection:
            yield connection, topics.require(connection, topic)

    @contextmanager
    def _read(self, topic: str) -> Iterator[tuple[sqlite3.Connection, Topic]]:
        with self._database.read() as connection:
            yield connection, topics.require(connection, topic)
