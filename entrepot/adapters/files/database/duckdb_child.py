"""The process that opens a DuckDB file: `… FILE` lists its tables as JSON, `… FILE SCHEMA TABLE` writes a table as an Arrow stream.

A damaged file may end a process; this one may be lost. It is started by its path and imports nothing of ours.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

_TYPED = ("BLOB", "STRUCT", "MAP", "UNION", "GEOMETRY", "BIT")
"""Types without an exact text of one meaning; they are handed on as they are, and the engine judges them."""
_SETTINGS = {
    "enable_external_access": "false", "autoload_known_extensions": "false", "autoinstall_known_extensions": "false",
    "memory_limit": "1GB", "threads": "1", "lock_configuration": "true",
}  # fmt: skip


def main(arguments: list[str]) -> int:
    """Do what the arguments say; what is wrong goes to stderr in one line."""
    import duckdb

    try:
        with duckdb.connect(arguments[0], read_only=True) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            for name, value in _SETTINGS.items():
                connection.execute(f"SET {name} = '{value}'")
            if len(arguments) == 1:
                _list(connection)
            else:
                _write(connection, arguments[1], arguments[2])
    except duckdb.Error as error:
        print(str(error).splitlines()[0][:300], file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _list(connection: duckdb.DuckDBPyConnection) -> None:
    rows = connection.execute(
        "SELECT schema_name, table_name, estimated_size FROM duckdb_tables() WHERE NOT internal AND NOT temporary ORDER BY ALL"
    ).fetchall()
    sys.stdout.write(json.dumps(rows))


def _write(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> None:
    import pyarrow as pa

    columns = connection.execute(
        "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = ? AND table_name = ? ORDER BY column_index",
        [schema, table],
    ).fetchall()
    chosen = ", ".join(
        _ident(name) if kind.endswith("]") or kind.startswith(_TYPED) else f"{_ident(name)}::VARCHAR AS {_ident(name)}"
        for name, kind in columns
    )
    reader = connection.execute(f"SELECT {chosen} FROM {_ident(schema)}.{_ident(table)}").to_arrow_reader(8_192)
    with pa.ipc.new_stream(sys.stdout.buffer, reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)


def _ident(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
