"""A query's rows without a contract: as they come, in types that a table can hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from entrepot.adapters.embedded.casts import in_calendar
from entrepot.adapters.embedded.judge import system_columns
from entrepot.adapters.embedded.nested.functions import is_nested
from entrepot.adapters.embedded.queries import Resolve, open_views, query_schema, translated
from entrepot.adapters.embedded.quoting import ident, literal
from entrepot.adapters.embedded.sources import BRINGABLE, Source
from entrepot.adapters.embedded.staging import Staging
from entrepot.kernel.errors import ProjectError, UsageError
from entrepot.kernel.rows import SYSTEM_COLUMNS
from entrepot.ports.engine import REJECT_SCHEMA, Counts, SplitResult, SplitTask, Staged
from entrepot.ports.relations import QueryScan

if TYPE_CHECKING:
    import duckdb

STORABLE = {
    "HUGEINT": "DECIMAL(38,0)",
    "UHUGEINT": "DECIMAL(38,0)",
    "UBIGINT": "DECIMAL(20,0)",
    "UINTEGER": "BIGINT",
    "USMALLINT": "INTEGER",
    "UTINYINT": "SMALLINT",
    "TIME": "VARCHAR",
    "TIME WITH TIME ZONE": "VARCHAR",
    "INTERVAL": "VARCHAR",
    "UUID": "VARCHAR",
    "JSON": "VARCHAR",
    "BIT": "VARCHAR",
    '"NULL"': "VARCHAR",
    "TIMESTAMP_S": "TIMESTAMP",
    "TIMESTAMP_MS": "TIMESTAMP",
    "TIMESTAMP_NS": "TIMESTAMP",
}
"""DuckDB's types that Delta does not know, and in what they are kept. A sum of integers is a HUGEINT, which Parquet would round to a double."""


def storable(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    """The same rows in types that a table can hold."""
    with translated():
        described = connection.execute(f"DESCRIBE {sql}").fetchall()
    columns = []
    for name, kind, *_ in described:
        target = storable_type(str(kind))
        kept = f"{ident(name)}::{target}" if target != str(kind) else ident(name)
        columns.append(f"{_in_time(str(name), kept, target)} AS {ident(name)}")
    return f"SELECT {', '.join(columns)} FROM ({sql})"


def _in_time(name: str, kept: str, kind: str) -> str:
    """SQL: the value; a query that gives a date no table may hold fails, with the column's name."""
    if kind not in ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"):
        return kept
    said = f"the column {name} holds a {kind.lower()} outside of the years 1 to 9999; allowed are those years, or null"
    return f"CASE WHEN {kept} IS NULL OR {in_calendar(kept, kind)} THEN {kept} ELSE error({literal(said)}) END"


def storable_type(kind: str) -> str:
    """The type in which values of a DuckDB type are kept; what holds others is looked into."""
    import duckdb

    if not is_nested(kind):
        return "VARCHAR" if kind.startswith("ENUM(") else STORABLE.get(kind, kind)
    found = duckdb.sqltype(kind)
    inner = [
        (name, storable_type(str(child))) for name, child in found.children if name != "size"
    ]  # of a list of fixed length
    if found.id == "struct":
        return f"STRUCT({', '.join(f'{ident(name)} {child}' for name, child in inner)})"
    if found.id == "map":
        return f"MAP({inner[0][1]}, {inner[1][1]})"
    return f"{inner[0][1]}[]"


def split_as_is(task: SplitTask, connection: duckdb.DuckDBPyConnection, resolve: Resolve, into: Path) -> SplitResult:
    """Stage the one query of a task without contract."""
    part = task.parts[0]
    if len(task.parts) != 1 or not isinstance(part.rows, QueryScan):
        raise UsageError(
            "Without a contract the engine takes exactly one query.", hint="Write a contract for the source."
        )
    select = storable(connection, open_views(connection, part.rows, resolve))
    schema = query_schema(connection, select)
    if task.system_columns:
        select = _stamped(task, select, schema)
        schema = query_schema(connection, select)
    schema = pa.schema([field.with_type(_stored(field.type)) for field in schema])
    staging = Staging(connection, into, schema)
    with translated():
        staging.write_accepted(select, "PER_THREAD_OUTPUT")
    staging.clean()
    accepted = Staged(schema, tuple(staging.accepted))
    counts = Counts(accepted.rows, accepted.rows, 0)
    return SplitResult(accepted, Staged(REJECT_SCHEMA), counts, {}, {part.place: counts})


def _stored(value: pa.DataType) -> pa.DataType:
    """The type as files have it: instants are those of UTC, whatever the session's zone."""
    if pa.types.is_timestamp(value) and value.tz:
        return pa.timestamp(value.unit, "UTC")
    if pa.types.is_list(value):
        return pa.list_(_stored(value.value_type))
    if pa.types.is_map(value):
        return pa.map_(_stored(value.key_type), _stored(value.item_type))
    if pa.types.is_struct(value):
        return pa.struct([field.with_type(_stored(field.type)) for field in value])
    return value


def _stamped(task: SplitTask, select: str, schema: pa.Schema) -> str:
    brought = tuple(name for name in BRINGABLE if name in schema.names)
    if "_record_id" not in brought or "_origin" not in brought:
        raise ProjectError(
            f"the query gives {', '.join(schema.names)}, but not _record_id and _origin.",
            hint="Rows get their ids from a driving input; without one the model's kind must be full.",
        )
    own = [ident(name) for name in schema.names if name not in SYSTEM_COLUMNS]
    renamed = ", ".join(f"{name} AS __q{name}" for name in brought)
    system = system_columns(task.stamp, Source("", {}, brings=brought), "NULL::VARCHAR[]")
    return f"SELECT {', '.join(own + system)} FROM (SELECT *, {renamed} FROM ({select}))"
