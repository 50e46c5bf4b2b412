"""Computing only what may have changed: first the touched keys, then the query limited to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from entrepot.adapters.embedded.queries import Resolve, open_views, query_schema, translated
from entrepot.adapters.embedded.quoting import ident, idents, literal
from entrepot.kernel.errors import ProjectError
from entrepot.ports.engine import SplitTask, Staged, StagedFile
from entrepot.ports.relations import TOUCHED, KeyFigures, Part, QueryScan, Refresh, StagedRows, TableVersion

if TYPE_CHECKING:
    import duckdb

MOST_LITERALS = 2_000
"""A list of values in the text is taken down to the files, a table of them is not always; longer lists cost more than they save."""
_INTEGERS = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT"})


Describe = Callable[[QueryScan], pa.Schema]


def is_refresh(task: SplitTask) -> bool:
    """True when a task says how only a part of its query's rows can be computed."""
    return any(isinstance(part.rows, QueryScan) and part.rows.refresh is not None for part in task.parts)


def whole(task: SplitTask) -> SplitTask:
    """The task computing all rows: they replace all that the table holds, so nothing in it can conflict with them."""
    scan = task.parts[0].rows
    assert isinstance(scan, QueryScan)
    part = Part(task.parts[0].place, replace(scan, refresh=None), task.parts[0].notes)
    return replace(task, parts=[part], existing=None, replaced=None)


def limit_to_touched(
    task: SplitTask, connection: duckdb.DuckDBPyConnection, resolve: Resolve, describe: Describe, into: Path
) -> SplitTask:
    """Write the keys that may have changed aside and limit the task's query to them.

    All is computed where the limited way does not pay, where the table keeps a key in another type than the query gives it, and where
    the derived SQL is refused: what that runs into, the model's own may not.

    Args: describe: binds a query without running it.
    """
    scan = task.parts[0].rows
    assert isinstance(scan, QueryScan) and scan.refresh is not None
    if task.existing is None:
        return whole(task)
    try:
        limited = _limit(task.existing, scan, scan.refresh, connection, resolve, into)
        if limited is None:
            return whole(task)
        found, keys = limited
        describe(found)
    except ProjectError:
        return whole(task)
    part = task.parts[0]
    return replace(task, parts=[Part(part.place, found, part.notes)], replaced=keys)


def _limit(
    existing: TableVersion,
    scan: QueryScan,
    refresh: Refresh,
    connection: duckdb.DuckDBPyConnection,
    resolve: Resolve,
    into: Path,
) -> tuple[QueryScan, Staged] | None:
    """The limited query and the touched keys; None where all must be computed."""
    select = open_views(connection, QueryScan(refresh.touched, refresh.tables), resolve)
    target = f"SELECT {idents(refresh.keys)} FROM ({resolve(connection, existing)})"
    if not _types_match(connection, f"SELECT {idents(refresh.keys)} FROM ({select})", target):
        return None
    keys = _write_keys(connection, select, refresh, into / "keys.parquet")
    if _is_too_much(connection, keys, target, refresh):
        return None
    tables: dict[str, TableVersion | StagedRows] = {TOUCHED: StagedRows((keys.files[0].path,))}
    sql = refresh.limit(_find_figures(connection, keys, refresh))
    return replace(scan, sql=sql, tables={**scan.tables, **tables}, refresh=None), keys


def _types_match(connection: duckdb.DuckDBPyConnection, select: str, target: str) -> bool:
    """A key that the contract turns into another type would not be found again among the table's rows."""
    with translated():
        kinds = [[str(row[1]) for row in connection.execute(f"DESCRIBE {sql}").fetchall()] for sql in (select, target)]
    return all(ours == theirs or {ours, theirs} <= _INTEGERS for ours, theirs in zip(*kinds, strict=True))


def _write_keys(connection: duckdb.DuckDBPyConnection, select: str, refresh: Refresh, path: Path) -> Staged:
    sql = f"SELECT DISTINCT {idents(refresh.keys)} FROM ({select})"
    schema: pa.Schema = query_schema(connection, sql)
    with translated():
        row = connection.execute(f"COPY ({sql}) TO {literal(str(path))} (FORMAT parquet, COMPRESSION zstd)").fetchone()
    return Staged(schema, (StagedFile(path, int(row[0]) if row else 0, path.stat().st_size),))


def _find_figures(connection: duckdb.DuckDBPyConnection, keys: Staged, refresh: Refresh) -> dict[str, KeyFigures]:
    """Range and nulls of each key; of a single key also its values, unless they are many."""
    relation = f"read_parquet({literal(str(keys.files[0].path))})"
    columns = ", ".join(
        f"min({name}) AS low{i}, max({name}) AS high{i}, count(*) > count({name}) AS null{i}"
        for i, name in enumerate(map(ident, refresh.keys))
    )
    row = connection.execute(f"SELECT {columns} FROM {relation}").to_arrow_table().to_pylist()[0]
    values = None
    if len(refresh.keys) == 1 and keys.rows <= MOST_LITERALS:
        values = tuple(connection.execute(f"SELECT * FROM {relation}").to_arrow_table().column(0).to_pylist())
    return {
        name: KeyFigures(row[f"low{i}"], row[f"high{i}"], bool(row[f"null{i}"]), values)
        for i, name in enumerate(refresh.keys)
    }


def _is_too_much(connection: duckdb.DuckDBPyConnection, keys: Staged, target: str, refresh: Refresh) -> bool:
    found = connection.execute(f"SELECT count(*) FROM (SELECT DISTINCT * FROM ({target}))").fetchone()
    return found is not None and keys.rows > max(found[0] * refresh.most_touched, 1)
