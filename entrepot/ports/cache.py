"""Results kept aside, so that the same question about the same data is answered once. Losing any of them costs time and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class CacheKey:
    """What a kept result is the result of. `room` is the kind of thing, a word; `digest` a hash of all that it follows from."""

    room: str
    digest: str


def cache_key(room: str, *parts: str) -> CacheKey:
    """A key of everything a result follows from, in order; the border between parts counts.

    Two different questions under one key would be a wrong answer: what is not sure to be told by the parts must be one of them.
    """
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(8, "big"))
        digest.update(encoded)
    return CacheKey(room, digest.hexdigest())


@dataclass(frozen=True, slots=True)
class RoomUse:
    """What one room of a cache holds."""

    entries: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class CacheUse:
    """What a cache holds and may hold; a limit of 0 means that it is off."""

    limit_bytes: int
    rooms: Mapping[str, RoomUse]

    @property
    def size_bytes(self) -> int:
        """All rooms together."""
        return sum(room.size_bytes for room in self.rooms.values())


class Cache(Protocol):
    """Called from several threads and processes. Nothing raises: what cannot be kept is not kept, what cannot be read is not there."""

    @property
    def most_bytes(self) -> int:
        """The size of the largest result that is worth offering; 0 when the cache is off."""
        ...

    def get(self, key: CacheKey) -> pa.Table | None:
        """The rows kept under a key, exactly as they were put; None when there are none or the entry is damaged."""
        ...

    def put(self, key: CacheKey, rows: pa.Table) -> bool:
        """Keep rows; what was used least recently goes when there is no room. False when they are not kept."""
        ...

    def use(self) -> CacheUse:
        """What is held, by room."""
        ...

    def clear(self) -> int:
        """Drop everything; return how many bytes went."""
        ...
