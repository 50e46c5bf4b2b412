"""Explain and incremental refresh see plain SQL in place of a macro: exact lists of records, and few touched keys."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from entrepot.kernel.names import parse_dataset
from entrepot.sql.explain import IdLists, Input, carried_name, rewrite
from entrepot.sql.incremental.orders import order_warnings
from entrepot.sql.incremental.touched import derive_touched, why_full
from entrepot.sql.macros.catalogue import MACROS
from entrepot.sql.macros.expand import expand_macros
from entrepot.sql.query import Query, parse_query

pytestmark = pytest.mark.req("A8")

PRICES, RATES = parse_dataset("bronze.prices"), parse_dataset("bronze.rates")
CONVERT = (
    "SELECT product, day, price_eur FROM convert(bronze.prices, amounts := [price], currency := currency, day := day, "
    "rates := bronze.rates, rate := 'last_earlier')"
)
PRICE_ROWS = """
(1, 'Tea', 4.00, 'USD', DATE '2026-03-05'), (2, 'Tea', 4.00, 'USD', DATE '2026-03-08'), (3, 'Tea', 4.00, 'GBP', DATE '2026-03-08'),
(4, 'Tea', 4.00, 'EUR', DATE '2026-03-08'), (5, 'Tea', 4.00, 'USD', DATE '2026-03-30')
"""
RATE_ROWS = """
(1, 'USD', DATE '2026-03-04', 1.10), (2, 'USD', DATE '2026-03-05', 1.25), (3, 'USD', DATE '2026-03-06', 1.60),
(4, 'GBP', DATE '2026-02-02', 0.80)
"""


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """The tables of a conversion, as they are now and as they were before the rate of 6 March came."""
    with duckdb.connect() as found:
        for schema in ("bronze", "new", "old", "added", "removed"):
            found.execute(f"CREATE SCHEMA {schema}")
        found.execute(
            f"CREATE TABLE bronze.prices AS SELECT * FROM (VALUES {PRICE_ROWS}) v(_record_id, product, price, currency, day)"
        )
        found.execute(
            f"CREATE TABLE bronze.rates AS SELECT * FROM (VALUES {RATE_ROWS}) v(_record_id, currency, day, rate)"
        )
        for side, rows in (
            ("new", "true"),
            ("old", "_record_id <> 3"),
            ("added", "_record_id = 3"),
            ("removed", "false"),
        ):
            found.execute(f'CREATE VIEW "{side}"."bronze.rates" AS SELECT * FROM bronze.rates WHERE {rows}')
            kept = "true" if side in ("new", "old") else "false"
            found.execute(f'CREATE VIEW "{side}"."bronze.prices" AS SELECT * FROM bronze.prices WHERE {kept}')
        yield found


def query(text: str) -> Query:
    """A model's SELECT, macros written out."""
    return parse_query(expand_macros(text))


def test_explain_names_the_price_and_the_rate_that_held(connection: duckdb.DuckDBPyConnection) -> None:
    """Not the rates before it, none where none was needed or found; and nothing is said to be more than needed."""
    inputs = {PRICES: Input(PRICES, "bronze.prices"), RATES: Input(RATES, "bronze.rates")}
    made = rewrite(query(CONVERT), inputs, IdLists())
    found = connection.execute(
        f"SELECT {carried_name(PRICES)}, list_distinct({carried_name(RATES)}) FROM ({made.sql}) ORDER BY 1"
    ).fetchall()
    assert found == [([1], [2]), ([2], [3]), ([3], []), ([4], []), ([5], [])]


def test_a_new_rate_touches_the_days_that_it_holds_for(connection: duckdb.DuckDBPyConnection) -> None:
    """Of all days with prices only the one that the new rate changes is computed anew."""
    touched = derive_touched(query(CONVERT), ["day"], {}, [RATES], [])
    assert not touched.everything
    days = {str(day) for (day,) in connection.execute(touched.sql).fetchall()}
    assert days == {"2026-03-08"}


@pytest.mark.parametrize(
    ("name", "text", "key"),
    [
        ("convert", CONVERT, "day"),
        ("clean", "SELECT id, x FROM clean(bronze.x, required := [id], newest := {key: [id], by: at})", "id"),
        ("daily", "SELECT * FROM daily(bronze.x, day := at, by := [region], sum := [x], count := n)", "day"),
        ("dimension", "SELECT * FROM dimension(bronze.x, id := k, key := [id], columns := [x])", "k"),
        ("fact", "SELECT id, k FROM fact(bronze.x, keys := {k: {to: gold.x, on: [y]}})", "id"),
    ],
)
def test_every_macro_can_be_refreshed_by_keys(name: str, text: str, key: str) -> None:
    """None of them makes a model fall back to full, and none chooses a row by chance."""
    assert name in MACROS
    assert why_full(query(text), [key], {}) is None
    assert order_warnings(query(text)) == ()
