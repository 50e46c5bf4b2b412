"""Numbers given out, counts by status, and the spans of time: kept in the transaction that changes what they count."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping

SPAN = 1000
"""Records to a span."""

Count = tuple[int, int, str]
"""Integration, status, code of the error."""


def last_record(connection: sqlite3.Connection) -> int:
    """The last seq given to a record; the spans stay when records go, so none comes again."""
    row = connection.execute("SELECT last FROM spans ORDER BY first DESC LIMIT 1").fetchone()
    return 0 if row is None else int(row[0])


def last_output(connection: sqlite3.Connection) -> int:
    """The last seq given to an output, of whatever integration."""
    row = connection.execute("SELECT max(last_output) FROM integrations").fetchone()
    return int(row[0] or 0)


def change_counts(connection: sqlite3.Connection, changes: Mapping[Count, int]) -> None:
    """Add to the counts; changes may be negative."""
    connection.executemany(
        "INSERT INTO counts (integration, status, code, records) VALUES (?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET records = records + excluded.records",
        [(*count, change) for count, change in changes.items() if change],
    )


def note_span(connection: sqlite3.Connection, first: int, last: int, least_us: int, most_us: int) -> None:
    """Add records to the last span, or begin a new one."""
    added = connection.execute(
        "UPDATE spans SET last = ?2, least_us = min(least_us, ?3), most_us = max(most_us, ?4) "
        "WHERE first = (SELECT max(first) FROM spans) AND last - first < ?1",
        (SPAN - 1, last, least_us, most_us),
    )
    if added.rowcount == 0:
        connection.execute(
            "INSERT INTO spans (first, last, least_us, most_us) VALUES (?, ?, ?, ?)", (first, last, least_us, most_us)
        )


def new_changes() -> Counter[Count]:
    """Changes of counts, to be added up."""
    return Counter()
