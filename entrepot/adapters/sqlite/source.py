"""The connector `sqlite`: rows of a SQLite database that came since last time, by a column that only grows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa

from entrepot.adapters.sqlite.extract import Extract, decode_text, read_batches, rows_schema
from entrepot.intake.sources.base import ReaderContext
from entrepot.intake.sources.fields import FieldSpec, Options, Places
from entrepot.intake.sources.spec import Capability, ConnectorSpec
from entrepot.kernel.errors import DataError, ProjectError, RunError, SystemError_
from entrepot.kernel.ids import hash_text
from entrepot.kernel.points import reached
from entrepot.kernel.positions import Cursor, CursorValue, Position
from entrepot.ports.relations import Part, Stream

_BUSY_S = 10.0


@dataclass(frozen=True, slots=True)
class SqliteOptions:
    """Which rows, and by which column they grow."""

    path: Path
    cursor: str
    table: str | None = None
    query: str | None = None
    look_back: float | None = None
    land: bool = True

    @property
    def relation(self) -> str:
        """What stands after FROM."""
        # The line end closes a comment at the end of the query.
        return _quote(self.table) if self.table is not None else f"({(self.query or '').rstrip().rstrip(';')}\n)"

    @property
    def label(self) -> str:
        """What people call it."""
        return self.table or "query"


class SqliteReader:
    """Reads (after, upto] of the cursor column, ordered by it. Opens the database read-only, anew for each step."""

    def __init__(self, options: SqliteOptions, context: ReaderContext) -> None:
        self._options = options
        self._path = context.root / options.path
        self._flow = context.flow
        self._folder = context.runtime / "landing" / context.flow

    def find_next(self, previous: Position | None) -> Cursor | None:
        """From where the last range ended to the greatest value there is.

        Raises: DataError for rows without a cursor value, as no range would ever hold them; for values of several kinds.
        """
        after = _as_cursor(previous).upto if previous is not None else None
        with self._connected() as connection:
            self._check_columns(self._names(connection))
            self._check_cursor_values(connection)
            upto = self._find_greatest(connection)
        if upto is None or (after is not None and not self._is_greater(upto, after)):
            return None
        return Cursor(after, upto)

    def claim(self, position: Position) -> Cursor:
        """Keep the rows of the range in a file until they are settled: in the database they may change."""
        cursor = _as_cursor(position)
        reached("claim.before")
        if self._options.land:
            with self._connected() as connection, closing(self._select(connection, cursor)) as rows:
                self._extract(cursor).write(self._names(connection), rows)
            reached("claim.moved")
        reached("claim.after")
        return cursor

    def read(self, position: Position) -> list[Part]:
        """One part, `flow.table@upto`: all values as text, as SQLite holds them."""
        cursor = _as_cursor(position)
        place = f"{self._flow}.{self._options.label}@{cursor.upto}"
        extract = self._extract(cursor)
        if extract.exists():
            return [Part(place, extract.stream())]
        with self._connected() as connection:
            names = self._names(connection)
        self._check_columns(names)
        return [Part(place, Stream(rows_schema(names), lambda: self._stream(cursor, names)))]

    def acknowledge(self, position: Position) -> None:
        """Forget the kept rows."""
        self._extract(_as_cursor(position)).remove()
        reached("acknowledge.moved")

    def refuse(self, position: Position, reason: str) -> None:
        """Forget the kept rows; the database itself is never changed."""
        self._extract(_as_cursor(position)).remove()

    @property
    def _column(self) -> str:
        return _quote(self._options.cursor)

    @property
    def _where(self) -> str:
        return f"{self._path.name}, {self._options.label}"

    def _extract(self, cursor: Cursor) -> Extract:
        asked = (self._options.relation, self._options.cursor, repr(self._options.look_back))
        return Extract(self._folder / f"{hash_text(*asked, repr(cursor.after), repr(cursor.upto))}.arrow")

    def _stream(self, cursor: Cursor, names: list[str]) -> Iterator[pa.RecordBatch]:
        with self._connected() as connection, closing(self._select(connection, cursor)) as rows:
            yield from read_batches(names, rows)

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        if not self._path.is_file():
            raise SystemError_(f"the database {self._path} is not there.", hint="Check the option path of the source.")
        try:
            connection = sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_S)
            connection.text_factory = decode_text
            with closing(connection):
                yield connection
        except sqlite3.OperationalError as error:
            raise self._explain(error) from error
        except sqlite3.Error as error:
            raise DataError(f"{self._path.name} cannot be read as a SQLite database: {error}.") from error

    def _explain(self, error: sqlite3.OperationalError) -> Exception:
        if "locked" in str(error) or "unable to open" in str(error):
            return SystemError_(
                f"the database {self._path.name} cannot be reached: {error}.", hint="Does another program hold it?"
            )
        return DataError(f"{self._where}: {error}.", hint="Check the options table, query and cursor of the source.")

    def _names(self, connection: sqlite3.Connection) -> list[str]:
        return [item[0] for item in connection.execute(f"SELECT * FROM {self._options.relation} LIMIT 0").description]

    def _check_columns(self, names: list[str]) -> None:
        lower = [name.lower() for name in names]
        twice = sorted({name for name in names if lower.count(name.lower()) > 1})
        if twice:
            raise DataError(
                f"{self._where} has columns of one name: {', '.join(twice)}.", hint="Rename them in the query with AS."
            )
        if self._options.cursor.lower() not in lower:
            # SQLite itself would take the unknown name in double quotes for a text.
            raise DataError(f"{self._where} has no column {self._options.cursor!r}; it has {', '.join(names)}.")

    def _check_cursor_values(self, connection: sqlite3.Connection) -> None:
        column, relation = self._column, self._options.relation
        missing = connection.execute(f"SELECT count(*) FROM {relation} WHERE {column} IS NULL").fetchone()[0]
        if missing:
            raise DataError(
                f"{self._where}: {missing:,} rows have no value in {self._options.cursor}; they would never be taken.",
                hint="Fill it, or leave these rows out on purpose with a query: SELECT … WHERE … IS NOT NULL.",
            )
        # SQLite orders numbers < text < blobs: with two kinds in one column, later rows would sort below earlier ones.
        kinds = {
            connection.execute(f"SELECT typeof({end}({column})) FROM {relation}").fetchone()[0]
            for end in ("min", "max")
        } - {"null"}
        if "blob" in kinds or ("text" in kinds and len(kinds) > 1):
            raise DataError(
                f"{self._where}: {self._options.cursor} holds values of several kinds or blobs ({', '.join(sorted(kinds))}); "
                "allowed are numbers, or texts that sort as they grow."
            )

    def _find_greatest(self, connection: sqlite3.Connection) -> CursorValue:
        value = connection.execute(f"SELECT max({self._column}) FROM {self._options.relation}").fetchone()[0]
        if value is None or isinstance(value, int | float | str):
            return value
        raise DataError(f"{self._where}: the greatest value of {self._options.cursor} is not UTF-8.")

    def _is_greater(self, upto: CursorValue, after: CursorValue) -> bool:
        if isinstance(upto, str) and isinstance(after, str):
            return upto.encode() > after.encode()  # as SQLite compares texts
        if isinstance(upto, int | float) and isinstance(after, int | float):
            return upto > after
        raise DataError(f"{self._where}: {self._options.cursor} held {_kind(after)} and now holds {_kind(upto)}.")

    def _select(self, connection: sqlite3.Connection, cursor: Cursor) -> sqlite3.Cursor:
        names = self._names(connection)
        lower = self._lower_end(cursor.after)
        where = f"{self._column} <= ?" if lower is None else f"{self._column} > ? AND {self._column} <= ?"
        # By every column after it: rows of one cursor value would otherwise come in any order.
        order = ", ".join([self._column, *(str(number) for number in range(1, len(names) + 1))])
        values = [cursor.upto] if lower is None else [lower, cursor.upto]
        return connection.execute(f"SELECT * FROM {self._options.relation} WHERE {where} ORDER BY {order}", values)

    def _lower_end(self, after: CursorValue) -> CursorValue:
        look_back = self._options.look_back
        if after is None or look_back is None:
            return after
        return look_back_from(after, look_back, self._where) if isinstance(after, str) else after - look_back


def look_back_from(after: str, seconds: float, where: str) -> str:
    """A text that sorts at or before the ISO instant `seconds` before `after`, in the same notation.

    Raises: DataError when `after` is not ISO 8601.
    """
    try:
        instant = datetime.fromisoformat(after) - timedelta(seconds=seconds)
    except (ValueError, OverflowError) as error:
        raise DataError(f"{where}: look_back needs ISO dates or instants in the cursor column, or numbers.") from error
    if len(after) <= len("2026-01-01"):
        return f"{instant:%Y-%m-%d}"
    # Without fraction and zone it sorts before every text that goes on with them.
    return instant.replace(tzinfo=None).isoformat(after[10], "seconds")


def _as_cursor(position: Position) -> Cursor:
    if not isinstance(position, Cursor):
        raise RunError(
            f"a source with a cursor was given a position of kind {position.kind}; it reads kind cursor only."
        )
    return position


def _kind(value: CursorValue) -> str:
    return "texts" if isinstance(value, str) else "numbers"


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _build(options: Options, context: ReaderContext) -> SqliteReader:
    return SqliteReader(SqliteOptions(**{**options, "path": Path(options["path"])}), context)


def _check(options: Options, places: Places) -> list[ProjectError]:
    if (options["table"] is None) == (options["query"] is None):
        return [ProjectError("connector sqlite needs either the option table or the option query.", place=places(()))]
    return []


SPEC = ConnectorSpec(
    name="sqlite",
    summary="Rows of a table or query of a SQLite database, by a column that only grows.",
    description="""\
Each batch takes the rows whose cursor is greater than the last one taken, up to the greatest there is. The rows are kept in
a file until they are settled, so that a batch that is done again reads the same (land: false: they are read from the
database again; for tables whose rows never change).

Rows without a value in the cursor column would never be taken; while there are any, the source refuses to go on and says how
many. Rows that come late, with a cursor that is not greater than the last one taken, are only seen with look_back: then
each batch reads again what lies so far back, and the dataset must be written by merge.""",
    example_yaml="""\
connector: sqlite
options:
  path: data/erp.db
  table: orders
  cursor: updated_at
  look_back: 3600
""",
    fields=(
        FieldSpec(name="path", type="string", required=True, description="The database's file, from the project's folder or absolute."),
        FieldSpec(name="table", type="string", description="A table or view; or else query."),
        FieldSpec(name="query", type="string", description="One SELECT in SQLite's dialect; or else table."),
        FieldSpec(name="cursor", type="string", required=True, description="The column that grows: numbers, or ISO dates and instants as text."),
        FieldSpec(name="look_back", type="number", minimum=0, description="How far each batch looks back: in the cursor's unit, in seconds for instants."),
        FieldSpec(name="land", type="boolean", default=True, description="Keep the rows in a file until they are settled."),
    ),
    factory=_build,
    capabilities=frozenset({Capability.CURSOR, Capability.LANDS}),
    check=_check,
)  # fmt: skip
