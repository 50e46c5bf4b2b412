"""The connector `sqlite` takes what grew, whole and once, and refuses what it could lose."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from entrepot.adapters.sqlite.source import look_back_from
from entrepot.connectors import ConnectorSpec, ReaderContext, build_reader, load_connector
from entrepot.kernel.errors import DataError, RunError, SystemError_
from entrepot.kernel.positions import Cursor, Position, RejectSet
from entrepot.ports.reader import Reader
from entrepot.ports.relations import FAULTS
from entrepot.testing.clock import FakeClock
from entrepot.testing.sources import (
    ConnectorConformance,
    Row,
    SourceConformance,
    SourceUnderTest,
    TypedRow,
    batches_of,
    claim_next,
    rows_of,
    take,
)


class Database:
    """A database with a table `orders(id, text)` that grows by id."""

    large_rows = 100_000
    secrets: Sequence[str] = ()

    def __init__(self, root: Path, *, gaps: Mapping[str, str] | None = None, **options: Any) -> None:
        self.root = root
        self.gaps: Mapping[str, str] = gaps or {}
        self._is_wide = False
        self.options = {"path": "erp.db", "table": "orders", "cursor": "id", **options}
        self.run("create table orders (id integer, text text)")

    def run(self, sql: str, rows: Sequence[Sequence[object]] = ((),)) -> None:
        """Execute and commit."""
        with closing(sqlite3.connect(self.root / "erp.db")) as connection, connection:
            connection.executemany(sql, rows) if sql.lower().startswith("insert") else connection.executescript(sql)

    def put(self, rows: Sequence[Row]) -> None:
        """Insert in one transaction."""
        if self._is_wide:
            self.run("insert into orders values (?, ?, ?)", [(row.id, row.text, f"extra {row.id}") for row in rows])
        else:
            self.run("insert into orders values (?, ?)", [(row.id, row.text) for row in rows])

    def put_typed(self, rows: Sequence[TypedRow]) -> None:
        """SQLite has no such types: programs keep them as text."""
        self.run("drop table orders; create table orders (id integer, amount text, at text, day text)")
        values = [(row.id, str(row.amount), row.at.isoformat(), row.day.isoformat()) for row in rows]
        self.run("insert into orders values (?, ?, ?, ?)", values)

    def widen(self) -> None:
        """Add a column."""
        self.run("alter table orders add column extra text")
        self._is_wide = True

    def disturb(self, position: Position) -> None:
        """Update the rows."""
        self.run("update orders set text = 'changed'")

    def build(self, **options: Any) -> Reader:
        """A reader with nothing but folder and clock."""
        return build_reader(
            "sqlite", {**self.options, **options}, ReaderContext(flow="erp", root=self.root, clock=FakeClock())
        )


class TestSpec(ConnectorConformance):
    """What the connector says about itself."""

    @pytest.fixture
    def spec(self) -> ConnectorSpec:
        """The spec."""
        return load_connector("sqlite")


class TestSqlite(SourceConformance):
    """A table with a growing number."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> SourceUnderTest:
        """A database."""
        return Database(tmp_path)


class TestSqliteWithoutLanding(SourceConformance):
    """The same, read from the database each time."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> SourceUnderTest:
        """A database whose rows never change."""
        return Database(
            tmp_path,
            land=False,
            gaps={
                "test_changed_after_claim": "without landing the rows are read from the database again",
                "test_schema_change": "without landing the columns are the database's at that moment",
            },
        )


class TestSqliteQuery(SourceConformance):
    """A query in place of a table."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> SourceUnderTest:
        """A SELECT that ends with a comment."""
        return Database(tmp_path, table=None, query="select * from orders -- all of them")


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """An empty table."""
    return Database(tmp_path)


def values(reader: Reader, position: Any) -> list[dict[str, Any]]:
    """All records whole."""
    return [row for part in reader.read(position) for batch in batches_of(part) for row in batch.to_pylist()]


def test_place_names_source_table_and_end(database: Database) -> None:
    """A row's origin says which range brought it."""
    database.put([Row(7, "x")])
    reader = database.build()
    (part,) = reader.read(claim_next(reader, None))
    assert part.place == "erp.orders@7"


def test_claimed_rows_do_not_change(database: Database) -> None:
    """Rows that are changed or deleted after the claim are read as they were, until they are settled."""
    database.put([Row(1, "one"), Row(2, "two")])
    position = claim_next(database.build(), None)
    database.run("update orders set text = 'other', id = 9 where id = 1; delete from orders where id = 2")
    assert rows_of(database.build().read(position)) == [Row(1, "one"), Row(2, "two")]
    database.build().acknowledge(position)
    assert list((database.root / ".entrepot/landing/erp").iterdir()) == []
    assert take(database.build(), position)[1] == [Row(9, "other")]


def test_range_that_was_never_planned_is_cleared_away(database: Database) -> None:
    """A crash between claim and plan leaves no file for ever."""
    database.put([Row(1, "one")])
    claim_next(database.build(), None)
    database.put([Row(2, "two")])
    claim_next(database.build(), None)
    assert len(list((database.root / ".entrepot/landing/erp").iterdir())) == 1


def test_equal_cursors_come_in_one_order(database: Database) -> None:
    """Rows of one cursor value are ordered by all columns, whatever the order in the file."""
    database.put([Row(1, text) for text in ("c", "a", "b")])
    first = rows_of(database.build(land=False).read(Cursor(None, 1)))
    database.run("create index by_text on orders (id, text desc)")
    assert rows_of(database.build(land=False).read(Cursor(None, 1))) == first == [Row(1, "a"), Row(1, "b"), Row(1, "c")]


def test_rows_without_cursor_are_refused_with_their_number(database: Database) -> None:
    """Rows that no range would ever hold stop the source; a query may leave them out on purpose."""
    database.put([Row(1, "x")])
    database.run("insert into orders values (?, ?)", [(None, "lost"), (None, "too")])
    with pytest.raises(DataError, match="2 rows have no value in id"):
        database.build().find_next(None)
    chosen = database.build(table=None, query="select * from orders where id is not null")
    assert take(chosen, None)[1] == [Row(1, "x")]


def test_mixed_kinds_of_cursor_are_refused(database: Database) -> None:
    """SQLite sorts every number before every text: later numbers would be lost."""
    database.run("create table mixed (id, text); insert into mixed values (1, 'a'), ('2', 'b')")
    with pytest.raises(DataError, match="several kinds"):
        database.build(table="mixed").find_next(None)


def test_values_as_sqlite_holds_them(database: Database) -> None:
    """Numbers exactly, texts as they are; blobs and broken texts are faults, not guesses."""
    database.run("create table odd (id integer, a, b)")
    rows = [(1, 2**62, 0.1), (2, "00001", None), (3, b"\x00\x01", ""), (4, 1e300, 5.0)]
    database.run("insert into odd values (?, ?, ?)", rows)
    database.run("insert into odd values (5, cast(x'ff41' as text), 1)")
    reader = database.build(table="odd")
    found = values(reader, claim_next(reader, None))
    assert [(row["a"], row["b"]) for row in found] == [
        ("4611686018427387904", "0.1"), ("00001", None), (None, ""), ("1e+300", "5.0"), (None, "1"),
    ]  # fmt: skip
    assert found[2][FAULTS] == [{"column": "a", "at": "record 3", "reason": "binary_value", "text": "2 bytes"}]
    assert found[4][FAULTS][0]["reason"] == "invalid_text"
    assert [row[FAULTS] for row in found[:2]] == [None, None]


def test_iso_instants_and_look_back(database: Database) -> None:
    """With look_back, rows that came late are seen; without it they are not."""
    database.run("create table log (at text, id integer, text text)")
    database.run(
        "insert into log values (?, ?, ?)", [("2026-01-01T10:00:00Z", 1, "a"), ("2026-01-01T12:00:00Z", 2, "b")]
    )
    options = {"table": "log", "cursor": "at"}
    position, rows = take(database.build(**options), None)
    assert position == Cursor(None, "2026-01-01T12:00:00Z")
    database.run(
        "insert into log values (?, ?, ?)", [("2026-01-01T11:30:00Z", 3, "late"), ("2026-01-01T13:00:00Z", 4, "d")]
    )
    assert [row.id for row in take(database.build(**options), position)[1]] == [4]
    found, rows = take(database.build(**options, look_back=3600), position)
    assert found == Cursor("2026-01-01T12:00:00Z", "2026-01-01T13:00:00Z")
    assert [row.id for row in rows] == [3, 2, 4]


@pytest.mark.parametrize(
    ("after", "seconds", "wanted"),
    [
        ("2026-03-01", 86_400, "2026-02-28"),
        ("2026-03-01 00:00:00", 1, "2026-02-28 23:59:59"),
        ("2026-03-01T00:00:00.5Z", 1, "2026-02-28T23:59:59"),
        ("2026-03-01T00:00:00+02:00", 3600, "2026-02-28T23:00:00"),
    ],
)
def test_look_back_keeps_the_notation(after: str, seconds: float, wanted: str) -> None:
    """The lower end sorts before every text of that instant in the same notation."""
    assert look_back_from(after, seconds, "x") == wanted


def test_look_back_needs_instants(database: Database) -> None:
    """A text that is no date cannot be looked back from."""
    with pytest.raises(DataError, match="ISO"):
        look_back_from("A-17", 5, "x")


def test_database_is_never_written(database: Database) -> None:
    """A query cannot change the source."""
    database.put([Row(1, "x")])
    with pytest.raises(DataError):
        database.build(table=None, query="delete from orders returning *").find_next(None)
    assert take(database.build(), None)[1] == [Row(1, "x")]


def test_what_is_wrong_is_said(database: Database) -> None:
    """Missing files, tables and columns are told apart."""
    with pytest.raises(SystemError_, match="is not there"):
        database.build(path="other.db").find_next(None)
    with pytest.raises(DataError, match="no such table"):
        database.build(table="other").find_next(None)
    with pytest.raises(DataError, match="no column 'nr'; it has id, text"):
        database.build(cursor="nr").find_next(None)
    (database.root / "text.db").write_text("not a database at all, but long enough to be looked at" * 20)
    with pytest.raises(DataError, match="cannot be read as a SQLite database"):
        database.build(path="text.db").find_next(None)


def test_other_positions_are_refused(database: Database) -> None:
    """After a retry of rejects the last range is not known: starting anew would double every row."""
    with pytest.raises(RunError, match="kind rejects"):
        database.build().find_next(RejectSet((1,)))


def test_locked_database_is_out_of_reach(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that another program holds fails the run; the position stays."""
    monkeypatch.setattr("entrepot.adapters.sqlite.source._BUSY_S", 0.05)
    database.put([Row(1, "x")])
    with closing(sqlite3.connect(database.root / "erp.db", isolation_level=None)) as other:
        other.execute("begin exclusive")
        with pytest.raises(SystemError_, match="cannot be reached"):
            database.build().find_next(None)
