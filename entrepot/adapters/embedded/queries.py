"""SELECTs of the user over tables at fixed versions, and nothing but those."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from entrepot.adapters.embedded.connections import Instance
from entrepot.adapters.embedded.quoting import ident, literal
from entrepot.kernel.errors import ProjectError
from entrepot.ports.relations import QueryScan, StagedRows, TableChange, TableVersion

if TYPE_CHECKING:
    import duckdb

Resolve = Callable[["duckdb.DuckDBPyConnection", TableVersion | TableChange], str]
"""SQL of a relation that gives a lake table at a version, or what came to it or went."""

BATCH_ROWS = 65_536
TABLE_FUNCTIONS = frozenset(
    {"range", "generate_series", "unnest", "json_each", "json_tree", "repeat", "repeat_row", "generate_subscripts"}
)
"""Functions in FROM that read nothing but their arguments."""
FORBIDDEN_FUNCTIONS = frozenset(
    {"getenv", "current_setting", "getvariable", "nextval", "currval", "write_log", "add_parquet_key"}
)
_LINE = re.compile(r"LINE (\d+):")


def check_select(connection: duckdb.DuckDBPyConnection, sql: str, known: frozenset[str]) -> None:
    """Refuse what is not one SELECT over `known` relations.

    Raises: ProjectError with DuckDB's message where the text is no SQL.
    """
    found = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchone()
    tree: dict[str, Any] = json.loads(found[0]) if found else {}
    if tree.get("error"):
        raise ProjectError(_parse_error(tree, sql), hint="A model is one SELECT statement.")
    if len(tree.get("statements", ())) != 1:
        raise ProjectError(
            f"{len(tree.get('statements', ()))} statements; allowed is one SELECT.", hint="Take the others out."
        )
    names = known | {name.lower() for node in _nodes(tree) for name in _defined(node)}
    for node in _nodes(tree):
        _check_node(node, names)


def _parse_error(tree: dict[str, Any], sql: str) -> str:
    message = str(tree.get("error_message", "not a SELECT"))
    position = tree.get("position")
    if position is None:
        return message
    return f"line {sql.count(chr(10), 0, int(position)) + 1}: {message}"


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """All objects of a parsed statement; without recursion, for deep texts."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _defined(node: dict[str, Any]) -> list[str]:
    """Names that a WITH defines."""
    entries = node.get("map") if set(node) == {"map"} else None
    return [str(entry["key"]) for entry in entries or () if isinstance(entry, dict) and "key" in entry]


def _check_node(node: dict[str, Any], names: frozenset[str]) -> None:
    kind = node.get("type")
    if kind == "TABLE_FUNCTION":
        function = str(node["function"].get("function_name", "")).lower()
        if function not in TABLE_FUNCTIONS:
            raise ProjectError(
                f"{function}() may not stand in FROM; allowed are tables, views and {', '.join(sorted(TABLE_FUNCTIONS))}.",
                hint="Bring files in by a source.",
            )
    elif kind == "BASE_TABLE":
        parts = [node.get("catalog_name"), node.get("schema_name"), node.get("table_name")]
        name = ".".join(str(part) for part in parts if part)
        if name.lower() not in names:
            raise ProjectError(f"the table {name} is not known here; known: {', '.join(sorted(names)) or 'none'}.")
    elif kind == "SHOW_REF":
        raise ProjectError("SHOW, DESCRIBE and SUMMARIZE may not stand in a SELECT here.")
    elif kind == "FUNCTION" and str(node.get("function_name", "")).lower() in FORBIDDEN_FUNCTIONS:
        raise ProjectError(f"{node['function_name']}() is not allowed: its result does not follow from the tables.")


def open_views(connection: duckdb.DuckDBPyConnection, scan: QueryScan, resolve: Resolve) -> str:
    """Make the scan's tables and views, check its text and return it without a closing semicolon.

    Raises: ProjectError.
    """
    text = "\n".join([scan.sql, *scan.views.values()]).lower()
    for name, table in scan.tables.items():
        if name.rpartition(".")[2].lower() in text:  # what is not named is not opened: a release has many tables
            _open_table(connection, name, table, resolve)
    known = frozenset(name.lower() for name in scan.tables)
    with translated():
        for name, sql in scan.views.items():
            check_select(connection, sql, known)
            _create_view(connection, name, _plain(sql))
            known |= {name.lower()}
        check_select(connection, scan.sql, known)
    return _plain(scan.sql)


def _open_table(
    connection: duckdb.DuckDBPyConnection, name: str, table: TableVersion | TableChange | StagedRows, resolve: Resolve
) -> None:
    if isinstance(table, StagedRows):
        paths = ", ".join(literal(str(path)) for path in table.paths)
        _create(connection, "VIEW", name, f"SELECT * FROM read_parquet([{paths}], hive_partitioning = false)")
        return
    relation = resolve(connection, table)
    # rows that must be compared are compared once, however often the text names them
    kind = "TABLE" if isinstance(table, TableChange) and "EXCEPT ALL" in relation else "VIEW"
    _create(connection, kind, name, f"SELECT * FROM ({relation})")


def _plain(sql: str) -> str:
    """A statement that may stand in brackets: a comment at its end is closed by a line break."""
    return sql.strip().rstrip(";") + "\n"


def _create_view(connection: duckdb.DuckDBPyConnection, name: str, sql: str) -> None:
    _create(connection, "VIEW", name, sql)


def _create(connection: duckdb.DuckDBPyConnection, kind: str, name: str, sql: str) -> None:
    layer, dot, rest = name.partition(".")
    if dot:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {ident(layer)}")
    full = f"{ident(layer)}.{ident(rest)}" if dot else ident(layer)
    connection.execute(f"CREATE {kind} {full} AS {sql}")


class translated:
    """Turn DuckDB's errors about the user's text into a ProjectError with its message and line."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        import duckdb

        if isinstance(error, duckdb.Error):
            raise ProjectError(describe_error(error)) from error


def describe_error(error: Exception) -> str:
    """DuckDB's message with its line first."""
    message = str(error)
    found = _LINE.search(message)
    return f"line {found.group(1)}: {message}" if found else message


def query_schema(connection: duckdb.DuckDBPyConnection, sql: str) -> pa.Schema:
    """Names and types that a SELECT gives, as Arrow, without running it."""
    with translated():
        return connection.execute(f"SELECT * FROM ({sql}) LIMIT 0").to_arrow_table().schema


@dataclass(slots=True)
class QueryResult:
    """Rows of a running query; they can be read once. Its instance closes with the last row."""

    schema: pa.Schema
    instance: Instance
    reader: pa.RecordBatchReader

    def batches(self) -> pa.RecordBatchReader:
        """The rows, streamed."""
        return pa.RecordBatchReader.from_batches(self.schema, self._batches())

    def _batches(self) -> Iterator[pa.RecordBatch]:
        try:
            yield from iterate(self.reader)
        finally:
            self.reader.close()
            self.instance.close()

    def __del__(self) -> None:
        self.instance.close()


def iterate(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """A running query's batches. Raises: ProjectError for what goes wrong on the way."""
    try:
        yield from reader
    except (pa.ArrowException, OSError) as error:
        raise ProjectError(describe_error(error)) from error
