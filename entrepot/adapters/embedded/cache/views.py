"""Views that several models of one run read, computed once where that pays: as Parquet files of this run, gone with it.

A view is shared when at least two models read it and it groups, ranks or combines rows: that saves a seventh to a half of the work, also where
the result is as large as the input (benchmarks/README.md). A view that only selects, filters or joins costs its readers less than its file.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sqlglot import exp

from entrepot.adapters.embedded.cache.texts import find_reading, follows_from_tables, has_fixed_shape, identify_tables
from entrepot.adapters.embedded.connections import Settings, instance
from entrepot.adapters.embedded.queries import Resolve, open_views, translated
from entrepot.adapters.embedded.quoting import literal
from entrepot.adapters.embedded.staging import FORMAT, read_files
from entrepot.kernel.errors import EntrepotError
from entrepot.ports.cache import CacheKey, cache_key
from entrepot.ports.relations import QueryScan, StagedRows
from entrepot.sql.query import parse_query

if TYPE_CHECKING:
    import duckdb

ROOM = "views"
FEWEST_USES = 2
_COMBINING = (exp.Group, exp.Distinct, exp.Window, exp.SetOperation, exp.AggFunc, exp.Unnest)
_KEPT = frozenset(
    {
        "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "FLOAT", "DOUBLE",
        "VARCHAR", "BLOB", "DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE",
    }
)  # fmt: skip
"""Types that come back from Parquet as they were; a HUGEINT would become a DOUBLE."""


@dataclass(slots=True)
class _Share:
    """One view at fixed versions: computed by whoever comes first, while the others wait."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    is_done: bool = False
    file: Path | None = None


@dataclass(slots=True)
class SharedViews:
    """The shared views of one run. `close` removes their files; a process that died leaves them to `sweep`.

    uses: view → how many models of the run read it, also through other views. folder: of this process alone.
    limit_bytes: of all files together; what goes beyond is not kept.
    """

    settings: Settings
    zone: str
    resolve: Resolve
    folder: Path
    uses: Mapping[str, int]
    limit_bytes: int = 1 << 30
    _shares: dict[CacheKey, _Share] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _held_bytes: int = 0

    def share(self, scan: QueryScan) -> QueryScan:
        """The same scan with its views, where it pays, as files that are computed once.

        A scan that is limited to what changed stays as it is: it wants few rows of the view, not all.
        """
        shared = scan
        for name in scan.views if scan.refresh is None else ():
            file = self._file(name, scan, shared)
            if file is not None:
                views = {other: text for other, text in shared.views.items() if other != name}
                shared = replace(shared, tables={**shared.tables, name: StagedRows((file,))}, views=views)
        return shared

    def close(self) -> None:
        """Remove all files. Repeatable."""
        with self._lock:
            self._shares.clear()
            self._held_bytes = 0
        shutil.rmtree(self.folder, ignore_errors=True)

    def _file(self, name: str, scan: QueryScan, shared: QueryScan) -> Path | None:
        """The file of a view of `scan`, computed from `shared`, in which views before it may be files already."""
        key = self._key(name, scan)
        if key is None:
            return None
        with self._lock:
            share = self._shares.setdefault(key, _Share())
        with share.lock:
            if not share.is_done:
                share.file = self._compute(name, shared, key)
                share.is_done = True
        return share.file

    def _key(self, name: str, scan: QueryScan) -> CacheKey | None:
        """What tells the view's rows within this run; None for a view that is not shared."""
        alone = _alone(name, scan)
        try:
            if not pays(alone.sql, self.uses.get(name, 0)):
                return None
            reading = find_reading(alone)
            tables = identify_tables(reading, alone) if reading is not None else None
            if reading is None or tables is None:
                return None
            if not (follows_from_tables(reading.texts) and has_fixed_shape(reading.texts)):
                return None
        except EntrepotError:  # the engine says what is wrong with the text
            return None
        views = [part for pair in reading.views for part in pair]
        versions = [f"{table.name}@{table.version}" for table in tables]
        return cache_key(ROOM, alone.sql, str(len(views)), *views, *versions)

    def _compute(self, name: str, scan: QueryScan, key: CacheKey) -> Path | None:
        """Write the view's rows; None when they would not come back as they are, or are too many. Errors are left to the model's own query."""
        import duckdb

        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{key.digest}.parquet"
        alone = _alone(name, scan)
        try:
            with instance(self.settings, self.zone) as connection:
                select = open_views(connection, alone, self.resolve)
                kinds = _kinds(connection, select)
                if not all(kind in _KEPT or kind.startswith("DECIMAL(") for _, kind in kinds):
                    return None
                with translated():
                    connection.execute(f"COPY ({select}) TO {literal(str(path))} ({FORMAT})")
                if _kinds(connection, f"SELECT * FROM {read_files([path])}") != kinds:
                    return None
        except (EntrepotError, duckdb.Error, OSError):
            path.unlink(missing_ok=True)
            return None
        return path if self._fits(path) else None

    def _fits(self, path: Path) -> bool:
        size = path.stat().st_size
        with self._lock:
            if self._held_bytes + size <= self.limit_bytes:
                self._held_bytes += size
                return True
        path.unlink(missing_ok=True)
        return False


def pays(view: str, uses: int) -> bool:
    """True when a view that so many models read is better computed once. Raises: ProjectError for what is no SELECT."""
    return uses >= FEWEST_USES and parse_query(view).tree.find(*_COMBINING) is not None


def sweep(folder: Path, is_alive: Callable[[str], bool]) -> None:
    """Remove what dead processes have left below `folder`, whose sub-folders bear their names."""
    for found in folder.iterdir() if folder.is_dir() else ():
        if not is_alive(found.name.replace("~", "/")):
            shutil.rmtree(found, ignore_errors=True)


def _alone(name: str, scan: QueryScan) -> QueryScan:
    """A view's own query, over the tables and the views before it."""
    before = list(scan.views)[: list(scan.views).index(name)]
    return QueryScan(scan.views[name], scan.tables, {other: scan.views[other] for other in before})


def _kinds(connection: duckdb.DuckDBPyConnection, select: str) -> list[tuple[str, str]]:
    return [(str(name), str(kind)) for name, kind, *_ in connection.execute(f"DESCRIBE {select}").fetchall()]
