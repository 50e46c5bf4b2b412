"""Rows and position come into a SQLite table in one transaction, once, and exactly as they were."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entrepot.adapters.sqlite.writer import SqliteTableWriter
from entrepot.kernel.errors import DamageError, DataError, ProjectError, RunError, SystemError_
from entrepot.ports.engine import REJECT_SCHEMA, Staged, StagedFile
from entrepot.ports.writer import Append, Batch, Committed, Merge, Replace, WriteMode, Writer

SCHEMA = pa.schema([("id", pa.int64()), ("name", pa.string()), ("amount", pa.decimal128(18, 2))])


def stage(folder: Path, table: pa.Table, *, files: int = 1) -> Staged:
    """The table as staged Parquet files."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number in range(files):
        path = folder / f"{len(list(folder.iterdir()))}.parquet"
        first, end = (n * table.num_rows // files for n in (number, number + 1))
        part = table.slice(first, end - first)
        pq.write_table(part, path)
        made.append(StagedFile(path, part.num_rows, path.stat().st_size))
    return Staged(table.schema, tuple(made))


def rows(*values: tuple[int, str | None, str]) -> pa.Table:
    """Rows of SCHEMA."""
    columns = list(zip(*values, strict=True)) or [(), (), ()]
    return pa.table(
        [
            pa.array(columns[0], pa.int64()),
            pa.array(columns[1], pa.string()),
            pa.array(map(Decimal, columns[2]), SCHEMA.field(2).type),
        ],
        schema=SCHEMA,
    )


def batch(folder: Path, sequence: int, table: pa.Table, mode: WriteMode | None = None, flow: str = "f") -> Batch:
    return Batch(
        flow, sequence, stage(folder / "staged", table), mode or Append(), {"sequence": sequence, "flow": flow}
    )


def content(folder: Path, table: str = "t") -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / "x.db")) as connection:
        return sorted(connection.execute(f'SELECT * FROM "{table}"').fetchall(), key=repr)


def prepared(
    folder: Path, schema: pa.Schema = SCHEMA, *, table: str = "t", key: Sequence[str] = ("id",)
) -> SqliteTableWriter:
    writer = SqliteTableWriter(folder / "x.db", table, schema, key=key)
    writer.prepare()
    return writer


def test_a_commit_brings_rows_and_position(tmp_path: Path) -> None:
    """What the commit did can be asked afterwards, by another writer object too."""
    writer: Writer = prepared(tmp_path)
    assert (writer.version(), writer.last_sequence("f"), writer.find_commit("f", 1)) == (0, 0, None)
    done = writer.commit(batch(tmp_path, 1, rows((1, "a", "1.50"), (2, None, "-0.01"))))
    assert done == Committed(1, 2, 0, {"sequence": 1, "flow": "f"})
    again = SqliteTableWriter(tmp_path / "x.db", "t", SCHEMA, key=("id",))
    assert (again.version(), again.last_sequence("f"), again.find_commit("f", 1)) == (1, 1, done)
    assert (again.last_sequence("g"), again.find_commit("f", 2)) == (0, None)
    assert content(tmp_path) == [(1, "a", "1.50"), (2, None, "-0.01")]


@pytest.mark.req("X3")
def test_the_same_batch_twice_is_written_once(tmp_path: Path) -> None:
    """The second commit does nothing and says what the first did."""
    writer = prepared(tmp_path, key=())
    made = batch(tmp_path, 1, rows((1, "a", "1.50")))
    first = writer.commit(made)
    assert writer.commit(made) == first
    assert content(tmp_path) == [(1, "a", "1.50")]
    assert writer.version() == 1


def test_sequences_may_skip_but_not_go_back(tmp_path: Path) -> None:
    """A batch may have nothing for this table; one that comes after its successor is damage."""
    writer = prepared(tmp_path)
    writer.commit(batch(tmp_path, 3, rows((1, "a", "1"))))
    with pytest.raises(DamageError, match="holds batch 3 of f, but not 2"):
        writer.commit(batch(tmp_path, 2, rows((2, "b", "1"))))
    writer.commit(batch(tmp_path, 2, rows((2, "b", "1")), flow="g"))
    assert (writer.last_sequence("f"), writer.last_sequence("g"), writer.version()) == (3, 2, 2)


def test_a_merge_updates_and_adds(tmp_path: Path) -> None:
    """Removed counts the rows that were there under the batch's keys."""
    writer = prepared(tmp_path)
    writer.commit(batch(tmp_path, 1, rows((1, "a", "1"), (2, "b", "2"))))
    done = writer.commit(batch(tmp_path, 2, rows((2, "c", "3"), (3, "d", "4")), Merge(("id",))))
    assert (done.version, done.added, done.removed) == (2, 2, 1)
    assert content(tmp_path) == [(1, "a", "1.00"), (2, "c", "3.00"), (3, "d", "4.00")]


def test_a_merge_by_all_columns_adds_what_is_new(tmp_path: Path) -> None:
    """There is nothing left to update."""
    schema = pa.schema([("id", pa.int64())])
    writer = prepared(tmp_path, schema)
    for sequence, ids in ((1, [1, 2]), (2, [2, 3])):
        writer.commit(batch(tmp_path, sequence, pa.table({"id": ids}, schema=schema), Merge(("id",))))
    assert content(tmp_path) == [(1,), (2,), (3,)]


def test_a_merge_needs_the_tables_key_and_whole_keys(tmp_path: Path) -> None:
    """A null or doubled key would add rows where one should be updated; nothing of the batch remains."""
    schema = pa.schema([("id", pa.int64()), ("v", pa.string())])
    writer = prepared(tmp_path, schema)
    with pytest.raises(ProjectError, match="the merge is by v, the table's key is id"):
        writer.commit(batch(tmp_path, 1, pa.table({"id": [1], "v": ["a"]}, schema=schema), Merge(("v",))))
    for ids, says in (([1, None], "no value in its key"), ([1, 1], "stands twice")):
        with pytest.raises(DataError, match=says):
            writer.commit(batch(tmp_path, 1, pa.table({"id": ids, "v": ["a", "b"]}, schema=schema), Merge(("id",))))
    assert (content(tmp_path), writer.version()) == ([], 0)


def test_a_replace_removes_what_matches(tmp_path: Path) -> None:
    """By a predicate, or all."""
    writer = prepared(tmp_path)
    writer.commit(batch(tmp_path, 1, rows((1, "a", "1"), (2, "b", "2"), (3, "c", "3"))))
    done = writer.commit(batch(tmp_path, 2, rows((4, "d", "4")), Replace("id >= 2 AND name <> 'c'")))
    assert (done.added, done.removed) == (1, 1)
    assert [row[0] for row in content(tmp_path)] == [1, 3, 4]
    done = writer.commit(batch(tmp_path, 3, rows((9, "z", "9")), Replace(None)))
    assert (done.added, done.removed) == (1, 3)
    assert [row[0] for row in content(tmp_path)] == [9]


def test_an_empty_batch_takes_its_number(tmp_path: Path) -> None:
    """As voiding does: a commit without rows, whatever schema it names."""
    writer = prepared(tmp_path)
    done = writer.commit(Batch("f", 1, Staged(pa.schema([])), Append(), {"void": "poison"}))
    assert (done.version, done.added, writer.last_sequence("f")) == (1, 0, 1)


def test_a_key_that_is_there_already_takes_back_the_whole_batch(tmp_path: Path) -> None:
    """An append never leaves half a batch."""
    writer = prepared(tmp_path)
    writer.commit(batch(tmp_path, 1, rows((1, "a", "1"))))
    with pytest.raises(DataError, match="key"):
        writer.commit(batch(tmp_path, 2, rows((5, "new", "1"), (1, "again", "1"))))
    assert (content(tmp_path), writer.last_sequence("f")) == ([(1, "a", "1.00")], 1)


def test_many_rows_in_many_files_are_read_in_portions(tmp_path: Path) -> None:
    """More rows than are read at once, over several files, in order."""
    table = rows(*((number, str(number), "1") for number in range(20_000)))
    writer = prepared(tmp_path)
    done = writer.commit(Batch("f", 1, stage(tmp_path / "s", table, files=3), Append()))
    assert done.added == 20_000
    assert len(content(tmp_path)) == 20_000


def test_files_that_lost_rows_are_refused(tmp_path: Path) -> None:
    """Staging said one number, the files hold another."""
    writer = prepared(tmp_path)
    staged = stage(tmp_path / "s", rows((1, "a", "1")))
    wrong = Staged(SCHEMA, (StagedFile(staged.files[0].path, 2, 1),))
    with pytest.raises(RunError, match="staged with 2 rows, its files hold 1"):
        writer.commit(Batch("f", 1, wrong, Append()))
    assert content(tmp_path) == []


ALL_TYPES = pa.schema(
    [
        ("text", pa.string()),
        ("large", pa.large_string()),
        ("small", pa.int32()),
        ("real", pa.float64()),
        ("flag", pa.bool_()),
        ("wide", pa.decimal128(38, 10)),
        ("tiny", pa.decimal128(9, 7)),
        ("day", pa.date32()),
        ("instant", pa.timestamp("us", tz="Europe/Vienna")),
        ("wall", pa.timestamp("ms")),
        ("clock", pa.time64("us")),
        ("raw", pa.binary()),
        ("codes", pa.dictionary(pa.int8(), pa.string())),
        ("warnings", pa.list_(pa.string())),
        ("nested", pa.list_(pa.struct([("d", pa.decimal128(5, 2)), ("t", pa.timestamp("us", tz="UTC")), ("e", pa.date32())]))),
    ]
)  # fmt: skip


def test_every_type_stands_exactly_as_documented(tmp_path: Path) -> None:
    """No decimal becomes a float, no instant loses its zone, a null stays null."""
    at = datetime(2026, 7, 1, 12, 0, 0, 5, tzinfo=UTC)
    row = {
        "text": "O'Brien\0żółw", "large": "", "small": -(2**31), "real": 0.1, "flag": True,
        "wide": Decimal("1234567890123456789012345678.0000000001"), "tiny": Decimal("0.0000001"),
        "day": date(1, 1, 1), "instant": at, "wall": datetime(9999, 12, 31, 23, 59, 59), "clock": time(1, 2, 3),  # noqa: DTZ001
        "raw": b"\0\xff", "codes": "x", "warnings": ["r1", "ä"],
        "nested": [{"d": Decimal("0.10"), "t": at, "e": date(2026, 1, 2)}, None],
    }  # fmt: skip
    nothing = dict.fromkeys(row)
    prepared(tmp_path, ALL_TYPES, key=()).commit(
        batch(tmp_path, 1, pa.Table.from_pylist([row, nothing], schema=ALL_TYPES))
    )
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        connection.row_factory = sqlite3.Row
        found, empty = [dict(r) for r in connection.execute("SELECT * FROM t")]
        kinds = connection.execute(
            "SELECT typeof(wide), typeof(flag), typeof(real), typeof(day), typeof(raw) FROM t"
        ).fetchone()
        on_day = connection.execute("SELECT date(instant), strftime('%H:%M', instant) FROM t").fetchone()
    assert found == {
        "text": "O'Brien\0żółw", "large": "", "small": -(2**31), "real": 0.1, "flag": 1,
        "wide": "1234567890123456789012345678.0000000001", "tiny": "0.0000001",
        "day": "0001-01-01", "instant": "2026-07-01T12:00:00.000005Z", "wall": "9999-12-31T23:59:59.000000",
        "clock": "01:02:03.000000", "raw": b"\0\xff", "codes": "x", "warnings": '["r1", "ä"]',
        "nested": '[{"d": "0.10", "t": "2026-07-01T12:00:00.000005Z", "e": "2026-01-02"}, null]',
    }  # fmt: skip
    assert set(empty.values()) == {None}
    assert tuple(kinds) == ("text", "integer", "real", "text", "blob")
    assert tuple(on_day) == ("2026-07-01", "12:00")


@given(st.lists(st.decimals(min_value=-(10**15), max_value=10**15, places=2, allow_nan=False), min_size=1))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_decimals_come_back_digit_by_digit(tmp_path: Path, values: list[Decimal]) -> None:
    """Text of the column's scale, equal to the decimal that went in."""
    schema = pa.schema([("n", pa.int64()), ("d", pa.decimal128(18, 2))])
    table = pa.table({"n": range(len(values)), "d": values}, schema=schema)
    writer = prepared(tmp_path, schema, key=())
    writer.commit(batch(tmp_path, writer.last_sequence("f") + 1, table, Replace(None)))
    found = [text for _, text in sorted(content(tmp_path))]
    assert list(map(Decimal, found)) == values
    assert all(text[-3] == "." for text in found)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (pa.float64(), float("nan")),
        (pa.uint64(), 2**63),
        (pa.timestamp("ns", tz="UTC"), 1),
        (pa.timestamp("s", tz="UTC"), 10**12),
        (pa.list_(pa.float64()), [float("nan")]),
        (pa.list_(pa.binary()), [b"x"]),
    ],
)
def test_what_sqlite_cannot_keep_is_refused_not_changed(tmp_path: Path, kind: pa.DataType, value: object) -> None:
    """NaN would become null, a nanosecond would be cut; the error names the column and no value."""
    schema = pa.schema([("v", kind)])
    writer = prepared(tmp_path, schema, key=())
    with pytest.raises(DataError, match="column v holds a value that SQLite cannot keep"):
        writer.commit(batch(tmp_path, 1, pa.table([pa.array([value], kind)], schema=schema)))
    assert (content(tmp_path), writer.last_sequence("f")) == ([], 0)


def test_types_that_cannot_be_kept_are_refused_at_once(tmp_path: Path) -> None:
    """Before anything is created; so are names that SQLite cannot tell apart."""
    for schema, says in (
        (pa.schema([("v", pa.duration("s"))]), "cannot be kept exactly"),
        (pa.schema([("a", pa.int64()), ("A", pa.int64())]), "ignores case"),
        (pa.schema([]), "none"),
    ):
        with pytest.raises(ProjectError, match=says):
            SqliteTableWriter(tmp_path / "x.db", "t", schema)
    for table, key in (("sqlite_x", ()), ("_entrepot_positions", ()), ("t", ("other",))):
        with pytest.raises(ProjectError):
            SqliteTableWriter(tmp_path / "x.db", table, SCHEMA, key=key)
    assert not (tmp_path / "x.db").exists()


def test_quarantine_rows_are_kept_as_json(tmp_path: Path) -> None:
    """The port's schema of rejects fits a target."""
    reason = {"rule": "not_null", "column": "a", "value": None, "expected": "a value", "at": "x.csv#3"}
    row = dict.fromkeys(REJECT_SCHEMA.names) | {"_record_id": 1, "row": '{"a": null}', "reasons": [reason]}
    prepared(tmp_path, REJECT_SCHEMA, key=()).commit(
        batch(tmp_path, 1, pa.Table.from_pylist([row], schema=REJECT_SCHEMA))
    )
    assert '"at": "x.csv#3"' in content(tmp_path)[0][-1]


def test_new_columns_are_added_and_changed_ones_refused(tmp_path: Path) -> None:
    """More digits before the point are no change; other decimals or another kind are."""
    prepared(tmp_path).commit(batch(tmp_path, 1, rows((1, "a", "1"))))
    wider = pa.schema([*SCHEMA, ("note", pa.string())]).set(2, pa.field("amount", pa.decimal128(30, 2)))
    writer = prepared(tmp_path, wider)
    writer.commit(batch(tmp_path, 2, rows((2, "b", "2"))))
    assert content(tmp_path) == [(1, "a", "1.00", None), (2, "b", "2.00", None)]
    for kind in (pa.decimal128(18, 3), pa.string(), pa.float64()):
        with pytest.raises(ProjectError, match=r"t\.amount is declared DECIMAL_TEXT\(18,2\)"):
            prepared(tmp_path, SCHEMA.set(2, pa.field("amount", kind)))
    with pytest.raises(ProjectError, match="no column for note"):
        SqliteTableWriter(tmp_path / "x.db", "t", SCHEMA, key=("id",)).commit(
            batch(tmp_path, 3, pa.table({"note": ["x"]}))
        )
    with pytest.raises(RunError, match="column id was staged as string"):
        writer.commit(batch(tmp_path, 3, pa.table({"id": ["x"]})))


def test_a_changed_key_is_enforced_from_then_on(tmp_path: Path) -> None:
    """A key that the rows break is refused; without key rows may repeat."""
    prepared(tmp_path, key=()).commit(batch(tmp_path, 1, rows((1, "a", "1"), (1, "b", "1"))))
    with pytest.raises(ProjectError, match="several rows of one key"):
        prepared(tmp_path, key=("id",))
    writer = prepared(tmp_path, key=("name", "id"))
    with pytest.raises(DataError):
        writer.commit(batch(tmp_path, 2, rows((1, "a", "1"))))


def test_the_identity_tells_a_table_from_its_successor(tmp_path: Path) -> None:
    """It stays over preparing again, and differs for another file or table."""
    writer = prepared(tmp_path)
    assert prepared(tmp_path).identity() == writer.identity()
    assert prepared(tmp_path, table="u").identity() != writer.identity()
    (tmp_path / "x.db").rename(tmp_path / "old.db")
    assert (writer.version(), writer.last_sequence("f")) == (-1, 0)
    with pytest.raises(DamageError):
        writer.identity()
    assert prepared(tmp_path).version() == 0


def test_a_table_that_was_dropped_is_not_silently_made_anew(tmp_path: Path) -> None:
    """Its positions say that rows were there."""
    writer = prepared(tmp_path)
    writer.commit(batch(tmp_path, 1, rows((1, "a", "1"))))
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        connection.execute("DROP TABLE t")
    assert writer.version() == -1
    with pytest.raises(DamageError, match="is gone, but 1 commits"):
        writer.prepare()


def test_a_locked_or_foreign_file_is_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locked may be tried again, damaged may not."""
    monkeypatch.setattr("entrepot.adapters.sqlite.target.BUSY_TIMEOUT_MS", 50)
    writer = prepared(tmp_path)
    with closing(sqlite3.connect(tmp_path / "x.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(SystemError_, match="locked by another process"):
            writer.commit(batch(tmp_path, 1, rows((1, "a", "1"))))
    (tmp_path / "y.db").write_bytes(b"no database at all, but long enough" * 100)
    with pytest.raises(DamageError, match="no SQLite database"):
        SqliteTableWriter(tmp_path / "y.db", "t", SCHEMA).prepare()
