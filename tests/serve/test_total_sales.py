"""Total sales by region and product, checked by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from retail_lake import RetailLake

pytestmark = pytest.mark.req("S6")

ALL = """SELECT day, region, product_id, product, value, units, baskets, numerator, denominator, reason
FROM gold.kpi_total_sales ORDER BY ALL"""


def test_quantity_times_price_less_discounts(lake: RetailLake) -> None:
    """3 × 2.50 − 0.50 and 1 × 2.50 on one day are 9.50 for 4 units in 2 baskets, exact to the cent."""
    lake.sell("A", "S01", "P0001", "2026-06-01T10:00:00Z", quantity=3, discount="0.50")
    lake.sell("B", "S01", "P0001", "2026-06-01T11:00:00Z")
    assert lake.query(ALL) == [
        (date(2026, 6, 1), "North", "P0001", "Milk", Decimal("9.50"), 4, 2, None, None, None),
    ]


def test_a_return_counts_on_the_day_it_happens(lake: RetailLake) -> None:
    """Sold on Monday and returned on Tuesday: Monday keeps its 5.00, Tuesday has −2.50, −1 unit and no basket."""
    lake.sell("A", "S01", "P0001", "2026-06-01T10:00:00Z", quantity=2)
    lake.sell("R", "S01", "P0001", "2026-06-02T10:00:00Z", type="return")
    assert lake.query("SELECT day, value, units, baskets FROM gold.kpi_total_sales ORDER BY day") == [
        (date(2026, 6, 1), Decimal("5.00"), 2, 1),
        (date(2026, 6, 2), Decimal("-2.50"), -1, 0),
    ]


def test_a_cancellation_takes_the_sale_back(lake: RetailLake) -> None:
    """A cancelled line with a discount adds up to nothing."""
    lake.sell("A", "S01", "P0001", "2026-06-01T10:00:00Z", quantity=2, discount="1.00")
    lake.sell("AC", "S01", "P0001", "2026-06-01T10:03:00Z", quantity=2, discount="1.00", type="cancellation")
    assert lake.query("SELECT value, units, baskets FROM gold.kpi_total_sales") == [(Decimal("0.00"), 0, 1)]


def test_unknown_store_and_product_have_rows_of_their_own(lake: RetailLake) -> None:
    """Lines of a store or product that master data do not have are shown as unknown, and the total is complete."""
    lake.sell("A", "S01", "P0001", "2026-06-01T10:00:00Z")
    lake.sell("B", "S99", "P0001", "2026-06-01T10:00:00Z", price="1.00")
    lake.sell("C", "S01", "P9999", "2026-06-01T10:00:00Z", price="0.10")
    assert lake.query("SELECT region, product_id, product, value FROM gold.kpi_total_sales ORDER BY ALL") == [
        ("(unknown)", "P0001", "Milk", Decimal("1.00")),
        ("North", "P0001", "Milk", Decimal("2.50")),
        ("North", "P9999", "(unknown product)", Decimal("0.10")),
    ]


def test_the_day_is_that_of_the_stores(lake: RetailLake) -> None:
    """22:30 UTC in June is half past midnight of the next day in Berlin, whatever the session's time zone is."""
    lake.sell("A", "S01", "P0001", "2026-06-01T22:30:00Z")
    lake.sell("B", "S01", "P0001", "2026-06-01T21:30:00Z", quantity=2)
    assert lake.query("SELECT day, units FROM gold.kpi_total_sales ORDER BY day") == [
        (date(2026, 6, 1), 2),
        (date(2026, 6, 2), 1),
    ]


def test_a_basket_with_two_lines_of_a_product_is_one(lake: RetailLake) -> None:
    """Baskets are receipts, not lines."""
    lake.sell("A", "S01", "P0001", "2026-06-01T10:00:00Z")
    lake.sell("A", "S01", "P0001", "2026-06-01T10:00:00Z", line=2)
    assert lake.query("SELECT units, baskets FROM gold.kpi_total_sales") == [(2, 1)]
