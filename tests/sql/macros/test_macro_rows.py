"""What macros compute, in DuckDB: their own samples, and conversions and newest rows against plain Python."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entrepot.kernel.errors import ProjectError
from entrepot.sql.macros.catalogue import MACROS
from entrepot.sql.macros.expand import expand_macros
from entrepot.sql.macros.macro import Sample

SAMPLES = [(name, sample) for name, macro in MACROS.items() for sample in macro.samples]
DAY = date(2026, 3, 1)
RATE = Decimal("0.000001")


def ask(tables: Mapping[str, str], text: str) -> list[tuple[Any, ...]]:
    """The rows of a SELECT with macros, over tables given as SQL."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, sql in tables.items():
            layer, _, _ = name.partition(".")
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {layer}")
            connection.execute(f"CREATE TABLE {name} AS {sql}")
        return fetch(connection.execute(expand_macros(text)))


def fetch(found: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    """By Arrow: DuckDB's own way needs one more library for instants."""
    return [tuple(row.values()) for row in found.to_arrow_table().to_pylist()]


def values(columns: str, rows: tuple[str, ...]) -> str:
    """Rows of SQL as a SELECT."""
    return f"SELECT * FROM (VALUES {', '.join(f'({row})' for row in rows)}) AS v({columns})"


@pytest.mark.req("A8")
@pytest.mark.parametrize(("name", "sample"), SAMPLES, ids=[name for name, _ in SAMPLES])
def test_samples_are_true(name: str, sample: Sample) -> None:
    """The rows that `entrepot macros show` prints are those that DuckDB gives."""
    tables = {dataset: values(*given) for dataset, given in sample.tables.items()}
    found = ask(tables, f"SELECT {sample.columns} FROM {sample.call} ORDER BY ALL")
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        wanted = fetch(connection.execute(f"{values(sample.columns, sample.rows)} ORDER BY ALL"))
    assert found == wanted
    assert MACROS[name].keeps_columns or name in ("daily", "dimension")


Rates = list[tuple[str, int, str | None]]
Prices = list[tuple[str | None, int | None, str]]
CODES = st.sampled_from(["USD", "GBP", "EUR", "XXX"])
RATES = st.lists(
    st.tuples(
        st.sampled_from(["USD", "GBP"]), st.integers(0, 40), st.sampled_from(["1.25", "0.8", "3.000001", "0", None])
    ),
    max_size=12,
)
PRICES = st.lists(
    st.tuples(st.one_of(st.none(), CODES), st.one_of(st.none(), st.integers(0, 50)), st.sampled_from(["0", "10.01", "-3.5", "999999.99"])),
    min_size=1,
    max_size=8,
)  # fmt: skip


def find_rate(rates: Rates, code: str, day: int, within: int) -> tuple[Decimal, int] | None:
    """The rate of a currency on a day, told by looking at all of them."""
    for back in range(within + 1):
        there = [rate for c, d, rate in rates if c == code and d == day - back and rate is not None]
        if there:
            ambiguous = len(there) > 1 or Decimal(there[0]) <= 0
            return None if ambiguous else (Decimal(there[0]), day - back)
    return None


def convert(rates: Rates, price: tuple[str | None, int | None, str], within: int, into: str) -> tuple[Any, ...]:
    """Amount, rate and its day."""
    code, day, amount = price
    if code == into:
        return Decimal(amount), Decimal(1), day
    if code is None or day is None:
        return None, None, None
    one = (Decimal(1), day) if code == "EUR" else find_rate(rates, code, day, within)
    two = (Decimal(1), day) if into == "EUR" else find_rate(rates, into, day, within)
    if one is None or two is None:
        return None, None, None
    days = [found[1] for found, name in ((one, code), (two, into)) if name != "EUR"]
    return Decimal(amount) / (one[0] / two[0]), one[0] / two[0], min(days)


@pytest.mark.req("A8", "F4")
@settings(deadline=None, max_examples=60)
@given(RATES, PRICES, st.sampled_from([0, 1, 3, 7, 30]), st.sampled_from(["EUR", "USD"]))
def test_conversion_is_that_of_a_naive_search(rates: Rates, prices: Prices, within: int, into: str) -> None:
    """Every row comes out once, at the newest rate of the days allowed; none, zero or two rates for the day: null."""
    tables = {
        "silver.prices": "SELECT NULL::INTEGER AS id, NULL::VARCHAR AS currency, NULL::DATE AS day, NULL::DECIMAL(12,2) AS price WHERE false"
        + "".join(
            f" UNION ALL SELECT {i}, {text(c)}, {day(d)}, {p}" for i, (c, d, p) in enumerate(prices)
        ),
        "silver.fx": "SELECT NULL::VARCHAR AS currency, NULL::DATE AS day, NULL::DECIMAL(18,6) AS rate WHERE false"
        + "".join(f" UNION ALL SELECT {text(c)}, {day(d)}, {r or 'NULL'}" for c, d, r in rates),
    }  # fmt: skip
    rule = "'exact'" if within == 0 else f"'last_earlier', within_days := {within}"
    found = ask(
        tables,
        "SELECT amount, rate, rate_day, id FROM convert(silver.prices, amounts := {amount: price}, currency := currency, day := day, "
        f"rates := silver.fx, rate := {rule}, into := '{into}') ORDER BY id",
    )
    assert len(found) == len(prices)
    for row, price in zip(found, prices, strict=True):
        amount, rate, of = convert(rates, price, within, into)
        assert row[2] == (None if of is None else DAY + timedelta(days=of))
        assert (row[0] is None) == (amount is None)
        if amount is not None:
            assert abs(row[0] - amount) <= Decimal("0.0000000002") + abs(amount) * Decimal("1e-15")
            assert abs(Decimal(str(row[1])) - rate) < RATE


def text(value: str | None) -> str:
    """As SQL."""
    return "NULL" if value is None else f"'{value}'"


def day(value: int | None) -> str:
    """As SQL."""
    return "NULL" if value is None else f"DATE '{DAY + timedelta(days=value)}'"


@pytest.mark.req("A8")
@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.one_of(st.none(), st.integers(0, 3))), max_size=9))
def test_the_newest_stays(rows: list[tuple[str | None, int | None]]) -> None:
    """Of each key the row with the greatest time, of several the one that came last; rows without a time are the oldest."""
    table = "SELECT NULL::BIGINT AS _record_id, NULL::VARCHAR AS k, NULL::INTEGER AS t WHERE false" + "".join(
        f" UNION ALL SELECT {i}, {text(k)}, {'NULL' if t is None else t}" for i, (k, t) in enumerate(rows)
    )
    found = ask(
        {"bronze.x": table},
        "SELECT k, _record_id FROM clean(bronze.x, required := [k], newest := {key: [k], by: t}) ORDER BY k",
    )
    ranked = sorted((-1 if t is None else t, i, k) for i, (k, t) in enumerate(rows) if k is not None)
    assert dict(found) == {k: i for _, i, k in ranked}


def test_keys_of_two_parts_do_not_run_together() -> None:
    """('a', 'bc') and ('ab', 'c') are two members, and each fact finds its own; a part that is null finds none."""
    tables = {
        "silver.d": values("x, y, n", ("'a', 'bc', 1", "'ab', 'c', 2", "'a:1', '', 3")),
        "silver.f": values("x, y", ("'a', 'bc'", "'ab', 'c'", "'abc', ''", "NULL, 'c'")),
    }
    dimension = "dimension(silver.d, id := k, key := [x, y], columns := [n])"
    keys = dict(ask(tables, f"SELECT n, k FROM {dimension}"))
    assert len(set(keys.values())) == 4
    assert keys[None] == "unknown"
    found = ask(
        tables,
        f"WITH d AS (SELECT * FROM {dimension} UNION ALL SELECT * FROM {dimension}) "
        "SELECT x, k FROM fact(silver.f, keys := {k: {to: d, on: [x, y]}}) ORDER BY x",
    )  # a dimension with every key twice does not double the facts
    assert found == [("a", keys[1]), ("ab", keys[2]), ("abc", "unknown"), (None, "unknown")]


def test_amounts_are_exact_decimals() -> None:
    """The type is a decimal with ten places, so that sums do not depend on the order of rows."""
    tables = {
        "silver.p": "SELECT 'EUR' AS currency, DATE '2026-03-01' AS day, 12345678.1234::DECIMAL(18,4) AS price",
        "silver.fx": "SELECT 'USD' AS currency, DATE '2026-03-01' AS day, 1.1::DOUBLE AS rate",
    }
    call = (
        "convert(silver.p, amounts := [price], currency := currency, day := day, rates := silver.fx, rate := 'exact')"
    )
    assert ask(tables, f"SELECT typeof(price_eur), price_eur FROM {call}") == [
        ("DECIMAL(28,10)", Decimal("12345678.1234000000"))
    ]
    names = "SELECT fx, fx_day, net_eur FROM " + call.replace("[price]", "{net_eur: price * 2}").replace(
        ", rate :=", ", names := {rate: fx, rate_day: fx_day}, rate :="
    )
    assert ask(tables, names)[0][2] == Decimal("24691356.2468")


@pytest.mark.parametrize(
    ("table", "call"),
    [
        ("id, price, currency, day, rate", "convert(bronze.x, amounts := [price], currency := currency, day := day, rates := bronze.r, rate := 'exact')"),
        ("id, price, currency, day, price_eur", "convert(bronze.x, amounts := [price], currency := currency, day := day, rates := bronze.r, rate := 'exact')"),
        ("id, price, currency, day, rate_day", "convert(bronze.x, amounts := [price], currency := currency, day := day, rates := bronze.r, rate := 'last_earlier')"),
        ("id, price, currency, day, k", "fact(bronze.x, keys := {k: {to: bronze.d, on: [id]}})"),
        ("id, price, currency, day, loaded", "clean(bronze.x, stamp := loaded)"),
    ],
)  # fmt: skip
def test_a_column_that_is_there_already_is_refused(table: str, call: str) -> None:
    """A table with a column of the result's name would show its own values under it; so the SQL cannot be bound."""
    types = {
        "price": "1.5",
        "day": "DATE '2026-03-01'",
        "rate_day": "DATE '2026-03-01'",
        "rate": "2.0",
        "price_eur": "9.0",
    }
    row = ", ".join(f"{types.get(name, 'NULL::VARCHAR')} AS {name}" for name in table.split(", "))
    tables = {
        "bronze.x": f"SELECT {row}, now() AS _received_at",
        "bronze.r": "SELECT 'USD' AS currency, DATE '2026-03-01' AS day, 1.1 AS rate",
        "bronze.d": "SELECT 'a' AS k",
    }
    with pytest.raises(duckdb.BinderException, match="Ambiguous"):
        ask(tables, f"SELECT * FROM {call}")
    without = {**tables, "bronze.x": tables["bronze.x"].replace(f"AS {table.split(', ')[-1]},", "AS other,")}
    assert len(ask(without, f"SELECT * FROM {call}")) == 1


def test_two_columns_of_one_name_are_refused() -> None:
    """Also among the columns that a call makes itself."""
    for text in (
        "daily(bronze.x, day := d, by := [day], count := n)",
        "daily(bronze.x, day := d, sum := [a], max := {a: b})",
        "dimension(bronze.x, id := k, key := [k], columns := [b])",
        "convert(bronze.x, amounts := {rate: a}, currency := c, day := d, rates := bronze.r, rate := 'exact')",
    ):
        with pytest.raises(ProjectError, match="would give two columns"):
            expand_macros(f"SELECT * FROM {text}")
