"""The embedded SQL engine: DuckDB in the process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa

from entrepot.adapters.embedded.as_is import split_as_is
from entrepot.adapters.embedded.connections import Scratch, Settings, instance, open_instance
from entrepot.adapters.embedded.profile import open_parts, profile_rows
from entrepot.adapters.embedded.queries import BATCH_ROWS, QueryResult, Resolve, open_views, query_schema, translated
from entrepot.adapters.embedded.refresh import is_refresh, limit_to_touched, whole
from entrepot.adapters.embedded.split import Landing, Progress
from entrepot.adapters.embedded.staging import empty_folder
from entrepot.adapters.embedded.uniques import Collision
from entrepot.contracts.infer.profile import TableProfile
from entrepot.contracts.model import Contract
from entrepot.contracts.types import NESTED
from entrepot.kernel.errors import MissingExtra
from entrepot.ports.engine import Result, SplitResult, SplitTask
from entrepot.ports.relations import Part, QueryScan


def _ignore(rows: int) -> None:
    """The listener that does not listen."""


class DuckEngine:
    """Implements `ports.engine.Engine`. Safe to call from several threads: each call has an instance of its own.

    Args:
        resolve: gives the SQL of a lake table at a version; called with the connection it is for.
        threads: of one call.
        memory_mb: limit of one call's DuckDB instance; Arrow batches on their way come on top.
        temp: folder for what does not fit into memory.
        zone: the project's: in it stands every session that runs SQL which people wrote. What a source brings is typed in its contract's.
        on_progress: called with the number of rows of each finished slice.
    """

    def __init__(
        self,
        resolve: Resolve,
        *,
        threads: int,
        memory_mb: int = 400,
        temp: Path,
        zone: str,
        on_progress: Progress = _ignore,
    ) -> None:
        self._resolve = resolve
        self._settings = Settings(threads, memory_mb, temp)
        self._scratch = Scratch(self._settings)
        self._progress = on_progress
        self._zone = zone

    def split(self, task: SplitTask, into: Path) -> SplitResult:
        """As `Engine.split`."""
        empty_folder(into)
        if not is_refresh(task):
            return self._land(task, into)
        with instance(self._settings, self._zone) as connection:
            limited = limit_to_touched(task, connection, self._resolve, self.describe, into)
        try:
            return replace(self._land(limited, into), keys=limited.replaced)
        except Collision:
            # of two rows with one key another one may stay when all are judged together
            empty_folder(into)
            return self._land(whole(task), into)

    def _land(self, task: SplitTask, into: Path) -> SplitResult:
        zone = task.contract.time_zone if task.contract else self._zone
        with instance(self._settings, zone) as connection:
            if task.contract is None:
                return split_as_is(task, connection, self._resolve, into)
            return Landing(
                task, task.contract, connection, self._settings, self._zone, self._resolve, into, self._progress
            ).run()

    def query(self, scan: QueryScan) -> Result:
        """As `Engine.query`. Raises: ProjectError for what is wrong with the text, also while reading."""
        opened = open_instance(self._settings, self._zone)
        try:
            sql = open_views(opened.connection, scan, self._resolve)
            with translated():
                reader = opened.connection.execute(sql).to_arrow_reader(BATCH_ROWS)
        except BaseException:
            opened.close()
            raise
        return QueryResult(reader.schema, opened, reader)

    def require(self, contract: Contract) -> None:
        """As `Engine.require`: nested columns are judged by Python functions, for which DuckDB needs numpy."""
        nested = any(column.type.kind in NESTED and not column.type.is_json for column in contract.columns)
        if nested and find_spec("numpy") is None:
            raise MissingExtra("numpy (for arrays and objects)", "nested")

    def describe(self, scan: QueryScan) -> pa.Schema:
        """As `Engine.describe`."""
        with self._scratch.session(self._zone) as connection:
            return query_schema(connection, open_views(connection, scan, self._resolve))

    def profile(self, rows: Sequence[Part] | QueryScan, *, most_rows: int | None = None) -> TableProfile:
        """As `Profiler.profile`."""
        with instance(self._settings, self._zone) as connection:
            if isinstance(rows, QueryScan):
                result = self.query(rows)
                return profile_rows(connection, iter([("the table", result.batches())]), most_rows)
            return profile_rows(connection, open_parts(connection, rows), most_rows)
