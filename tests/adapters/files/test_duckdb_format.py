"""DuckDB databases that are dropped as files: tables are read exactly by a process of their own, damaged files end only that."""

from __future__ import annotations

import random
from pathlib import Path

import duckdb

from entrepot.kernel.errors import DataError
from entrepot.ports.relations import Stream
from tests.adapters.files.opened import open_part, read_rows, refusal


def database(folder: Path, *statements: str) -> Path:
    """A database made by statements."""
    path = folder / "x.duckdb"
    with duckdb.connect(str(path)) as made:
        for statement in statements:
            made.execute(statement)
    return path


def rows_of(path: Path, **options: object) -> list[dict[str, object]]:
    """All rows of the file's table."""
    rows = open_part(path, **options).rows
    assert isinstance(rows, Stream)
    return [row for batch in rows.open() for row in batch.to_pylist()]


def test_values_are_exact(tmp_path: Path) -> None:
    """Large integers, decimals, times: the text that DuckDB has for them; order is that of the table."""
    path = database(
        tmp_path,
        "CREATE TABLE t (i BIGINT, h HUGEINT, d DECIMAL(38,10), f DOUBLE, ts TIMESTAMPTZ, day DATE, s VARCHAR, l INTEGER[])",
        "INSERT INTO t VALUES (2, 170141183460469231731687303715884105727, 1.10, 0.1, '2026-01-01 10:00:00+02', '2026-01-01', 'ä', [1]), (1, NULL, 0, 1e300, NULL, NULL, '', NULL)",
    )
    first, second = rows_of(path)
    assert first == {
        "i": "2", "h": "170141183460469231731687303715884105727", "d": "1.1000000000", "f": "0.1", "ts": "2026-01-01 08:00:00+00",
        "day": "2026-01-01", "s": "ä", "l": [1],
    }  # fmt: skip
    assert (second["i"], second["f"], second["s"]) == ("1", "1e+300", "")


def test_table_is_chosen_or_refused(tmp_path: Path) -> None:
    """Of several tables one is named; views are none, so that what they read elsewhere is not read."""
    path = database(
        tmp_path, "CREATE TABLE a (x INT)", "CREATE SCHEMA s", "CREATE TABLE s.b AS SELECT 7 AS y", "CREATE VIEW v AS SELECT * FROM read_text('/etc/passwd')"
    )  # fmt: skip
    assert rows_of(path, duckdb_file={"table": "s.b"}) == [{"y": "7"}]
    assert "has 2 tables: a, s.b" in refusal(path)
    assert "has no table v" in refusal(path, duckdb_file={"table": "v"})
    before = path.read_bytes()
    assert rows_of(path, duckdb_file={"table": "a"}) == []
    assert path.read_bytes() == before


def test_many_rows(tmp_path: Path) -> None:
    """In batches, twice alike."""
    path = database(tmp_path, "CREATE TABLE t AS SELECT i FROM range(100000) AS r(i)")
    assert [row["i"] for row in read_rows_plain(path)] == [str(number) for number in range(100_000)]


def read_rows_plain(path: Path) -> list[dict[str, object]]:
    """As `read_rows`, for a stream that brings no faults."""
    return read_rows(path)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    """Cut off, overwritten, empty or another kind of file: this process goes on."""
    path = database(tmp_path, "CREATE TABLE t AS SELECT i, repeat('x', 100) AS s FROM range(20000) AS r(i)")
    raw, chance = path.read_bytes(), random.Random(5)
    refused = 0
    for number in range(6):
        broken = bytearray(raw)
        at = chance.randrange(len(raw))
        broken[at : at + 4096] = bytes(chance.randrange(256) for _ in range(4096))
        path.write_bytes(broken if number % 2 else raw[:at])
        try:
            assert len(rows_of(path)) == 20_000
        except DataError:
            refused += 1
    assert refused >= 3
    for content in (b"", b"no database" * 1000):
        path.write_bytes(content)
        assert "x.duckdb" in refusal(path)
