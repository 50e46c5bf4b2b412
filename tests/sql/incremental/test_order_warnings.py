"""A choice among rows that may be equal is warned of, with its line and what to write; a total order is not."""

from __future__ import annotations

import pytest

from entrepot.sql.incremental.orders import order_warnings
from entrepot.sql.query import parse_query


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        (
            "SELECT a,\nrow_number() OVER (PARTITION BY k ORDER BY ts) AS n FROM silver.sales",
            [(2, "row_number() does not say")],
        ),
        (
            "SELECT a FROM silver.sales\nQUALIFY row_number() OVER (PARTITION BY k) = 1",
            [(2, "row_number() has no ORDER BY")],
        ),
        (
            "SELECT sum(v) OVER (ORDER BY ts ROWS 3 PRECEDING) AS s FROM silver.sales",
            [(1, "sum() over a frame of ROWS")],
        ),
        ("SELECT lag(v) OVER w AS s FROM silver.sales WINDOW w AS (PARTITION BY k ORDER BY ts)", [(1, "lag()")]),
        (
            "SELECT first(v) AS f, any_value(v) AS g FROM silver.sales",
            [(1, "first() has no"), (1, "any_value() may take")],
        ),
        ("SELECT arg_max(v, ts) AS f FROM silver.sales", [(1, "arg_max() does not say which row wins")]),
        (
            "SELECT list(v) AS f, string_agg(v, ',' ORDER BY v) AS g FROM silver.sales",
            [(1, "list() has no"), (1, "does not say")],
        ),
        ("SELECT DISTINCT ON (k) k, v FROM silver.sales ORDER BY k, ts", [(1, "DISTINCT ON")]),
        ("SELECT k FROM silver.sales ORDER BY v LIMIT 3", [(1, "LIMIT")]),
        ("SELECT row_number() OVER (ORDER BY ts, _record_id) AS n FROM silver.sales", []),
        ("SELECT row_number() OVER (ORDER BY ts, number) AS n FROM silver.sales", []),
        ("SELECT sum(v) OVER (PARTITION BY k ORDER BY ts) AS n, rank() OVER (ORDER BY ts) AS r FROM silver.sales", []),
        ("SELECT arg_max(v, (ts, _record_id)) AS f, list_sort(list(v)) AS l, max(v) AS m FROM silver.sales", []),
        ("SELECT k, sum(v) AS s FROM silver.sales GROUP BY k ORDER BY s, k LIMIT 3", []),
        ("SELECT k, row_number() OVER (ORDER BY sum(v), k) AS n FROM silver.sales GROUP BY k", []),
    ],
)
def test_orders_that_leave_ties_are_warned_of(sql: str, said: list[tuple[int, str]]) -> None:
    """`number` is said to be unique."""
    found = order_warnings(parse_query(sql), unique=["number"])
    assert len(found) == len(said)
    for warning, (line, text) in zip(found, said, strict=True):
        assert warning.line == line
        assert text in warning.text
        assert warning.hint
