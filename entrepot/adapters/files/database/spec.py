"""The formats `sqlite_file` and `duckdb_file`: what people read about them, their options, and how their readers are built."""

from __future__ import annotations

from entrepot.adapters.files.database.options import DatabaseOptions
from entrepot.intake.sources.fields import FieldSpec, Options
from entrepot.intake.sources.formats import FormatContext, FormatReader, FormatSpec


def _build_duckdb(options: Options, context: FormatContext) -> FormatReader:
    from entrepot.adapters.files.database.duckdb_file import DuckdbFormat

    return DuckdbFormat(DatabaseOptions(**options), context)


def _build(options: Options, context: FormatContext) -> FormatReader:
    from entrepot.adapters.files.database.sqlite_file import SqliteFormat

    return SqliteFormat(DatabaseOptions(**options), context)


SQLITE = FormatSpec(
    name="sqlite_file",
    summary="A table of a SQLite database that arrives as a file.",
    description="""\
The whole file is checked, then the table is read in the order in which its rows are kept. Views, triggers and virtual tables are never run.
Blobs and texts that are not UTF-8 put their row into quarantine. A database that stays where it is, is read with the connector sqlite.""",
    example_yaml="""\
connector: files
options:
  path: storage/tills
  pattern: "*.db"
  sqlite_file: {table: receipts}
""",
    extensions=(".db", ".sqlite", ".sqlite3"),
    fields=(
        FieldSpec(name="table", type="string", description="Its name; needed where there are several."),
        FieldSpec(
            name="wal", type="string", default="refuse", choices=("refuse", "ignore"),
            description="What to do with a file in WAL mode, which may lack what stood in its -wal file.",
        ),
    ),
    build=_build,
)  # fmt: skip

DUCKDB = FormatSpec(
    name="duckdb_file",
    summary="A table of a DuckDB database that arrives as a file.",
    description="""\
Read by a process of its own, read-only and without access to anything else; views are never run. Values are handed on as text, so that
nothing is rounded; lists, structs and bytes as they are. What stood in a .wal file beside the database is not here.""",
    example_yaml="""\
connector: files
options:
  path: storage/analysts
  pattern: "*.duckdb"
  duckdb_file: {table: forecast}
""",
    extensions=(".duckdb",),
    fields=(
        FieldSpec(name="table", type="string", description="Its name, or schema.name; needed where there are several."),
    ),
    build=_build_duckdb,
)
