"""The application's own database: orders, stock, and in the same file the outbox."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from app.agreed import Order, make_confirmation
from entrepot.client import Outbox

STOCK = {"A1": 400, "A2": 60, "A3": 500, "A4": 40, "A5": 20}
"""Articles, and how many there are at first. Gift boxes, A6, are not sold any more; not every shop has noticed."""

TABLES = """
CREATE TABLE IF NOT EXISTS stock (article TEXT PRIMARY KEY, units INTEGER NOT NULL CHECK (units >= 0));
CREATE TABLE IF NOT EXISTS orders (
    shop TEXT NOT NULL, order_id TEXT NOT NULL, record_id TEXT NOT NULL, version TEXT NOT NULL, status TEXT NOT NULL, reason TEXT,
    ordered_at TEXT NOT NULL, country TEXT NOT NULL, amount TEXT NOT NULL, PRIMARY KEY (shop, order_id)
);
CREATE TABLE IF NOT EXISTS reserved (
    shop TEXT NOT NULL, order_id TEXT NOT NULL, article TEXT NOT NULL, units INTEGER NOT NULL
);
"""


class Store:
    """Called from several threads: each call opens the file anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._outbox = Outbox()
        with self._connected() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(TABLES)
            connection.executemany("INSERT OR IGNORE INTO stock VALUES (?, ?)", STOCK.items())
            Outbox.install(connection)

    def book(self, order: Order) -> str:
        """Book an order and put its confirmation into the outbox, both or neither; return its status.

        The same order once more changes nothing; a corrected one takes the place of the one before.
        """
        with self._transaction() as connection:
            known = connection.execute(
                "SELECT version, status FROM orders WHERE shop = ? AND order_id = ?", (order.shop, order.order_id)
            ).fetchone()
            if known is not None and known["version"] == order.version:
                return str(known["status"])
            _release(connection, order)
            reason = _reserve(connection, order)
            status = "confirmed" if reason is None else "declined"
            connection.execute(
                "INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    order.shop,
                    order.order_id,
                    order.record_id,
                    order.version,
                    status,
                    reason,
                    order.ordered_at,
                    order.country,
                    str(order.amount),
                ),
            )
            # The row and the message are committed together: no order without a confirmation, no confirmation without an order.
            self._outbox.send(
                connection,
                f"{order.shop}_confirmations",
                make_confirmation(order, status, reason),
                reference=f"{order.order_id}@{order.version}",
                key=order.order_id,
                type=f"order.{status}",
            )
            return status

    def orders(self) -> list[dict[str, Any]]:
        """All orders, newest first."""
        return self._ask("SELECT * FROM orders ORDER BY ordered_at DESC, shop, order_id")

    def stock(self) -> list[dict[str, Any]]:
        """What is left of each article."""
        return self._ask("SELECT * FROM stock ORDER BY article")

    def _ask(self, sql: str) -> list[dict[str, Any]]:
        with self._connected() as connection:
            return [dict(row) for row in connection.execute(sql)]

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=10, isolation_level=None)) as connection:
            connection.row_factory = sqlite3.Row
            yield connection

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")


def _reserve(connection: sqlite3.Connection, order: Order) -> str | None:
    """Take all lines from stock, or none and say why not."""
    wanted: dict[str, int] = {}
    for line in order.lines:
        wanted[line.article] = wanted.get(line.article, 0) + line.quantity
    left = {row["article"]: row["units"] for row in connection.execute("SELECT * FROM stock")}
    for article, units in wanted.items():
        if article not in left:
            return f"unknown article {article}"
        if left[article] < units:
            return f"{article} is sold out"
    for article, units in wanted.items():
        connection.execute("UPDATE stock SET units = units - ? WHERE article = ?", (units, article))
        connection.execute("INSERT INTO reserved VALUES (?, ?, ?, ?)", (order.shop, order.order_id, article, units))
    return None


def _release(connection: sqlite3.Connection, order: Order) -> None:
    """Put back what an earlier version of the order took."""
    mine = (order.shop, order.order_id)
    for row in connection.execute(
        "SELECT article, units FROM reserved WHERE shop = ? AND order_id = ?", mine
    ).fetchall():
        connection.execute("UPDATE stock SET units = units + ? WHERE article = ?", (row["units"], row["article"]))
    connection.execute("DELETE FROM reserved WHERE shop = ? AND order_id = ?", mine)
