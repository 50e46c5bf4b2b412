"""A query's rows judged where they arise: one statement from the query to the file, as long as no row is rejected.

Rows of a model hardly ever are. The first one that is ends the statement, and the rows are judged in slices, as those of a source.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from entrepot.adapters.embedded.conversions import ABSENT
from entrepot.adapters.embedded.headers import match_headers
from entrepot.adapters.embedded.judge import Judge
from entrepot.adapters.embedded.queries import Resolve, describe_error, open_views
from entrepot.adapters.embedded.quoting import ident
from entrepot.adapters.embedded.sources import BRINGABLE, Source
from entrepot.adapters.embedded.staging import Staging
from entrepot.contracts.model import Contract
from entrepot.kernel.errors import ProjectError
from entrepot.kernel.rows import ORIGIN, RECORD_ID, SYSTEM_COLUMNS
from entrepot.ports.engine import SplitTask
from entrepot.ports.relations import Part, QueryScan

if TYPE_CHECKING:
    import duckdb

SIMPLE = frozenset(
    {
        "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "VARCHAR", "DATE", "TIMESTAMP",
        "TIMESTAMP WITH TIME ZONE", "BLOB",
    }
)  # fmt: skip
"""Types that mean the same whether rows come straight from the query or as Arrow; and every decimal."""
MARK = "__entrepot_rejected"
FILES = "FILE_SIZE_BYTES '256MB'"
"""In the order of the query, and not in one file without end: replacing some rows writes the others of their file anew."""


@dataclass(frozen=True, slots=True)
class Direct:
    """The one part of a task, a query, as a relation in the judging connection."""

    part: Part
    source: Source


def prepare_direct(
    task: SplitTask, contract: Contract, connection: duckdb.DuckDBPyConnection, zone: str, resolve: Resolve
) -> Direct | None:
    """Open the query; None where its rows must come another way: another time zone, a type with several forms, system columns missing."""
    scan = task.parts[0].rows if len(task.parts) == 1 else None
    if not isinstance(scan, QueryScan) or zone != contract.time_zone:
        return None
    sql = open_views(connection, scan, resolve)
    kinds = _describe(connection, sql)
    if not all(kind in SIMPLE or kind.startswith("DECIMAL(") for kind in kinds.values()):
        return None
    brings = tuple(name for name in BRINGABLE if scan.carries_record_ids and name in kinds)
    if task.system_columns and not {RECORD_ID, ORIGIN}.issubset(brings):
        return None
    part = task.parts[0]
    headers = match_headers(contract, [name for name in kinds if name not in SYSTEM_COLUMNS], part.place)
    columns = [f"{ident(headers[c.name])} AS __r{i}" for i, c in enumerate(contract.columns) if c.name in headers]
    columns += [f"{ident(name)} AS __q{name}" for name in brings]
    relation = f"(SELECT {', '.join([*columns, '0::BIGINT AS __rn', '0::BIGINT AS __rec'])} FROM ({sql}))"
    types = {c.name: kinds[headers[c.name]] if c.name in headers else ABSENT for c in contract.columns}
    return Direct(part, Source(relation, types, brings=brings, place=part.place))


def write_direct(direct: Direct, judge: Judge, staging: Staging) -> int | None:
    """Write all rows; their number, or None when one is rejected: then nothing is written.

    Raises: ProjectError for what the query itself runs into; DataError when a column can never be of the contract's type.
    """
    import duckdb

    select = judge.select_unless_rejected(direct.source, direct.part.place, MARK)
    try:
        return staging.write_accepted(select, FILES)
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        shutil.rmtree(staging.folder / "pass-accepted", ignore_errors=True)
        if MARK in str(error):
            return None
        raise ProjectError(describe_error(error)) from error


def _describe(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, str]:
    import duckdb

    try:
        return {str(row[0]): str(row[1]) for row in connection.execute(f"DESCRIBE {sql}").fetchall()}
    except duckdb.Error as error:
        raise ProjectError(describe_error(error)) from error
