"""DuckDB as `ports.workbench.Workbench`: one instance for a chain of questions, each with a limit of time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from entrepot.adapters.embedded.connections import Settings, open_instance
from entrepot.adapters.embedded.queries import BATCH_ROWS, Resolve, describe_error
from entrepot.adapters.embedded.quoting import ident
from entrepot.kernel.errors import ProjectError
from entrepot.ports.relations import TableVersion
from entrepot.ports.workbench import TooLarge


class DuckWorkbench:
    """Implements `ports.workbench.Workbench`.

    Args:
        resolve: gives the SQL of a lake table at a version.
        zone: the project's, in which SQL that people wrote stands.
        seconds: limit of one question.
    """

    def __init__(self, resolve: Resolve, settings: Settings, *, zone: str, seconds: float) -> None:
        self._resolve = resolve
        self._settings = settings
        self._seconds = seconds
        self._opened: dict[TableVersion, str] = {}
        self._instance = open_instance(settings, zone)
        self._connection = self._instance.connection
        self._connection.execute("SET max_expression_depth = 10000")

    def open_table(self, table: TableVersion) -> str:
        """As `Workbench.open_table`."""
        if table not in self._opened:
            name = ident(f"{table.name}@{table.version}")
            with self._limited(None):
                self._connection.execute(
                    f"CREATE VIEW {name} AS SELECT * FROM {self._resolve(self._connection, table)}"
                )
            self._opened[table] = name
        return self._opened[table]

    def columns(self, sql: str) -> tuple[tuple[str, str], ...]:
        """As `Workbench.columns`."""
        with self._limited(None):
            found = self._connection.execute(f"DESCRIBE {sql}").fetchall()
        return tuple((str(row[0]), str(row[1])) for row in found)

    def keep(self, name: str, sql: str, *, seconds: float | None = None) -> int:
        """As `Workbench.keep`."""
        with self._limited(seconds):
            self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {ident(name)} AS {sql}")
        return self._count(name)

    def load(self, name: str, rows: pa.Table) -> int:
        """As `Workbench.load`."""
        self._connection.register("_loading", rows)
        try:
            return self.keep(name, "SELECT * FROM _loading")
        finally:
            self._connection.unregister("_loading")

    def rows(self, sql: str) -> pa.Table:
        """As `Workbench.rows`."""
        with self._limited(None):
            return self._connection.execute(sql).to_arrow_table()

    def stream(self, sql: str) -> pa.RecordBatchReader:
        """As `Workbench.stream`."""
        with self._limited(None):
            return self._connection.execute(sql).to_arrow_reader(BATCH_ROWS)

    def close(self) -> None:
        """As `Workbench.close`."""
        self._instance.close()

    def _count(self, name: str) -> int:
        found: Any = self._connection.execute(f"SELECT count(*) FROM {ident(name)}").fetchone()
        return int(found[0])

    @contextmanager
    def _limited(self, seconds: float | None) -> Iterator[None]:
        """Interrupt what takes too long; tell the two limits and the engine's refusals apart."""
        import duckdb

        limit = self._seconds if seconds is None else seconds
        timer = threading.Timer(limit, self._connection.interrupt)
        timer.daemon = True
        timer.start()
        try:
            yield
        except duckdb.InterruptException as error:
            raise TooLarge(f"the question took longer than {limit:g} seconds.") from error
        except duckdb.OutOfMemoryException as error:
            raise TooLarge(f"the question needed more than {self._settings.memory_mb} MB of memory.") from error
        except duckdb.Error as error:
            raise ProjectError(describe_error(error)) from error
        finally:
            timer.cancel()
