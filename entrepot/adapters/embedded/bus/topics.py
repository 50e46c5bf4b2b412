"""Topics and their partitions."""

from __future__ import annotations

import re
import sqlite3
from typing import NamedTuple

from entrepot.adapters.embedded.bus.rows import MOST_PARTITIONS, MOST_TOPICS, row_to_settings
from entrepot.kernel.errors import FullError, UsageError
from entrepot.ports.bus import NoSuchTopic, TopicSettings

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,248}\Z")


class Topic(NamedTuple):
    """A topic as it stands."""

    number: int
    name: str
    settings: TopicSettings


class Partition(NamedTuple):
    """A partition as it stands."""

    number: int
    first: int
    next: int
    bytes: int


def check_name(name: str) -> None:
    """Raises: UsageError."""
    if not _NAME.match(name):
        raise UsageError(
            f"{name[:60]!r} is no name of a topic; allowed are 1 to 249 letters, digits, '.', '_' and '-', the first a letter or digit.",
            hint="Name it like a dataset: web_events.",
        )


def check_settings(settings: TopicSettings) -> None:
    """Raises: UsageError."""
    if not 1 <= settings.partitions <= MOST_PARTITIONS:
        raise UsageError(f"a topic has 1 to {MOST_PARTITIONS:,} partitions; {settings.partitions:,} came.")
    for name, value in (("age", settings.keep_us), ("size", settings.keep_bytes)):
        if value is not None and value < 0:
            raise UsageError(f"the {name} to keep is {value}; allowed are numbers from 0 on, or none.")


def find(connection: sqlite3.Connection, name: str) -> Topic | None:
    """The topic; None when there is none."""
    row = connection.execute(
        "SELECT number, partitions, keep_us, keep_bytes FROM topics WHERE name = ?", (name,)
    ).fetchone()
    return None if row is None else Topic(row["number"], name, row_to_settings(row))


def require(connection: sqlite3.Connection, name: str) -> Topic:
    """The topic. Raises: NoSuchTopic."""
    found = find(connection, name)
    if found is None:
        raise NoSuchTopic(f"there is no topic {name!r}.", hint="See: entrepot topics list")
    return found


def load(connection: sqlite3.Connection) -> list[Topic]:
    """All topics."""
    rows = connection.execute("SELECT number, name, partitions, keep_us, keep_bytes FROM topics ORDER BY name")
    return [Topic(row["number"], row["name"], row_to_settings(row)) for row in rows.fetchall()]


def add(connection: sqlite3.Connection, name: str, settings: TopicSettings) -> Topic:
    """Make it."""
    number = connection.execute("SELECT coalesce(max(number), 0) + 1 FROM topics").fetchone()[0]
    if number > MOST_TOPICS:
        raise FullError(f"the bus has {MOST_TOPICS:,} topics; more it cannot hold.")
    connection.execute(
        "INSERT INTO topics (number, name, partitions, keep_us, keep_bytes) VALUES (?, ?, ?, ?, ?)",
        (number, name, settings.partitions, settings.keep_us, settings.keep_bytes),
    )
    _add_partitions(connection, number, 0, settings.partitions)
    return Topic(number, name, settings)


def change(connection: sqlite3.Connection, topic: Topic, settings: TopicSettings) -> None:
    """Keep it otherwise; more partitions, never fewer."""
    if settings.partitions < topic.settings.partitions:
        raise UsageError(
            f"the topic {topic.name} has {topic.settings.partitions} partitions; it cannot have {settings.partitions}.",
            hint="Partitions are only added: their messages would be without a place.",
        )
    connection.execute(
        "UPDATE topics SET partitions = ?, keep_us = ?, keep_bytes = ? WHERE number = ?",
        (settings.partitions, settings.keep_us, settings.keep_bytes, topic.number),
    )
    _add_partitions(connection, topic.number, topic.settings.partitions, settings.partitions)


def partitions(connection: sqlite3.Connection, topic: Topic) -> list[Partition]:
    """The topic's partitions, in order: one snapshot."""
    rows = connection.execute(
        "SELECT partition, first, next, bytes FROM partitions WHERE topic = ? ORDER BY partition", (topic.number,)
    ).fetchall()
    return [Partition(*row) for row in rows]


def _add_partitions(connection: sqlite3.Connection, topic: int, first: int, end: int) -> None:
    connection.executemany("INSERT INTO partitions VALUES (?, ?, 0, 0, 0)", [(topic, n) for n in range(first, end)])
