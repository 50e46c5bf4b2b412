"""A predicate picks the same rows in SQLite as in DuckDB, or is refused."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entrepot.adapters.sqlite.predicate import translate_predicate
from entrepot.adapters.sqlite.writer import SqliteTableWriter
from entrepot.kernel.errors import ProjectError
from entrepot.ports.engine import Staged, StagedFile
from entrepot.ports.writer import Append, Batch

SCHEMA = pa.schema(
    [
        ("n", pa.int64()),
        ("text", pa.string()),
        ("price", pa.decimal128(10, 2)),
        ("rate", pa.float64()),
        ("day", pa.date32()),
        ("moment", pa.timestamp("us", tz="UTC")),
        ("wall", pa.timestamp("us")),
        ("ok", pa.bool_()),
        ("my col", pa.int32()),
        ("list", pa.list_(pa.string())),
    ]
)


def make_row(n: int | None) -> dict[str, object]:
    if n is None:
        return dict.fromkeys(SCHEMA.names)
    return {
        "n": n,
        "text": ["", "a#1", "A#1", "ab", "%_", "ż"][n % 6],
        "price": Decimal(n) / 4,
        "rate": n / 4,
        "day": date(2026, 1, 1 + n % 28),
        "moment": datetime(2026, 1, 1 + n % 28, n % 24, tzinfo=UTC),
        "wall": datetime(2026, 1, 1 + n % 28, n % 24),  # noqa: DTZ001 - a wall clock has no zone
        "ok": n % 2 == 0,
        "my col": n - 5,
        "list": ["x"],
    }


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[duckdb.DuckDBPyConnection, sqlite3.Connection]]:
    """The same rows in DuckDB and, through the writer, in SQLite."""
    folder: Path = tmp_path_factory.mktemp("predicate")
    table = pa.Table.from_pylist([make_row(n) for n in (*range(30), None)], schema=SCHEMA)
    table = table.append_column("row", pa.array(range(31), pa.int64()))
    pq.write_table(table, folder / "rows.parquet")
    writer = SqliteTableWriter(folder / "x.db", "t", table.schema)
    writer.prepare()
    writer.commit(Batch("f", 1, Staged(table.schema, (StagedFile(folder / "rows.parquet", 31, 1),)), Append()))
    with duckdb.connect() as duck, closing(sqlite3.connect(folder / "x.db")) as lite:
        duck.execute("SET TimeZone = 'UTC'")
        duck.execute(f"CREATE TABLE t AS FROM '{folder / 'rows.parquet'}'")
        yield duck, lite


def compare(both: tuple[duckdb.DuckDBPyConnection, sqlite3.Connection], where: str) -> int:
    """Pick rows in both, hold them against each other, return how many."""
    duck, lite = both
    expected = [row for (row,) in duck.execute(f"SELECT row FROM t WHERE {where} ORDER BY row").fetchall()]
    condition = translate_predicate(where, SCHEMA)
    sql = f"SELECT row FROM t WHERE {condition.sql} ORDER BY row"
    assert [row for (row,) in lite.execute(sql, condition.values)] == expected
    return len(expected)


@pytest.mark.parametrize(
    "where",
    [
        "n = 3",
        "n IN (1, 2, 99)",
        "(n = 3 AND text = 'ab' AND starts_with(text, 'a')) OR (n = 7 AND starts_with(text, 'a#'))",
        "starts_with(text, '%')",
        "starts_with(text, 'ż')",
        "NOT starts_with(text, 'a')",
        "text > 'A'",
        "(\"day\" >= DATE '2026-01-05' AND \"day\" < DATE '2026-01-09')",
        "day = '2026-01-05'",
        "moment >= TIMESTAMPTZ '2026-01-05 03:00:00+00' AND moment < TIMESTAMPTZ '2026-01-09 00:00:00+02'",
        "wall BETWEEN TIMESTAMP '2026-01-05 04:00:00' AND TIMESTAMP '2026-01-09 23:00:00'",
        "wall = '2026-01-05 04:00:00'",
        "price = 2.5",
        "price IN (0, 0.25, 7.50)",
        "price <> -0.25",
        "rate < 2.5 AND 1 <= rate",
        "ok = true",
        "NOT (ok = true) OR n IS NULL",
        "ok IS NOT NULL AND list IS NOT NULL",
        '"my col" >= -2',
        "3 > n",
        "N > 27",
        "true",
        "n > 2 AND NOT (n BETWEEN 3 AND 28)",
    ],
)
def test_the_same_rows_are_picked(both: tuple[duckdb.DuckDBPyConnection, sqlite3.Connection], where: str) -> None:
    """Literals, time zones, nulls, case and precedence mean the same."""
    assert compare(both, where) > 0


@pytest.mark.parametrize(
    "where",
    [
        "price > 2.5",
        "price BETWEEN 1 AND 2",
        "price = 2.505",
        "moment >= TIMESTAMP '2026-01-05 00:00:00'",
        "moment = '2026-01-05 00:00:00'",
        "moment = DATE '2026-01-05'",
        "day = TIMESTAMP '2026-01-05 00:00:00'",
        "wall = TIMESTAMPTZ '2026-01-05 04:00:00+00'",
        "day = '5.1.2026'",
        "n = '3'",
        "n = 2.5",
        "text = 3",
        "text LIKE 'a%'",
        "lower(text) = 'a'",
        "n = n",
        "n + 1 = 2",
        "n IN (SELECT 1)",
        "other = 1",
        "t.n = 1",
        "n = NULL",
        "list = 'x'",
        "starts_with(text, 3)",
        "n = 1; DELETE FROM t",
        "n =",
        "EXISTS (SELECT 1)",
        "ok",
    ],
)
def test_what_could_mean_something_else_is_refused(where: str) -> None:
    """Deleting rows by a predicate that was understood otherwise is a silent loss."""
    with pytest.raises(ProjectError, match="the predicate"):
        translate_predicate(where, SCHEMA)


literals = st.one_of(
    st.builds("n {} {}".format, st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), st.integers(-2, 32)),
    st.builds("starts_with(text, '{}')".format, st.sampled_from(["", "a", "A", "a#", "%"])),
    st.builds("day {} DATE '2026-01-{:02d}'".format, st.sampled_from(["<", ">="]), st.integers(1, 31)),
    st.builds("price = {}".format, st.sampled_from(["0", "0.5", "-0.00", "2.25", "7.5"])),
    st.sampled_from(["ok = true", "ok = false", "text IS NULL", "true", "false"]),
)
predicates = st.recursive(
    literals,
    lambda inner: st.one_of(
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} OR {})".format, inner, inner),
        st.builds("NOT ({})".format, inner),
    ),
    max_leaves=6,
)


@given(predicates)
@settings(max_examples=100, deadline=None)
def test_any_combination_picks_the_same_rows(
    both: tuple[duckdb.DuckDBPyConnection, sqlite3.Connection], where: str
) -> None:
    """Three-valued logic included."""
    compare(both, where)
