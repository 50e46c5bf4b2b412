"""Names and types that a query gives, kept by its text and the schemas it reads: asking the engine takes an instance of it, 20 ms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from entrepot.adapters.embedded.cache.texts import engine_version, find_reading, has_fixed_shape, identify_tables
from entrepot.kernel.errors import EntrepotError
from entrepot.ports.cache import Cache, CacheKey, cache_key
from entrepot.ports.relations import QueryScan, TableVersion

ROOM = "shapes"
SchemaText = Callable[[TableVersion], str]
"""The schema of a table's version, whole, as text. Raises: KeyError when there is no such table or version."""


class Describes(Protocol):
    """What answers when the cache cannot: a part of `ports.engine.Engine`."""

    def describe(self, scan: QueryScan) -> pa.Schema:
        """As `Engine.describe`."""
        ...


@dataclass(frozen=True, slots=True)
class CachedShapes:
    """Describes like the engine. An error is never kept: the engine says it anew."""

    engine: Describes
    cache: Cache
    schema_text: SchemaText
    zone: str

    def describe(self, scan: QueryScan) -> pa.Schema:
        """As `Engine.describe`."""
        key = self.key(scan)
        kept = self.cache.get(key) if key is not None else None
        if kept is not None:
            return kept.schema
        found = self.engine.describe(scan)
        if key is not None:
            self.cache.put(key, found.empty_table())
        return found

    def key(self, scan: QueryScan) -> CacheKey | None:
        """Under what the shape is kept; None when it may not be."""
        reading = find_reading(scan) if self.cache.most_bytes > 0 else None
        if reading is None:
            return None
        tables = identify_tables(reading, scan)
        try:
            if tables is None or not has_fixed_shape(reading.texts):
                return None
            schemas = [self.schema_text(table) for table in tables]
        except (EntrepotError, KeyError):  # whoever reads the table says what is wrong with it
            return None
        views = [part for pair in reading.views for part in pair]
        named = [part for name, text in zip(reading.tables, schemas, strict=True) for part in (name, text)]
        return cache_key(ROOM, engine_version(), scan.sql, str(len(views)), *views, *named, self.zone)
