"""The outbox table in an application's PostgreSQL database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from entrepot.adapters.outbox_tables.relay import COLUMNS, Waiting
from entrepot.kernel.errors import DataError, MissingExtra, SystemError_
from entrepot.ports.outbox import Draft
from entrepot.ports.secrets import Secret

CONNECT_S = 10


class PostgresTable:
    """One connection, made anew when it broke. `seq` grows with the insertion, not with the commit: rows are removed one by one,
    so that one which is committed late is never passed over."""

    def __init__(self, dsn: Secret, table: str) -> None:
        self._dsn = dsn
        self._table = table
        self._connection: Any = None

    def read(self, after: int, limit: int) -> Sequence[Waiting]:
        """As the protocol says."""
        with self._cursor() as cursor:
            cursor.execute(f"SELECT {COLUMNS} FROM {self._table} WHERE seq > %s ORDER BY seq LIMIT %s", (after, limit))
            return [_waiting(row) for row in cursor.fetchall()]

    def remove(self, rows: Sequence[Waiting]) -> None:
        """As the protocol says."""
        if not rows:
            return
        with self._cursor() as cursor:
            cursor.execute(f"DELETE FROM {self._table} WHERE id = ANY(%s)", ([row.draft.id for row in rows],))

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        psycopg = _load_driver()
        try:
            if self._connection is None or self._connection.closed:
                self._connection = psycopg.connect(self._dsn.reveal(), autocommit=True, connect_timeout=CONNECT_S)
            with self._connection.cursor() as cursor:
                yield cursor
        except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as error:
            raise DataError(
                f"the database of {self._dsn.name} has no table {self._table} as it is needed.",
                hint="Let the application make it: entrepot.client.Outbox.install(connection)",
            ) from error
        except psycopg.Error as error:
            self.close()
            # its text may hold the address with the password
            raise SystemError_(
                f"the database of {self._dsn.name} cannot be used ({type(error).__name__}).", hint="Is it running?"
            ) from error


def _load_driver() -> Any:
    try:
        return import_module("psycopg")
    except ImportError as error:
        raise MissingExtra("psycopg", "postgres") from error


def _waiting(row: Sequence[Any]) -> Waiting:
    seq, id, integration, reference, key, type_, content_type, body = row
    return Waiting(seq, Draft(integration, bytes(body), content_type, reference, key, type_, id))
