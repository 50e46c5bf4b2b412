"""Only a model of one row for each record, whatever the others are, may be appended to without looking back."""

from __future__ import annotations

import pytest

from entrepot.kernel.names import Dataset
from entrepot.sql.incremental.append import is_insert_only
from entrepot.sql.query import parse_query

SALES = Dataset("silver", "sales")
VIEWS = {
    Dataset("silver", "totals"): parse_query("SELECT customer, sum(amount) AS t FROM silver.sales GROUP BY customer")
}


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT _record_id, amount FROM silver.sales WHERE amount > 1", True),
        ("SELECT s._record_id, c.country FROM silver.sales s LEFT JOIN silver.customers c ON c.id = s.customer", True),
        ("WITH a AS (SELECT * FROM silver.sales) SELECT _record_id FROM a", True),
        ("SELECT _record_id FROM silver.sales WHERE customer IN (SELECT id FROM silver.customers)", True),
        ("SELECT c._record_id FROM silver.customers c LEFT JOIN silver.sales s ON s.customer = c.id", False),
        ("SELECT s._record_id FROM silver.sales s JOIN silver.sales t ON t.id = s.id", False),
        ("SELECT _record_id FROM silver.sales WHERE amount > (SELECT avg(amount) FROM silver.sales)", False),
        ("SELECT _record_id FROM silver.customers WHERE id IN (SELECT customer FROM silver.sales)", False),
        ("SELECT customer, sum(amount) AS t FROM silver.sales GROUP BY customer", False),
        ("SELECT _record_id, row_number() OVER (ORDER BY ts) AS n FROM silver.sales", False),
        ("SELECT DISTINCT _record_id FROM silver.sales", False),
        ("SELECT _record_id FROM silver.sales ORDER BY amount LIMIT 3", False),
        ("SELECT s._record_id, t.t FROM silver.sales s JOIN silver.totals t ON t.customer = s.customer", False),
    ],
)
def test_only_rows_that_stand_for_themselves_are_appended(sql: str, expected: bool) -> None:
    """A view that reads the records too is looked into."""
    assert is_insert_only(parse_query(sql), SALES, VIEWS) is expected
