"""Which table of a database file is read, as the source says it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DatabaseOptions:
    """Which table of a database file is read."""

    table: str | None = None
    """None: the only one there is."""
    wal: str = "refuse"
    """A SQLite file in WAL mode may lack what stood in its -wal file: `refuse` it, or `ignore` that."""
