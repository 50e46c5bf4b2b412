"""Asking a release: SELECTs over one consistent set of versions, with a limit of time and rows for those who ask over the network."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from entrepot.app.wiring import Platform, read_pins
from entrepot.kernel.errors import EntrepotError
from entrepot.ports.relations import QueryScan, TableVersion
from entrepot.ports.state import Release

if TYPE_CHECKING:
    from entrepot.adapters.embedded.guarded import GuardedQueries


class TooLong(EntrepotError):
    """A question took longer than it may, or somebody stopped it."""

    code = "query.stopped"
    http_status = 422


def scan_release(release: Release, sql: str) -> QueryScan:
    """A SELECT over the tables and views of a release."""
    tables = {name: TableVersion(name, version) for name, version in release.tables.items()}
    return QueryScan(sql, tables, release.views)


def query_release(platform: Platform, release: Release, sql: str) -> pa.RecordBatchReader:
    """The rows of a SELECT over the tables and views of a release, whose versions are pinned first."""
    read_pins(platform, release.tables)
    return platform.queries.query(scan_release(release, sql)).batches()


def read_records(rows: pa.RecordBatch | pa.Table) -> list[dict[str, Any]]:
    """Rows as Python's values. Instants stand in the project's zone; where that would be beyond the year 9999 or before 1, in UTC."""
    found: list[dict[str, Any]]
    try:
        found = rows.to_pylist(maps_as_pydicts="strict")
    except OverflowError:
        schema = pa.schema([field.with_type(_in_utc(field.type)) for field in rows.schema])
        found = rows.cast(schema).to_pylist(maps_as_pydicts="strict")
    return found


def _in_utc(value: pa.DataType) -> pa.DataType:
    return pa.timestamp(value.unit, "UTC") if pa.types.is_timestamp(value) and value.tz else value


@dataclass(frozen=True, slots=True)
class Asked:
    """The first rows of an answer."""

    rows: pa.Table
    is_whole: bool
    """False when there are more rows than were asked for."""
    seconds: float


class RunningQueries:
    """Questions that are being answered, each of which can be stopped by its id. Called from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._going: dict[str, GuardedQueries] = {}

    def ask(self, platform: Platform, scan: QueryScan, *, id: str, limit: int, seconds: float) -> Asked:
        """Answer with the first `limit` rows.

        Raises: ProjectError for what is wrong with the text; TooLong after so many seconds or when it was stopped.
        """
        from entrepot.adapters.embedded.connections import Settings
        from entrepot.adapters.embedded.delta import table_resolver
        from entrepot.adapters.embedded.guarded import GuardedQueries

        tables = {name: table.version for name, table in scan.tables.items() if isinstance(table, TableVersion)}
        read_pins(platform, tables)
        temp = platform.project.runtime / "tmp"
        temp.mkdir(parents=True, exist_ok=True)
        settings = Settings(platform.threads, platform.memory_mb, temp)
        queries = GuardedQueries(
            table_resolver(platform.tables), settings, platform.project.time_zone, platform.project.runtime / "lake"
        )
        started = time.monotonic()
        with self._lock:
            self._going[id] = queries
        try:
            rows, is_whole = queries.rows(scan, limit=limit, seconds=seconds)
        finally:
            with self._lock:
                self._going.pop(id, None)
        if queries.was_stopped:
            raise TooLong(
                f"the question was stopped after {time.monotonic() - started:.1f} s.",
                hint=f"It may take {seconds:g} s: narrow it, or ask on the machine itself with: entrepot query",
            )
        return Asked(rows, is_whole, time.monotonic() - started)

    def stop(self, id: str) -> bool:
        """Stop a question; False when none of that id is being answered."""
        with self._lock:
            found = self._going.get(id)
        if found is not None:
            found.stop()
        return found is not None
