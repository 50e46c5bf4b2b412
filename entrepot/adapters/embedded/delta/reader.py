"""A table at a version as a relation in DuckDB: never a wrong row, rather a refusal.

Plain tables are read straight from their Parquet files. Everything else (deletion vectors, column mapping, unknown
types) goes through a full Delta reader: DuckDB's own extension, else delta-rs. What neither knows is refused.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from entrepot.adapters.embedded.delta.changes import change_relation
from entrepot.adapters.embedded.delta.log import Identity, Snapshot
from entrepot.adapters.embedded.delta.protocol import why_not_read
from entrepot.adapters.embedded.delta.rewrite import describe
from entrepot.adapters.embedded.delta.scan import NotPlain, Scan, check_files, escape_glob, plan_scan
from entrepot.adapters.embedded.delta.schema import UnknownType, duckdb_type, fields_of, quote, quote_text
from entrepot.adapters.embedded.delta.tables import DeltaTables
from entrepot.kernel.errors import DamageError, DataError, MissingExtra
from entrepot.kernel.ids import new_token
from entrepot.ports.relations import TableChange, TableVersion

if TYPE_CHECKING:
    import duckdb

KNOWN_FEATURES = frozenset({"timestampNtz", "deletionVectors", "columnMapping", "v2Checkpoint", "vacuumProtocolCheck"})
"""Reader features that were tested through both full readers."""
_HIGHEST_READER = 3
_KEPT_SCANS = 128

_scans: OrderedDict[tuple[str, int, Identity], Scan] = OrderedDict()
_scans_lock = threading.Lock()


def delta_relation(
    connection: duckdb.DuckDBPyConnection,
    tables: DeltaTables,
    table: TableVersion,
    columns: Sequence[str] | None = None,
) -> str:
    """The text of a relation to stand in a FROM clause: the table's rows at that version.

    Args:
        connection: its time zone must not change while the relation is in use.
        columns: these only, in this order; all in the schema's order when None.

    Raises: KeyError when table, version or column is not there; DamageError; DataError when the table needs what no
        reader here knows; MissingExtra when an optional library would read it.
    """
    snapshot = tables.snapshot(table.name, table.version)
    reason = why_not_read(snapshot)
    if reason is None:
        try:
            return _read_plain(connection, tables, table, snapshot, columns)
        except NotPlain as error:
            reason = str(error)
    return _read_through(connection, tables, table, snapshot, reason, columns)


def table_resolver(
    tables: DeltaTables,
) -> Callable[[duckdb.DuckDBPyConnection, TableVersion | TableChange], str]:
    """What the engine asks for the text of a table's relation.

    It raises DamageError for a table or version that the state knows and the lake has not.
    """

    def resolve(connection: duckdb.DuckDBPyConnection, table: TableVersion | TableChange) -> str:
        try:
            if isinstance(table, TableChange):
                return change_relation(connection, tables.handle(table.name), table)
            return delta_relation(connection, tables, table)
        except KeyError as error:
            version = table.upto if isinstance(table, TableChange) else table.version
            raise DamageError(
                f"{table.name} has no version {version} in the lake, though the state knows it.",
                hint="Somebody deleted or restored the table. Put it back, or rebuild the state from the lake: entrepot doctor --accept-loss",
            ) from error

    return resolve


def _read_plain(
    connection: duckdb.DuckDBPyConnection,
    tables: DeltaTables,
    table: TableVersion,
    snapshot: Snapshot,
    columns: Sequence[str] | None,
) -> str:
    path = tables.handle(table.name).path
    key = (str(path), snapshot.version, snapshot.identity)
    with _scans_lock:
        known = _scans.get(key)
    if known is None:
        check_files(path, snapshot.files.values())
        known = plan_scan(path, snapshot, snapshot.files.values(), lambda sql: describe(connection, sql))
        with _scans_lock:
            _scans[key] = known
            while len(_scans) > _KEPT_SCANS:
                _scans.popitem(last=False)
    return known.sql(columns)


def _read_through(
    connection: duckdb.DuckDBPyConnection,
    tables: DeltaTables,
    table: TableVersion,
    snapshot: Snapshot,
    reason: str,
    columns: Sequence[str] | None,
) -> str:
    _refuse_unknown(table, snapshot)
    names = [each["name"] for each in fields_of(snapshot.metadata.schema_string)]
    if missing := [name for name in (columns or ()) if name not in names]:
        raise KeyError(f"there is no column {missing[0]!r}; there are {', '.join(names)}")
    path = tables.handle(table.name).path
    check_files(path, snapshot.files.values())
    failures = []
    for open_relation in (_open_by_extension, _open_by_deltars):
        try:
            relation = open_relation(connection, str(path), snapshot, names)
            _check_types(connection, relation, snapshot)
            return f"(SELECT {', '.join(map(quote, columns))} FROM {relation})" if columns else relation
        except _Unavailable as error:
            failures.append(str(error))
    raise DataError(
        f"table {table.name} version {table.version} cannot be read: it has {reason}; {'; '.join(failures)}.",
        hint="Write it anew without that feature with the tool that made it, or install entrepot[delta].",
    )


def _refuse_unknown(table: TableVersion, snapshot: Snapshot) -> None:
    protocol = snapshot.protocol
    unknown = sorted(protocol.reader_features - KNOWN_FEATURES)
    if protocol.reader > _HIGHEST_READER or unknown:
        raise DataError(
            f"table {table.name} needs reader version {protocol.reader}"
            + (f" with {', '.join(unknown)}" if unknown else "")
            + f"; known here are versions up to {_HIGHEST_READER} with {', '.join(sorted(KNOWN_FEATURES))}.",
            hint="Write it anew without these features with the tool that made it.",
        )


class _Unavailable(Exception):
    """This reader cannot read that table; the text says why."""


def _open_by_extension(connection: duckdb.DuckDBPyConnection, path: str, snapshot: Snapshot, names: list[str]) -> str:
    import duckdb

    try:
        load_delta_extension(connection)
    except MissingExtra as error:
        raise _Unavailable(error.message) from error
    _require_utc(connection, snapshot)
    relation = f"delta_scan({quote_text(escape_glob(path))}, version={snapshot.version})"
    items = ", ".join(map(quote, names))
    try:
        describe(connection, f"SELECT {items} FROM {relation}")
    except duckdb.Error as error:
        raise _Unavailable(f"DuckDB's delta extension: {_first_line(error)}") from error
    return f"(SELECT {items} FROM {relation})"


def _require_utc(connection: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> None:
    """Keep the extension away from instants unless the session is in UTC.

    It reads INT96 timestamps (older Spark, also today's by default) as local times of the session: silently shifted.
    """
    found = connection.execute("SELECT current_setting('TimeZone')").fetchone()
    zone = str(found[0]) if found else ""
    if zone.upper() not in ("UTC", "ETC/UTC", "GMT") and '"timestamp"' in snapshot.metadata.schema_string:
        raise _Unavailable(f"DuckDB's delta extension misreads instants in the session's time zone {zone}")


def load_delta_extension(connection: duckdb.DuckDBPyConnection) -> None:
    """Load DuckDB's delta extension, from its package on PyPI or as installed. Raises: MissingExtra."""
    import duckdb

    try:
        from duckdb_extensions import import_extension  # type: ignore[import-untyped,unused-ignore]

        import_extension("delta")
    except ImportError:
        pass  # it may be installed in DuckDB's own folder
    try:
        connection.execute("SET autoinstall_known_extensions = false")
        connection.execute("LOAD delta")
    except duckdb.Error as error:
        raise MissingExtra("duckdb-extension-delta", "delta") from error


def _open_by_deltars(connection: duckdb.DuckDBPyConnection, path: str, snapshot: Snapshot, names: list[str]) -> str:
    """Copy the rows into a temporary table: a stream could be read only once. DuckDB spills it when it is large."""
    try:
        from deltalake import DeltaTable, QueryBuilder
        from deltalake.exceptions import DeltaError
    except ImportError as error:
        raise _Unavailable("the library deltalake is not installed") from error
    copy = f"delta_{new_token()}"
    try:
        builder = QueryBuilder().register("t", DeltaTable(path, version=snapshot.version))
        stream = pa.RecordBatchReader.from_stream(builder.execute(f"SELECT {', '.join(map(quote, names))} FROM t"))
        connection.register(f"{copy}_stream", stream)
        try:
            connection.execute(f"CREATE TEMP TABLE {copy} AS SELECT * FROM {copy}_stream")
        finally:
            connection.unregister(f"{copy}_stream")
    except (DeltaError, OSError, pa.ArrowException, ValueError, RuntimeError) as error:
        raise _Unavailable(f"delta-rs: {_first_line(error)}") from error
    return f"(SELECT * FROM {copy})"


def _check_types(connection: duckdb.DuckDBPyConnection, relation: str, snapshot: Snapshot) -> None:
    """The reader must give the types that the log says. Raises: _Unavailable."""
    fields = fields_of(snapshot.metadata.schema_string)
    try:
        nulls = ", ".join(f"CAST(NULL AS {duckdb_type(each['type'])}) AS {quote(each['name'])}" for each in fields)
    except UnknownType as error:
        raise _Unavailable(f"the type {error} is not known") from error
    expected = describe(connection, f"SELECT {nulls}")
    found = describe(connection, f"SELECT * FROM {relation}")
    if found != expected:
        odd = sorted(name for name in expected if found.get(name) != expected[name])
        raise _Unavailable(f"the columns {', '.join(odd)} come in other types than the table's")


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
