"""The outbox table in an application's SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from entrepot.adapters.outbox_tables.relay import COLUMNS, Waiting
from entrepot.kernel.errors import DataError, SystemError_
from entrepot.ports.outbox import Draft

BUSY_S = 5.0


class SqliteTable:
    """Opened anew for each step: the file stays the application's."""

    def __init__(self, path: Path, table: str) -> None:
        self._path = path
        self._table = table

    def read(self, after: int, limit: int) -> Sequence[Waiting]:
        """As the protocol says."""
        with self._connected() as connection:
            sql = f"SELECT {COLUMNS} FROM {self._table} WHERE seq > ? ORDER BY seq LIMIT ?"
            return [_waiting(row) for row in connection.execute(sql, (after, limit)).fetchall()]

    def remove(self, rows: Sequence[Waiting]) -> None:
        """As the protocol says; durable before the next rows are read, or they would only be handed in again."""
        if not rows:
            return
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            sql = f"DELETE FROM {self._table} WHERE seq = ? AND id = ?"
            connection.executemany(sql, [(row.seq, row.draft.id) for row in rows])
            connection.execute("COMMIT")

    def close(self) -> None:
        """Nothing is open."""

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        if not self._path.is_file():
            raise SystemError_(f"the database {self._path} is not there.", hint="Check the option path.")
        try:
            address = f"{self._path.absolute().as_uri()}?mode=rw"
            with closing(sqlite3.connect(address, uri=True, timeout=BUSY_S, isolation_level=None)) as connection:
                yield connection
        except sqlite3.OperationalError as error:
            if "no such table" in str(error) or "no such column" in str(error):
                raise DataError(
                    f"{self._path.name} has no table {self._table} as it is needed.",
                    hint="Let the application make it: entrepot.client.Outbox.install(connection)",
                ) from error
            raise SystemError_(f"the database {self._path.name} cannot be used: {error}.") from error
        except sqlite3.Error as error:
            raise DataError(f"{self._path.name} cannot be read as a SQLite database: {error}.") from error


def _waiting(row: tuple[int, str, str, str, str | None, str, str, bytes | str]) -> Waiting:
    seq, id, integration, reference, key, type_, content_type, body = row
    content = body.encode() if isinstance(body, str) else bytes(body)
    return Waiting(seq, Draft(integration, content, content_type, reference, key, type_, id))
