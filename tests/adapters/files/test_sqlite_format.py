"""SQLite databases that are dropped as files: their tables are read exactly, damaged and hostile ones harm nobody."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from entrepot.ports.relations import FAULTS
from tests.adapters.files.opened import open_part, opener, read_rows, read_values, reasons, refusal


def database(folder: Path, script: str) -> Path:
    """A database made by a script."""
    path = folder / "x.db"
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as made:
        made.executescript(script)
    return path


def test_rows_come_as_they_are_kept(tmp_path: Path) -> None:
    """Each value as its text, in the order of the row ids, whatever its column is declared as."""
    path = database(
        tmp_path,
        """create table t (id integer, v, "odd ""name" text);
        insert into t (rowid, id, v) values (5, 5, 1.5), (2, 2, '001'), (3, 3, null), (9, 9223372036854775807, 0.1), (10, 10, 1e300);""",
    )
    part = open_part(path)
    assert part.place == "x.db#t"
    assert [(row["id"], row["v"]) for row in read_values(path)] == [
        ("2", "001"), ("3", None), ("5", "1.5"), ("9223372036854775807", "0.1"), ("10", "1e+300"),
    ]  # fmt: skip
    assert set(read_values(path)[0]) == {"id", "v", 'odd "name'}


def test_blobs_and_odd_texts_are_faults(tmp_path: Path) -> None:
    """What is no text is told with its size, not guessed."""
    path = database(tmp_path, "create table t (v); insert into t values (x'00ff'), (cast(x'ff' as text)), ('ä');")
    rows = read_rows(path)
    assert [reasons(row) for row in rows] == [
        [("v", "binary_value", "record 1")],
        [("v", "invalid_text", "record 2")],
        [],
    ]
    assert rows[0][FAULTS][0]["text"] == "2 bytes"


def test_table_is_chosen_or_refused(tmp_path: Path) -> None:
    """Of several tables one is named; views and virtual tables are none."""
    path = database(
        tmp_path, "create table a (x); create table b (y); create view v as select * from a; insert into b values (7);"
    )
    assert read_values(path, sqlite_file={"table": "b"}) == [{"y": "7"}]
    assert "has 2 tables: a, b" in refusal(path)
    assert "has no table v; found: a, b" in refusal(path, sqlite_file={"table": "v"})


def test_what_the_file_brings_is_not_run(tmp_path: Path) -> None:
    """A table in whose place a view stands, and generated columns that call functions, read nothing else and write nothing."""
    path = database(tmp_path, "create table a (x, secret); insert into a values (1, 2);")
    with closing(sqlite3.connect(path)) as made:
        made.execute("create trigger tr after insert on a begin delete from a; end")
        made.execute("pragma writable_schema = on")
        made.execute("insert into sqlite_schema values ('view', 'b', 'b', 0, 'create view b as select secret from a')")
        made.commit()
    before = path.read_bytes()
    assert read_values(path, sqlite_file={"table": "a"}) == [{"x": "1", "secret": "2"}]
    assert "has no table b" in refusal(path, sqlite_file={"table": "b"})
    assert path.read_bytes() == before
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".entrepot", "x.db"]


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    """Cut off, overwritten, empty, or another kind of file."""
    many = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 500)"
    path = database(tmp_path, f"create table t (v text); {many} insert into t select hex(zeroblob(200)) from n;")
    raw = path.read_bytes()
    for broken in (raw[: len(raw) // 2], raw[:100], raw[:60], raw[:8192] + b"\xee" * 4096 + raw[12288:]):
        path.write_bytes(broken)
        assert "SQLite database" in refusal(path)
    path.write_bytes(b"")
    assert "is not a SQLite database" in refusal(path)
    path.write_bytes(b"PAR1" * 100)
    assert "is not a SQLite database" in refusal(path)


def test_wal_mode_is_not_trusted(tmp_path: Path) -> None:
    """A file that may lack its last transactions is refused, unless the source says it was closed before."""
    path = database(tmp_path, "pragma journal_mode = wal; create table t (v); insert into t values (1);")
    assert "WAL mode" in refusal(path)
    assert read_values(path, sqlite_file={"wal": "ignore"}) == [{"v": "1"}]


@pytest.mark.parametrize("rows", [0, 20_000])
def test_any_number_of_rows(tmp_path: Path, rows: int) -> None:
    """None, and many batches; also without row ids."""
    path = database(
        tmp_path,
        f"create table t (k text primary key) without rowid; with recursive n(i) as (select 1 union all select i + 1 from n where i < {rows}) "
        f"insert into t select printf('%06d', i) from n where {rows} > 0;",
    )
    assert [row["k"] for row in read_values(path)] == [f"{number:06}" for number in range(1, rows + 1)]
    assert opener(tmp_path).sniff(path, "x.db").facts == {"table": "t", "rows": f"{rows:,}"}
