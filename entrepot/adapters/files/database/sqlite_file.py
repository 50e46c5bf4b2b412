"""The format `sqlite_file`: a table of a SQLite database that was dropped as a file. What else stands in it (views, triggers) is never run."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa

from entrepot.adapters.files.database.options import DatabaseOptions
from entrepot.intake.faults import Faults
from entrepot.intake.sources.formats import FormatContext, Sniffed
from entrepot.kernel.errors import DataError
from entrepot.ports.relations import FAULT_TYPE, FAULTS, RECORD, Part, Stream

_BATCH_ROWS = 8_192
_MAGIC = b"SQLite format 3\x00"
_READ_ONLY = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_PRAGMA, sqlite3.SQLITE_FUNCTION})


class SqliteFormat:
    """Tables of database files."""

    def __init__(self, options: DatabaseOptions, context: FormatContext) -> None:
        self._options = options

    def parts(self, path: Path, place: str) -> list[Part]:
        """One part: the table's columns as text, in the order in which its rows are kept. The file is checked as a whole first."""
        table = self._find(path, place)
        return [Part(f"{place}#{table.name}", Stream(table.schema, table.batches))]

    def sniff(self, path: Path, place: str) -> Sniffed:
        """The table, its columns and number of rows."""
        table = self._find(path, place)
        return Sniffed("sqlite_file", table.columns, {"table": table.name, "rows": f"{table.count():,}"})

    def _find(self, path: Path, place: str) -> _Table:
        self._check_header(path, place)
        with _connect(path, place) as database:
            try:
                _check_whole(database, place)
                tables = _tables(database)
                name = self._choose(tables, place)
                columns = tuple(
                    str(row[1]) for row in database.execute(f"PRAGMA table_xinfo({_ident(name)})") if row[6] != 1
                )
                without_rowid = not _has_rowid(database, name)
            except sqlite3.DatabaseError as error:
                raise _broken(place, error) from error
        _check_names(columns, place, name)
        return _Table(path, place, name, columns, "" if without_rowid else "ORDER BY own.rowid")

    def _check_header(self, path: Path, place: str) -> None:
        with path.open("rb") as file:
            header = file.read(100)
        if not header.startswith(_MAGIC):
            raise DataError(
                f"{place} is not a SQLite database.", hint="Databases of other kinds are not read as files."
            )
        if len(header) == 100 and 2 in header[18:20] and self._options.wal == "refuse":
            raise DataError(
                f"{place} was written in WAL mode: what stood in its -wal file may be missing here.",
                hint="Have it copied with VACUUM INTO; if it was closed before it was copied, say sqlite_file.wal: ignore.",
            )

    def _choose(self, tables: Sequence[str], place: str) -> str:
        if self._options.table in tables:
            return str(self._options.table)
        found = ", ".join(tables) or "none"
        if self._options.table is not None:
            raise DataError(
                f"{place} has no table {self._options.table}; found: {found} (views are not run).",
                hint="Correct the option sqlite_file.table.",
            )
        if len(tables) != 1:
            raise DataError(
                f"{place} has {len(tables)} tables: {found}.", hint="Say which with the option sqlite_file.table."
            )
        return tables[0]


@dataclass(frozen=True, slots=True)
class _Table:
    path: Path
    place: str
    name: str
    columns: tuple[str, ...]
    order: str

    @property
    def schema(self) -> pa.Schema:
        texts = [pa.field(name, pa.string()) for name in self.columns]
        return pa.schema([*texts, pa.field(RECORD, pa.int64()), pa.field(FAULTS, FAULT_TYPE)])

    def count(self) -> int:
        with _connect(self.path, self.place) as database:
            return int(database.execute(f"SELECT count(*) FROM {_ident(self.name)}").fetchone()[0])

    def batches(self) -> Iterator[pa.RecordBatch]:
        # with the table's name before it a column that is not there is an error; SQLite takes it for a text else
        columns = ", ".join(f"own.{_ident(name)}" for name in self.columns)
        first = 1
        with _connect(self.path, self.place) as database:
            database.text_factory = _Text
            try:
                rows = database.execute(f"SELECT {columns} FROM {_ident(self.name)} AS own {self.order}")
                while some := rows.fetchmany(_BATCH_ROWS):
                    yield self._batch(some, first)
                    first += len(some)
            except sqlite3.DatabaseError as error:
                raise _broken(self.place, error) from error

    def _batch(self, rows: Sequence[tuple[Any, ...]], first: int) -> pa.RecordBatch:
        faults = Faults()
        columns = []
        for name, values in zip(self.columns, zip(*rows, strict=True), strict=True):
            texts: list[str | None] = []
            for place, value in enumerate(values):
                text, reason = _to_text(value)
                if reason is not None:
                    faults.add(place, name, at=f"record {first + place}", reason=reason, text=f"{len(value)} bytes")
                texts.append(text)
            columns.append(pa.array(texts, pa.string()))
        numbers = pa.array(range(first, first + len(rows)), pa.int64())
        return pa.RecordBatch.from_arrays([*columns, numbers, faults.array(len(rows))], schema=self.schema)


class _Text(bytes):
    """What SQLite calls text, told apart from a blob."""


def _to_text(value: Any) -> tuple[str | None, str | None]:
    """A value as text, or null and the reason why it is none."""
    match value:
        case None:
            return None, None
        case _Text():
            try:
                return value.decode(), None
            except UnicodeDecodeError:
                return None, "invalid_text"
        case bytes():
            return None, "binary_value"
        case float():
            return repr(value), None
        case _:
            return str(value), None


def _connect(path: Path, place: str) -> closing[sqlite3.Connection]:
    """A connection that writes nothing, beside the file neither, and runs nothing that the file brings."""
    address = f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1"
    try:
        database = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
        database.execute("PRAGMA trusted_schema = OFF")
        database.execute("PRAGMA cell_size_check = ON")
        database.execute("PRAGMA mmap_size = 0")
        database.execute("PRAGMA query_only = ON")
    except sqlite3.DatabaseError as error:
        raise _broken(place, error) from error
    database.set_authorizer(_allow)
    return closing(database)


def _allow(action: int, first: str | None, second: str | None, database: str | None, source: str | None) -> int:
    """Refuse what is no reading, and all that a view or trigger (`source`) would do."""
    return sqlite3.SQLITE_OK if action in _READ_ONLY and source is None else sqlite3.SQLITE_DENY


def _check_whole(database: sqlite3.Connection, place: str) -> None:
    (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise DataError(
            f"{place} is a damaged SQLite database.", hint="Have it sent again; sqlite3's .recover may help."
        )


def _tables(database: sqlite3.Connection) -> list[str]:
    rows = database.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table' ORDER BY name").fetchall()
    names = [name for name, sql in rows if not str(sql).upper().startswith("CREATE VIRTUAL TABLE")]
    return [name for name in names if not name.startswith("sqlite_")]


def _has_rowid(database: sqlite3.Connection, name: str) -> bool:
    try:
        database.execute(f"SELECT rowid FROM {_ident(name)} LIMIT 0")
    except sqlite3.OperationalError:
        return False
    return True


def _check_names(columns: Sequence[str], place: str, table: str) -> None:
    own = sorted({name for name in columns if name in (RECORD, FAULTS)})
    if own:
        raise DataError(f"{place}: the table {table} has a column {own[0]}, a name that is kept for system columns.")


def _ident(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _broken(place: str, error: Exception) -> DataError:
    return DataError(
        f"{place} cannot be read as a SQLite database: {error}.",
        hint="Perhaps it was cut off on its way: have it sent again.",
    )
