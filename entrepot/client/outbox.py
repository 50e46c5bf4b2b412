"""A table in an application's own database: rows and the messages about them are committed together, or not at all."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from entrepot.kernel.errors import UsageError
from entrepot.kernel.ids import new_record_id

TABLE = "entrepot_outbox"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?\Z")
_INTEGRATION = re.compile(r"[a-z][a-z0-9_]*\Z")

_SQLITE = """CREATE TABLE IF NOT EXISTS {table} (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    integration TEXT NOT NULL,
    reference TEXT NOT NULL,
    key TEXT,
    type TEXT NOT NULL,
    content_type TEXT NOT NULL,
    body BLOB NOT NULL
)"""

_POSTGRES = """CREATE TABLE IF NOT EXISTS {table} (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL UNIQUE,
    integration text NOT NULL,
    reference text NOT NULL,
    key text,
    type text NOT NULL,
    content_type text NOT NULL,
    body bytea NOT NULL
)"""


class Outbox:
    """Sends by way of a table of the application's own database, SQLite or PostgreSQL (psycopg).

    A relay (`connector: outbox_table` in `publish/`) moves the messages on, each once, and removes them from the table.

    Example::

        outbox = Outbox()
        with connection:                                  # the application's transaction
            connection.execute("INSERT INTO orders …")
            outbox.send(connection, "shop_orders", {"order": 4711}, reference="order-4711", key="4711")
    """

    def __init__(self, table: str = TABLE) -> None:
        self._table = _checked(table)

    @staticmethod
    def install(connection: Any, table: str = TABLE) -> None:
        """Create the table, if it is not there. The caller commits."""
        statement = (_SQLITE if _is_sqlite(connection) else _POSTGRES).format(table=_checked(table))
        with closing(connection.cursor()) as cursor:
            cursor.execute(statement)

    def send(
        self,
        connection: Any,
        integration: str,
        body: Mapping[str, Any] | Sequence[Any] | str | bytes,
        *,
        reference: str = "",
        key: str | None = None,
        type: str = "",
        content_type: str | None = None,
    ) -> str:
        """Put a message into the transaction that is open on the connection; return its id.

        Args:
            body: text and bytes as they are, anything else as JSON.
            reference: the application's own id of it; the same one with the same content is sent once.
            key: messages of one key may be delivered in order.
        Raises: UsageError when no transaction holds the message together with the rows.
        """
        if not _INTEGRATION.match(integration):
            raise UsageError(f"{integration!r} is no integration; allowed are lower-case letters, digits and _.")
        sqlite = _is_sqlite(connection)
        _require_transaction(connection, sqlite)
        content, kind = encode(body, content_type)
        id = new_record_id(time.time_ns() // 1_000)
        mark = "?" if sqlite else "%s"
        sql = (
            f"INSERT INTO {self._table} (id, integration, reference, key, type, content_type, body) "
            f"VALUES ({', '.join([mark] * 7)})"
        )
        with closing(connection.cursor()) as cursor:
            cursor.execute(sql, (id, integration, reference, key, type, kind, content))
        return id


def encode(body: Mapping[str, Any] | Sequence[Any] | str | bytes, content_type: str | None) -> tuple[bytes, str]:
    """The bytes of a body and their content type. Raises: TypeError, ValueError for what is no JSON (NaN, dates)."""
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body), content_type or "application/octet-stream"
    if isinstance(body, str):
        return body.encode(), content_type or "text/plain; charset=utf-8"
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode(), content_type or "application/json"


def _checked(table: str) -> str:
    if not _NAME.match(table):
        raise UsageError(f"{table!r} is no name of a table; allowed are letters, digits and _, perhaps with a schema.")
    return table


def _is_sqlite(connection: Any) -> bool:
    for kind in type(connection).__mro__:
        room = kind.__module__.partition(".")[0]
        if room in ("sqlite3", "_sqlite3"):
            return True
        if room in ("psycopg", "psycopg2"):
            return False
    raise UsageError(
        f"{type(connection).__module__}.{type(connection).__qualname__} is no connection that is known; allowed are those of sqlite3 and psycopg.",
        hint="Of SQLAlchemy, give the driver's own: session.connection().connection.driver_connection.",
    )


def _require_transaction(connection: Any, sqlite: bool) -> None:
    """With autocommit the message would be committed alone: rows that are rolled back would have been told of."""
    if sqlite:
        alone = connection.isolation_level is None or getattr(connection, "autocommit", False) is True
        inside = connection.in_transaction
    else:
        alone = bool(connection.autocommit)
        info = getattr(connection, "info", None)
        inside = info is not None and int(info.transaction_status) in (1, 2)
    if alone and not inside:
        raise UsageError(
            "the connection commits each statement alone, so the message would not be part of a transaction.",
            hint="Begin one first (BEGIN), or turn autocommit off.",
        )
