"""Integrations by number: rows carry one byte instead of a name."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable


class Names:
    """What is known of the numbers; only what is committed is remembered."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def ensure(self, connection: sqlite3.Connection, names: Iterable[str]) -> dict[str, int]:
        """The numbers, made where there are none yet. Inside a write transaction."""
        found = {}
        for name in names:
            number = self._known.get(name)
            if number is None:
                connection.execute("INSERT INTO integrations (name) VALUES (?) ON CONFLICT DO NOTHING", (name,))
                number = _load(connection, name)
                assert number is not None
            found[name] = number
        return found

    def remember(self, numbers: dict[str, int]) -> None:
        """Keep numbers; called once their transaction is committed."""
        if not numbers.keys() <= self._known.keys():
            self._known = {**self._known, **numbers}

    def find(self, connection: sqlite3.Connection, name: str) -> int | None:
        """The number; None when nothing ever came for the integration."""
        number = self._known.get(name)
        return _load(connection, name) if number is None else number

    def all(self, connection: sqlite3.Connection) -> list[int]:
        """All numbers."""
        return [row[0] for row in connection.execute("SELECT number FROM integrations").fetchall()]


def _load(connection: sqlite3.Connection, name: str) -> int | None:
    row = connection.execute("SELECT number FROM integrations WHERE name = ?", (name,)).fetchone()
    return None if row is None else row[0]
