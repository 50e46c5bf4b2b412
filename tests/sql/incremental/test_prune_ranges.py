"""A range of a key is taken down to the stored column only where the rows with such keys stay the same."""

from __future__ import annotations

from datetime import UTC, datetime

import duckdb
import pytest

from entrepot.kernel.names import Dataset
from entrepot.sql.incremental.prune import KeyRange, find_prunable, prune_sql
from entrepot.sql.query import parse_query
from tests.sql.incremental.incremental_shapes import SHAPES, VIEWS, Shape
from tests.sql.incremental.incremental_world import PARSED_VIEWS, World, rows_of

T = "date_trunc('month', ts)"

DATES = (
    Shape("month", f"SELECT {T} AS month, count(*) AS n FROM silver.sales GROUP BY ALL", (("month",),)),
    Shape("week_of_month", "SELECT date_trunc('month', date_trunc('week', ts)) AS m, id FROM silver.sales", (("m",),)),
    Shape("day", "SELECT ts::DATE AS day, count(*) AS n FROM silver.sales GROUP BY day", (("day",),)),
    Shape("cast", "SELECT CAST(s.ts AS DATE) AS day, c.country FROM silver.sales s LEFT JOIN silver.customers c ON c.id = s.customer", (("day",),)),
    Shape("year", "SELECT year(ts) AS y, extract(year FROM ts) AS z, id FROM silver.sales", (("y",), ("z",))),
    Shape("text", "SELECT strftime(ts, '%Y-%m') AS m, sum(amount) AS t FROM silver.sales GROUP BY m", (("m",),)),
    Shape("quarter", "WITH a AS (SELECT region, amount, date_trunc('quarter', ts) AS q FROM silver.sales) SELECT q, region FROM a WHERE amount > 2", (("q",),)),
    Shape("window", f"SELECT {T} AS m, id, sum(amount) OVER (PARTITION BY {T}) AS t FROM silver.sales", (("m",),)),
    Shape("latest", "SELECT customer, ts FROM silver.sales QUALIFY row_number() OVER (PARTITION BY customer ORDER BY ts, _record_id) = 1", (("customer",),)),
    Shape("union", f"SELECT {T} AS m, id FROM silver.sales UNION ALL SELECT date_trunc('month', r.ts), sale FROM silver.returns r", (("m",),)),
    Shape("hour_of_day", "SELECT date_trunc('hour', ts)::DATE AS d, id FROM silver.sales", (("d",),)),
)  # fmt: skip
NEVER = (
    Shape("window_apart", f"SELECT {T} AS m, sum(amount) OVER (PARTITION BY customer) AS t FROM silver.sales", (("m",),)),
    Shape("running", "SELECT ts::DATE AS d, sum(amount) OVER (ORDER BY ts) AS t FROM silver.sales", (("d",),)),
    Shape("nullable", "SELECT r.ts::DATE AS d, s.id FROM silver.sales s LEFT JOIN silver.returns r ON r.sale = s.id", (("d",),)),
    Shape("top", "SELECT ts::DATE AS d, id FROM silver.sales ORDER BY amount LIMIT 4", (("d",),)),
    Shape("twice", "WITH a AS (SELECT ts::DATE AS d, id FROM silver.sales) SELECT x.d FROM a x JOIN a y ON y.id = x.id", (("d",),)),
    Shape("falls", "SELECT -amount AS m FROM silver.sales", (("m",),)),
    Shape("other_name", "SELECT amount AS ts, ts AS other, other::DATE AS d FROM silver.sales", (("d",),)),
    Shape("month_name", "SELECT strftime(ts, '%m-%Y') AS m FROM silver.sales", (("m",),)),
    Shape("latest_ever", "SELECT DISTINCT ON (customer) customer, ts::DATE AS d FROM silver.sales ORDER BY customer, ts", (("d",),)),
    Shape("in_view", "SELECT amount FROM silver.known_sales", (("amount",),)),
)  # fmt: skip


def _check(world: World, shape: Shape, key: str) -> int:
    """Compare for every range of the key's values. Returns: for how many the pruned text is another one."""
    query = parse_query(shape.sql)
    prunable = find_prunable(query, [key], PARSED_VIEWS)
    run = world.connection.execute
    rows = run(f'SELECT DISTINCT "{key}" FROM ({shape.sql}) WHERE "{key}" IS NOT NULL ORDER BY 1').fetchall()
    values = [row[0] for row in rows][:: max(1, len(rows) // 4)]
    pruned = 0
    for low in values:
        for high in values[values.index(low) :: 2]:
            for holds_null in (True, False):
                sql = prune_sql(query, prunable, {key: KeyRange(low, high, holds_null)})
                pruned += sql != query.body
                where = f'"{key}" BETWEEN ? AND ? {"OR " + chr(34) + key + chr(34) + " IS NULL" if holds_null else ""}'
                one, other = (
                    sorted(map(repr, run(f"SELECT * FROM ({text}) WHERE {where}", [low, high]).fetchall()))
                    for text in (sql, query.body)
                )
                assert one == other, (shape.name, low, high)
    return pruned


def test_pruned_models_give_the_same_rows() -> None:
    """Every range of every key of many shapes."""
    world = World(3)
    pruned = {shape.name: _check(world, shape, keys[0]) for shape in DATES for keys in shape.keys}
    assert all(pruned.values()), pruned
    shapes = [shape for shape in SHAPES if shape.name not in ("group_by_aggregate_key",)]
    found = sum(bool(_check(world, shape, shape.keys[0][0])) for shape in shapes[::4])
    assert found > 5


@pytest.mark.parametrize("shape", NEVER, ids=lambda shape: shape.name)
def test_what_is_not_implied_is_not_pruned(shape: Shape) -> None:
    """A window, LIMIT, nullable side or second reader in between would see other rows."""
    assert find_prunable(parse_query(shape.sql), shape.keys[0], PARSED_VIEWS) == ()
    assert VIEWS


def test_a_column_without_its_table_is_found_by_the_columns_of_the_tables() -> None:
    """Without them it may be of either table, and nothing is pruned; a column of both is never taken."""
    sql = "SELECT ts::DATE AS d, c.country FROM silver.sales AS s LEFT JOIN silver.customers AS c ON c.id = s.customer"
    sales, customers = Dataset("silver", "sales"), Dataset("silver", "customers")
    query = parse_query(sql)
    assert find_prunable(query, ["d"], {}) == ()
    assert find_prunable(query, ["d"], {}, {sales: ["ts", "customer"]}) == ()
    assert len(find_prunable(query, ["d"], {}, {sales: ["TS", "customer"], customers: ["id", "country"]})) == 1
    assert find_prunable(query, ["d"], {}, {sales: ["customer"], customers: ["id", "ts"]}) == ()
    assert find_prunable(query, ["d"], {}, {sales: ["customer", "ts"], customers: ["id", "ts"]}) == ()


def test_instants_are_cut_a_day_wider_than_any_time_zone() -> None:
    """The day of an instant depends on the session's zone; no row of the day is lost in any of them."""
    query = parse_query("SELECT called::DATE AS day, id FROM silver.calls")
    prunable = find_prunable(query, ["day"], {})
    assert [(one.dataset, one.column, one.grain) for one in prunable] == [(Dataset("silver", "calls"), "called", "day")]
    for zone in ("Pacific/Kiritimati", "Etc/GMT+12", "UTC", "Europe/Berlin"):
        with duckdb.connect() as connection:
            connection.execute(f"SET TimeZone = '{zone}'; CREATE SCHEMA silver")
            connection.execute(
                "CREATE TABLE silver.calls AS SELECT i AS id, ?::TIMESTAMPTZ + i * INTERVAL 1 HOUR AS called FROM range(200) AS r(i)",
                [datetime(2026, 3, 26, tzinfo=UTC)],
            )
            for (day,) in connection.execute("SELECT DISTINCT called::DATE FROM silver.calls").fetchall():
                sql = prune_sql(query, prunable, {"day": KeyRange(day, day, holds_null=False)})
                where = f"WHERE day = DATE '{day}'"
                cut = rows_of(connection, f"SELECT id FROM ({sql}) {where}")
                assert cut == rows_of(connection, f"SELECT id FROM ({query.body}) {where}")
                assert connection.execute(f"SELECT count(*) FROM ({sql})").fetchone() != (200,)
