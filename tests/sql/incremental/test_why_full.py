"""What cannot be derived is refused with a reason that a person understands, and its line."""

from __future__ import annotations

import duckdb
import pytest

from entrepot.kernel.names import Dataset
from entrepot.sql.incremental.aggregates import AGGREGATES, is_aggregate
from entrepot.sql.incremental.shape import own_nodes
from entrepot.sql.incremental.touched import why_full
from entrepot.sql.query import parse_query
from tests.sql.incremental.incremental_shapes import SHAPES
from tests.sql.incremental.incremental_world import PARSED_VIEWS

JOINED = "SELECT s.id FROM silver.sales AS s\n{} silver.customers AS c {}"


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        (JOINED.format("RIGHT JOIN", "ON c.id = s.customer"), "line 2: RIGHT JOIN"),
        (JOINED.format("FULL JOIN", "ON c.id = s.customer"), "line 2: FULL JOIN"),
        (JOINED.format("NATURAL JOIN", ""), "NATURAL JOIN"),
        (JOINED.format("ASOF JOIN", "ON c.id >= s.customer"), "line 2: ASOF JOIN"),
        (JOINED.format("POSITIONAL JOIN", ""), "POSITIONAL JOIN"),
        (JOINED.format("SEMI JOIN", "ON c.id = s.customer"), "line 2: SEMI JOIN"),
        (JOINED.format("ANTI JOIN", "USING (id)"), "line 2: ANTI JOIN"),
        ("SELECT id, x FROM silver.sales, LATERAL (SELECT amount + 1 AS x)", "LATERAL"),
        (
            "WITH RECURSIVE r AS (SELECT 1 AS id UNION ALL SELECT id + 1 FROM r WHERE id < 3) SELECT id FROM r",
            "RECURSIVE",
        ),
        ("SELECT id, sum(amount) AS t FROM silver.sales GROUP BY ROLLUP (id)", "ROLLUP"),
        ("SELECT id, region, sum(amount) AS t FROM silver.sales GROUP BY CUBE (id, region)", "CUBE"),
        ("SELECT id, sum(amount) AS t FROM silver.sales GROUP BY GROUPING SETS ((id), ())", "GROUPING SETS"),
        ("SELECT id, sum(amount) AS t FROM silver.sales GROUP BY id, ROLLUP (region)", "ROLLUP"),
        ("SELECT id FROM silver.sales TABLESAMPLE 10%", "sample"),
        ("SELECT id FROM silver.sales USING SAMPLE 5", "sample"),
        (
            "SELECT s.id FROM silver.sales s JOIN silver.rates r ON r.rate = (SELECT max(rate) FROM silver.rates)",
            "subquery in ON",
        ),
        (
            "SELECT id FROM silver.sales GROUP BY id HAVING sum(amount) > (SELECT avg(amount) FROM silver.sales)",
            "subquery in HAVING",
        ),
        (
            "SELECT id, (SELECT max(id) FROM silver.rates) AS m, count(*) AS n FROM silver.sales GROUP BY id",
            "SELECT list",
        ),
        ("SELECT id FROM silver.sales ORDER BY (SELECT max(rate) FROM silver.rates) LIMIT 3", "ORDER"),
        ("SELECT * FROM silver.sales PIVOT (sum(amount) FOR region IN ('n', 's'))", "PIVOT"),
        ("SELECT #1 AS id FROM silver.sales", "number"),
        ("SELECT id, now() AS at FROM silver.sales", "another value at every run"),
        ("SELECT id, my_function(amount) AS x FROM silver.sales", "my_function()"),
        (
            "SELECT s.id FROM silver.sales s LEFT JOIN (silver.customers c JOIN silver.rates r ON true) ON true",
            "parentheses",
        ),
        ("SELECT id FROM silver.sales AS s, silver.customers AS s", "two sources"),
        ("SELECT * FROM silver.sales UNION ALL SELECT * FROM silver.sales ORDER BY id LIMIT 4", "LIMIT"),
        ("SELECT id, amount FROM silver.sales\nORDER BY amount LIMIT 4", "line 2: LIMIT"),
        ("SELECT id,\nrow_number() OVER (ORDER BY ts) AS n FROM silver.sales", "line 2: a window without PARTITION BY"),
        ("SELECT count(*) AS id FROM silver.sales", "an aggregate without GROUP BY"),
        ("SELECT amount FROM silver.sales", "no column id"),
        ("SELECT DISTINCT ON (id) * REPLACE (id % 3 AS id) FROM silver.sales ORDER BY id", "DISTINCT ON"),
        ("SELECT id, log10(amount) AS x FROM silver.sales", "log10"),
        ("SELECT id, json_extract(tags, 'a') AS x FROM silver.sales", "a cannot be written again"),
        ("SELECT id FROM silver.v_full", "the view silver.v_full: FULL JOIN"),
        ("SELECT id FROM silver.v_top", "the view silver.v_top: LIMIT"),
    ],
)
def test_what_is_not_followed_is_refreshed_in_full(sql: str, reason: str) -> None:
    """Each refused construct names itself."""
    views = {
        Dataset("silver", "v_full"): parse_query("SELECT s.id FROM silver.sales s FULL JOIN silver.rates r ON true"),
        Dataset("silver", "v_top"): parse_query("SELECT id FROM silver.sales ORDER BY amount, id LIMIT 3"),
    }
    found = why_full(parse_query(sql), ["id"], views)
    assert found is not None
    assert reason in found


def test_few_shapes_are_refreshed_in_full() -> None:
    """All others are derived, so that the oracle proves them."""
    full = {
        shape.name for shape in SHAPES for keys in shape.keys if why_full(parse_query(shape.sql), keys, PARSED_VIEWS)
    }
    assert full == {"global", "windows_apart", "unpartitioned", "rank_of_group", "top", "global_joined"}


@pytest.mark.parametrize(
    "expression",
    [
        "string_agg(region, ', ' ORDER BY _record_id)",
        "list(amount ORDER BY _record_id)",
        "max(ts + INTERVAL '1 month' - INTERVAL 2 DAY)",
        "sum(if(amount > 3, 1, 0) + ifnull(amount, 0) + len(region) + amount % 3)",
        "count(*) FILTER (WHERE region ILIKE 'N%' AND ts::DATE >= DATE '2026-01-01')",
        "max(try_cast(region AS INT)), min(extract(month FROM ts)), max(date_diff('day', ts, TIMESTAMP '2026-01-01'))",
        "max({'a': amount}), min([amount, 2]), max(CAST(amount AS DECIMAL(18, 2))), max(substr(region, 1, 1) || 'x')",
        "max(round(amount / 3, 2)), bool_and(amount > 3), count(DISTINCT region), median(amount), max(region[1:1])",
        "max(regexp_replace(region, '(a) b', '\\1')), max(strftime(ts, '%Y-%m')), max(list_transform(tags, t -> upper(t))[1])",
    ],
)
def test_everyday_expressions_are_derived(expression: str) -> None:
    """The printer's other words for the same thing do no harm."""
    assert why_full(parse_query(f"SELECT id, {expression} AS x FROM silver.sales GROUP BY id"), ["id"], {}) is None


def test_every_aggregate_of_the_engine_is_known_as_one() -> None:
    """An aggregate taken for a plain function would be computed over the changed rows alone."""
    with duckdb.connect() as connection:
        names = connection.execute(
            "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type = 'aggregate' "
            "UNION SELECT function_name FROM duckdb_functions() WHERE function_type = 'macro' "
            "AND regexp_matches(macro_definition, '\\b(sum|avg|count|min|max|list|weighted_avg)\\(')"
        ).fetchall()
    missed = []
    for (name,) in names:
        if name.startswith("list_") or name in ("array_agg", "pg_size_pretty"):
            continue
        for arguments in ("x", "x, y", "x, y, z"):
            try:
                tree = parse_query(f"SELECT {name}({arguments}) AS v FROM silver.sales").tree
            except Exception:  # the parser knows how many arguments some take
                continue
            found = any(is_aggregate(node) for node in own_nodes(tree.selects[0])) or name in ("row_number",)
            if not found:
                missed.append(f"{name}({arguments})")
    assert len(names) > 80
    assert missed == []
    assert "sum" in AGGREGATES
