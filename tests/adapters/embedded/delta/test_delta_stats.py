"""Statistics in the log: skipping by them gives the rows of a plain scan."""

# ruff: noqa: DTZ001 -- values without a zone are what is tested

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from delta_lake import NAME, SCHEMA, Lake, sale
from deltalake import DeltaTable, QueryBuilder
from hypothesis import given
from hypothesis import strategies as st

from entrepot.adapters.embedded.delta.reader import load_delta_extension
from entrepot.adapters.embedded.delta.stats import render_stats
from entrepot.ports.engine import ColumnStats
from entrepot.ports.writer import Merge

WIDE = pa.schema(
    [
        ("i", pa.int64()), ("d", pa.decimal128(18, 2)), ("big", pa.decimal128(38, 10)), ("s", pa.string()), ("day", pa.date32()),
        ("at", pa.timestamp("us", tz="UTC")), ("local", pa.timestamp("us")), ("f", pa.float64()), ("b", pa.bool_()),
    ]
)  # fmt: skip

VALUES: list[dict[str, Any]] = [
    {"i": -(2**63), "d": Decimal("-9999999999999999.99"), "big": Decimal("1234567890123456789012345678.0000000001"), "s": "",
     "day": date(1, 1, 1), "at": datetime(1970, 1, 1, tzinfo=UTC), "local": datetime(1969, 12, 31), "f": -0.0, "b": True},
    {"i": 2**63 - 1, "d": Decimal("9999999999999999.99"), "big": Decimal("0.0000000001"), "s": "zürich 🛒\n\"'\\", "day": date(9999, 12, 31),
     "at": datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), "local": datetime(9999, 1, 1), "f": 1e308, "b": False},
    {"i": 2**53 + 1, "d": Decimal("0.01"), "big": Decimal("-0.1"), "s": "\U0010ffff", "day": date(2026, 2, 28),
     "at": datetime(2026, 1, 1, 0, 0, 0, 999, tzinfo=UTC), "local": datetime(2026, 1, 1, 0, 0, 0, 1), "f": 0.1, "b": None},
    {"i": None, "d": None, "big": None, "s": None, "day": None, "at": None, "local": None, "f": None, "b": None},
    {"i": 0, "d": Decimal("0.00"), "big": Decimal(0), "s": "x" * 200, "day": date(1969, 12, 31),
     "at": datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), "local": datetime(1970, 1, 1), "f": float("inf"), "b": True},
    {"i": 7, "d": Decimal("123456789012.34"), "big": Decimal("7"), "s": "a\u0301", "day": date(2024, 2, 29),
     "at": datetime(2024, 2, 29, 12, 0, 0, 123456, tzinfo=UTC), "local": datetime(2024, 2, 29), "f": float("-inf"), "b": False},
]  # fmt: skip


def _literal(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if name == "day":
        return f"DATE '{value.isoformat()}'"
    if name == "at":
        return f"TIMESTAMPTZ '{value.isoformat()}'"
    if name == "local":
        return f"TIMESTAMP '{value.isoformat()}'"
    if name in ("d", "big"):
        return f"CAST('{value}' AS DECIMAL({18 if name == 'd' else 38},{2 if name == 'd' else 10}))"
    if name == "f":
        return f"CAST('{value}' AS DOUBLE)"
    return f"CAST('{value}' AS BIGINT)"


def test_skipping_gives_the_rows_of_a_plain_scan(lake: Lake) -> None:
    """Each value of each type is found by =, <=, >= through DuckDB's and delta-rs' skipping, one file per row."""
    name = "bronze.wide"
    lake.tables.create(name, WIDE)
    lake.commit(1, VALUES, name=name, schema=WIDE, files=len(VALUES))
    assert len(lake.actions(1, "add", name)) == len(VALUES)
    path = lake.path(name)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        load_delta_extension(connection)
        files = ", ".join(f"'{file}'" for file in path.glob("*.parquet"))
        builder = QueryBuilder().register("t", DeltaTable(str(path)))
        for column in WIDE.names:
            for row in VALUES:
                if row[column] is None:
                    continue
                for sign in ("=", "<=", ">="):
                    where = f'"{column}" {sign} {_literal(column, row[column])}'
                    plain = connection.execute(f"SELECT count(*) FROM read_parquet([{files}]) WHERE {where}").fetchone()
                    skipped = connection.execute(f"SELECT count(*) FROM delta_scan('{path}') WHERE {where}").fetchone()
                    assert skipped == plain, where
                    if column in ("i", "s", "day", "d", "b"):
                        sql = f"SELECT count(*) AS n FROM t WHERE {where}"
                        found = pa.RecordBatchReader.from_stream(builder.execute(sql)).read_all()
                        assert (found["n"][0].as_py(),) == plain, where
            plain = connection.execute(
                f'SELECT count(*) FROM read_parquet([{files}]) WHERE "{column}" IS NULL'
            ).fetchone()
            skipped = connection.execute(
                f"SELECT count(*) FROM delta_scan('{path}') WHERE \"{column}\" IS NULL"
            ).fetchone()
            assert skipped == plain


def test_bounds_of_what_is_surely_exact_are_written(lake: Lake) -> None:
    """Readers can skip by integers, short texts, dates, decimals of up to 15 digits and instants to the millisecond."""
    lake.commit(1, [sale(1, "a", "1.50"), sale(5, "é", "-2.25"), sale(3, None, None)])
    stats = json.loads(lake.actions(1, "add")[0]["stats"])
    assert stats["numRecords"] == 3
    assert stats["minValues"] == {
        "id": 1, "shop": "a", "amount": -2.25, "sold_on": "2026-01-02", "sold_at": "2026-01-01T12:00:00.000Z", "_batch": 1,
    }  # fmt: skip
    assert stats["maxValues"] == {
        "id": 5, "shop": "é", "amount": 1.5, "sold_on": "2026-01-06", "sold_at": "2026-01-01T12:00:00.001Z", "_batch": 1,
    }  # fmt: skip
    assert stats["nullCount"]["shop"] == 1
    assert "_warnings" not in stats["nullCount"]


def test_the_engines_figures_win_and_none_means_unknown(lake: Lake) -> None:
    """What the engine says it does not know exactly is left out, though the file's footer may say something."""
    lake.commit(1, [sale(1)], stats={"id": ColumnStats(None, None, 0), "shop": ColumnStats("a", "a", 0)})
    stats = json.loads(lake.actions(1, "add")[0]["stats"])
    assert "id" not in stats["minValues"]
    assert stats["minValues"]["shop"] == "a"


def test_missing_columns_count_as_null(lake: Lake) -> None:
    """A file without a column of the table has only nulls there."""
    narrow = pa.schema([SCHEMA.field("id")])
    lake.commit(1, [{"id": 1}], schema=narrow)
    assert json.loads(lake.actions(1, "add")[0]["stats"])["nullCount"]["shop"] == 1
    assert lake.read(columns=["id", "shop"]) == [(1, None)]


def test_rewritten_files_have_figures_too(lake: Lake) -> None:
    """After a merge, old batches can still be skipped."""
    lake.commit(1, [sale(1), sale(2)])
    lake.commit(2, [sale(2, batch=2)], Merge(("id",)))
    figures = [json.loads(add["stats"]) for add in lake.actions(2, "add")]
    assert [(each["numRecords"], each["minValues"]["_batch"]) for each in figures] == [(1, 1), (1, 2)]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("double", float("nan")), ("double", float("inf")), ("boolean", True), ("string", "x" * 65), ("string", "a\0b"),
        ("decimal(18,2)", Decimal("1234567890123456.78")), ("decimal(38,10)", Decimal("0.0000000001")),
        ("timestamp", datetime(2026, 1, 1)), ("timestamp", "2026-01-01 00:00:00"), ("timestamp_ntz", datetime(2026, 1, 1)),
        ("long", "x"), ("long", True), ("date", datetime(2026, 1, 1)), ("timestamp", datetime.max.replace(tzinfo=UTC)),
    ],
)  # fmt: skip
def test_what_might_not_be_exact_is_left_out(kind: str, value: object) -> None:
    """No bound is better than a wrong one."""
    stats = json.loads(render_stats(1, {"c": ColumnStats(value, value, 0)}, {"c": kind}))
    assert stats["maxValues"] == {}
    assert stats["nullCount"] == {"c": 0}


@given(st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31), timezones=st.just(UTC)))
def test_instants_are_bounded_from_both_sides(at: datetime) -> None:
    """The written bounds hold the value between them."""
    stats = json.loads(render_stats(1, {"c": ColumnStats(at, at, 0)}, {"c": "timestamp"}))
    low, high = (datetime.fromisoformat(stats[key]["c"]) for key in ("minValues", "maxValues"))
    assert low <= at <= high


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**16) + 1, max_value=10**16 - 1))
def test_decimals_are_exact_or_absent(value: Decimal) -> None:
    """A decimal bound read back as binary floating point and rounded to the scale is the value."""
    stats = json.loads(render_stats(1, {"c": ColumnStats(value, value, 0)}, {"c": "decimal(18,2)"}))
    if "c" in stats["minValues"]:
        assert Decimal(repr(stats["minValues"]["c"])) == value


def test_the_newest_version_is_still_readable_by_others(lake: Lake) -> None:
    """Empty stats objects do not disturb other readers."""
    lake.commit(1, [sale(1, None, None)])
    assert DeltaTable(str(lake.path())).count() == 1
    assert lake.tables.version(NAME) == 1
