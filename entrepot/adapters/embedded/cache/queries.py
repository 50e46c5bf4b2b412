"""Answers to queries over fixed versions of tables: computed once, then read from the cache.

Nothing can be stale: the key holds the texts, the content of every table version that they read, the time zone and the engine. Whatever
is not sure to follow from those (the clock, chance, functions not known as safe) is computed each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

from entrepot.adapters.embedded.cache.identity import Identify
from entrepot.adapters.embedded.cache.texts import engine_version, find_reading, follows_from_tables, identify_tables
from entrepot.kernel.errors import EntrepotError
from entrepot.ports.cache import Cache, CacheKey, cache_key
from entrepot.ports.engine import Result
from entrepot.ports.relations import QueryScan

ROOM = "results"


class Queries(Protocol):
    """What answers when the cache cannot: a part of `ports.engine.Engine`."""

    def query(self, scan: QueryScan) -> Result:
        """As `Engine.query`."""
        ...


@dataclass(frozen=True, slots=True)
class CachedQueries:
    """Answers like the engine, from the cache where it can.

    zone: in which the engine's sessions stand. reader: for whom rows are hidden or masked, so that nobody is answered with what another
    one may see; empty while everybody sees all.
    """

    engine: Queries
    cache: Cache
    identify: Identify
    zone: str
    reader: str = ""

    def query(self, scan: QueryScan) -> Result:
        """As `Engine.query`. What is read to its end is kept, unless it is large."""
        key = self.key(scan)
        if key is None:
            return self.engine.query(scan)
        kept = self.cache.get(key)
        return _Kept(kept.schema, kept) if kept is not None else _Keeping.of(self.engine.query(scan), self.cache, key)

    def key(self, scan: QueryScan) -> CacheKey | None:
        """Under what the answer is kept; None when it may not be."""
        if self.cache.most_bytes <= 0:
            return None
        reading = find_reading(scan)
        try:
            if reading is None or not follows_from_tables(reading.texts):
                return None
        except EntrepotError:  # the engine says what is wrong with the text
            return None
        tables = identify_tables(reading, scan)
        contents = [self.identify(table) for table in tables or ()]
        if tables is None or None in contents:
            return None
        views = [part for pair in reading.views for part in pair]
        parts = [scan.sql, str(len(views)), *views, *(each or "" for each in contents), self.zone, self.reader]
        return cache_key(ROOM, engine_version(), *parts)


@dataclass(slots=True)
class _Kept:
    """An answer from the cache."""

    schema: pa.Schema
    rows: pa.Table

    def batches(self) -> pa.RecordBatchReader:
        """The rows."""
        return self.rows.to_reader()


@dataclass(slots=True)
class _Keeping:
    """An answer on its way, of which a copy is kept when it has come to its end."""

    schema: pa.Schema
    result: Result
    cache: Cache
    key: CacheKey
    held: list[pa.RecordBatch] = field(default_factory=list)
    held_bytes: int = 0

    @classmethod
    def of(cls, result: Result, cache: Cache, key: CacheKey) -> _Keeping:
        """Listen to a result."""
        return cls(result.schema, result, cache, key)

    def batches(self) -> pa.RecordBatchReader:
        """The rows, streamed."""
        return pa.RecordBatchReader.from_batches(self.schema, self._listen())

    def _listen(self) -> Iterator[pa.RecordBatch]:
        small = True
        for batch in self.result.batches():
            self.held_bytes += batch.nbytes
            if small := small and self.held_bytes <= self.cache.most_bytes:
                self.held.append(batch)
            else:
                self.held.clear()
            yield batch
        if small:
            self.cache.put(self.key, pa.Table.from_batches(self.held, self.schema))
        self.held.clear()
