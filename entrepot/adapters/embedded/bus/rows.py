"""Values ↔ columns."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import orjson

from entrepot.ports.bus import Message, TopicSettings

MOST_TOPICS = 4_095
MOST_PARTITIONS = 1_024
_OFFSET_BITS = 41
_TOPIC_SHIFT = 51
_OFFSETS = (1 << _OFFSET_BITS) - 1

SELECT_MESSAGE = "SELECT place, key, value, headers, timestamp_us, id FROM messages "


def place_of(topic: int, partition: int, offset: int) -> int:
    """The message's key in the table."""
    return topic << _TOPIC_SHIFT | partition << _OFFSET_BITS | min(offset, _OFFSETS)


def end_of(topic: int, partition: int) -> int:
    """Behind all keys of a partition."""
    return place_of(topic, partition, _OFFSETS)


def offset_of(place: int) -> int:
    """The offset within its partition."""
    return place & _OFFSETS


def headers_to_text(headers: Sequence[tuple[str, bytes]]) -> str:
    """JSON; Latin-1 holds each byte as one character."""
    return orjson.dumps([(name, value.decode("latin-1")) for name, value in headers]).decode() if headers else "[]"


def text_to_headers(text: str) -> tuple[tuple[str, bytes], ...]:
    """What `headers_to_text` made."""
    return tuple((name, value.encode("latin-1")) for name, value in orjson.loads(text)) if text != "[]" else ()


def row_to_message(row: sqlite3.Row, topic: str, partition: int) -> Message:
    """A message of `SELECT_MESSAGE`."""
    place, key, value, headers, timestamp_us, id = row
    return Message(topic, partition, offset_of(place), key, value, text_to_headers(headers), timestamp_us, id)


def row_to_settings(row: sqlite3.Row) -> TopicSettings:
    """How a topic is kept."""
    return TopicSettings(row["partitions"], row["keep_us"], row["keep_bytes"])
