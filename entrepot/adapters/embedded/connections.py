"""DuckDB instances: each call has one of its own, with its own memory limit and spill folder."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from entrepot.kernel.ids import new_token

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Settings:
    """What an instance may use."""

    threads: int
    memory_mb: int
    temp: Path


@dataclass(frozen=True, slots=True)
class Instance:
    """An open DuckDB instance and the folder it spills to."""

    connection: duckdb.DuckDBPyConnection
    spill: Path

    def close(self) -> None:
        """Close the instance and remove what it spilled. Repeatable."""
        self.connection.close()
        shutil.rmtree(self.spill, ignore_errors=True)


def open_instance(settings: Settings, zone: str, *, threads: int | None = None) -> Instance:
    """Open an instance whose session stands in `zone`.

    Instances are separate databases: a query that feeds another one must not wait for the same worker threads.
    """
    import duckdb

    spill = settings.temp / f"duckdb-{new_token()}"  # made by DuckDB when it is needed
    connection = duckdb.connect(
        config={
            "threads": threads or settings.threads,
            "memory_limit": f"{settings.memory_mb}MiB",
            "temp_directory": str(spill),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )
    connection.execute("SET python_enable_replacements = false")
    connection.execute("SET enable_progress_bar = false")
    connection.execute("SET TimeZone = ?", [zone])
    return Instance(connection, spill)


@contextmanager
def instance(settings: Settings, zone: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """An instance for the length of a block."""
    opened = open_instance(settings, zone)
    try:
        yield opened.connection
    finally:
        opened.close()


class Scratch:
    """One instance for many small questions, each in a database and a session of its own: a sixth of what an instance of its own costs.

    Not for questions that feed one another, nor for those that may need all the memory there is. Called from several threads.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._instance: Instance | None = None
        self._numbers = count()

    @contextmanager
    def session(self, zone: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """A session in `zone`; what is made in it goes with it."""
        cursor, name = self._begin()
        try:
            cursor.execute(f"ATTACH ':memory:' AS {name}")
            cursor.execute(f"USE {name}")
            cursor.execute("SET TimeZone = ?", [zone])
            yield cursor
        finally:
            cursor.execute("USE memory")
            cursor.execute(f"DETACH DATABASE IF EXISTS {name}")
            cursor.close()

    def _begin(self) -> tuple[duckdb.DuckDBPyConnection, str]:
        with self._lock:
            if self._instance is None:
                self._instance = open_instance(self._settings, "UTC")
            return self._instance.connection.cursor(), f"question{next(self._numbers)}"

    def __del__(self) -> None:
        if self._instance is not None:
            self._instance.close()
