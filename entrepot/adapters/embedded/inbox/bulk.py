"""Many rows with few statements: each step of SQLite gives up the interpreter's lock, and taking it back is what costs under load."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain
from typing import TypeVar

_CHUNKS = (256, 32, 4, 1)
"""Few sizes, so that each statement is prepared once."""

_T = TypeVar("_T")
Row = tuple[object, ...]


def insert_rows(connection: sqlite3.Connection, head: str, rows: Sequence[Row]) -> None:
    """Run `head` (`INSERT INTO t (a, b)`) for all rows."""
    for chunk in cut(rows):
        connection.execute(_insert(head, len(chunk[0]), len(chunk)), list(chain.from_iterable(chunk)))


def cut(rows: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """Cut into chunks of few different sizes."""
    start = 0
    for size in _CHUNKS:
        while len(rows) - start >= size:
            yield rows[start : start + size]
            start += size


@cache
def marks(count: int) -> str:
    """`?, ?, ?`."""
    return ", ".join("?" * count)


@cache
def _insert(head: str, columns: int, rows: int) -> str:
    return f"{head} VALUES {', '.join([f'({marks(columns)})'] * rows)}"
