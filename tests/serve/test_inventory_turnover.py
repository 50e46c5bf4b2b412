"""Inventory turnover and days of inventory, checked by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from retail_lake import RetailLake

pytestmark = pytest.mark.req("S6")

JUNE = date(2026, 6, 1)
TURNOVER = "SELECT value, numerator, denominator, reason, days_of_inventory, days_reason FROM gold.kpi_inventory_turnover ORDER BY ALL"


@pytest.fixture
def costed(lake: RetailLake) -> RetailLake:
    """The product of the lake costs 1.50 from the beginning of the year on."""
    lake.add("costs", "P0001", "2026-01-01", "1.50")
    return lake


def test_cost_of_goods_over_average_inventory_at_cost(costed: RetailLake) -> None:
    """4 on hand at 1.50 are 6.00; 8 sold cost 12.00: 2 times, and one day ÷ 2 is half a day of inventory."""
    costed.count_from("2026-06-01T08:00:00Z", 3, 4)
    costed.sell("A", "S01", "P0001", "2026-06-01T10:00:00Z", quantity=8, price="9.99")
    assert costed.query(TURNOVER) == [(2.0, Decimal("12.00"), Decimal(6), None, Decimal("0.50"), None)]


def test_a_sale_costs_what_it_cost_on_its_day(costed: RetailLake) -> None:
    """From June 2nd a piece costs 3.00: 2 sold on the 1st and 2 on the 2nd cost 3 + 6; 4 on hand are worth 6, then 12."""
    costed.add("costs", "P0001", "2026-06-02", "3.00")
    for day in ("2026-06-01", "2026-06-02"):
        costed.count_from(f"{day}T08:00:00Z", 4, 4)
        costed.sell(day, "S01", "P0001", f"{day}T10:00:00Z", quantity=2)
    # 4 hours each are counted and none carried: 11:00 holds until 14:00 of the first day, the second day's is the last.
    assert costed.query("SELECT numerator FROM gold.kpi_inventory_turnover") == [(Decimal("9.00"),)]
    # First day 08 to 14 (7 hours) at 6.00, second day 08 to 11 (4 hours) at 12.00: (42 + 48) ÷ 11.
    assert costed.query("SELECT denominator FROM gold.kpi_inventory_turnover") == [(Decimal("8.181818"),)]


def test_the_day_of_a_cost_begins_at_midnight_in_the_stores(costed: RetailLake) -> None:
    """The new cost holds from June 2nd 0:00 in Berlin, which is 22:00 UTC on the 1st; up to then the old one."""
    costed.add("costs", "P0001", "2026-06-02", "3.00")
    costed.count("20:00", 1)
    costed.sell("A", "S01", "P0001", "2026-06-01T21:59:59Z")
    costed.sell("B", "S01", "P0001", "2026-06-01T22:00:00Z")
    assert costed.query("SELECT numerator FROM gold.kpi_inventory_turnover") == [(Decimal("4.50"),)]


def test_no_inventory_has_no_value_but_a_reason(costed: RetailLake) -> None:
    """Sold from an empty shelf: null, never infinity, and no days."""
    costed.count("08:00", 0)
    costed.sell("A", "S01", "P0001", "2026-06-01T10:00:00Z")
    assert costed.query(TURNOVER) == [
        (None, Decimal("1.50"), Decimal(0), "the denominator is zero", None, "there was no inventory")
    ]


def test_nothing_sold_is_zero_and_has_no_days(costed: RetailLake) -> None:
    """0 ÷ 6.00 is 0 times; one day ÷ 0 is no number."""
    costed.count("08:00", 4)
    assert costed.query(TURNOVER) == [(0.0, Decimal("0.00"), Decimal(6), None, None, "nothing was sold")]


def test_more_returned_than_sold_is_negative_and_has_no_days(costed: RetailLake) -> None:
    """One piece back and none sold: −1.50 ÷ 6.00."""
    costed.count("08:00", 4)
    costed.sell("R", "S01", "P0001", "2026-06-01T10:00:00Z", type="return")
    assert costed.query(TURNOVER) == [(-0.25, Decimal("-1.50"), Decimal(6), None, None, "more came back than was sold")]


def test_a_product_without_cost_is_left_out_of_both_sides(costed: RetailLake) -> None:
    """P0002 has stock and sales but no cost yet: the category is that of P0001, and its 5 units are shown."""
    costed.add("products", "P0002", "Cream", "Dairy", "Alba", "2.50", "1.50")
    costed.add("costs", "P0002", "2026-06-15", "9.00")
    costed.count("08:00", 4)
    costed.count("08:00", 100, product="P0002")
    costed.sell("A", "S01", "P0001", "2026-06-01T10:00:00Z", quantity=4)
    costed.sell("B", "S01", "P0002", "2026-06-01T10:00:00Z", quantity=5)
    asked = "SELECT value, numerator, denominator, units_without_cost + units_sold_uncounted FROM gold.kpi_inventory_turnover"
    assert costed.query(asked) == [(1.0, Decimal("6.00"), Decimal(6), 5)]


def test_what_is_not_counted_is_left_out_of_both_sides(costed: RetailLake) -> None:
    """A category whose stock nobody counts is unknown, not zero."""
    costed.sell("A", "S01", "P0001", "2026-06-01T10:00:00Z", quantity=4)
    asked = (
        "SELECT value, reason, days_of_inventory, days_reason, units_sold_uncounted FROM gold.kpi_inventory_turnover"
    )
    assert costed.query(asked) == [(None, "the denominator is unknown", None, "the inventory is unknown", 4)]


def test_the_days_of_a_full_month_are_its_own(costed: RetailLake) -> None:
    """June has 30 days: 6.00 on hand throughout and 12.00 sold are 2 times, 15 days of inventory."""
    for day in range(30):  # one count a day is enough: the hours that nobody counts do not weigh
        costed.count((datetime(2026, 6, 1, 5, tzinfo=UTC) + timedelta(days=day)).isoformat(), 4)
    costed.sell("A", "S01", "P0001", "2026-06-10T10:00:00Z", quantity=8)
    assert costed.query("SELECT month, value, days_of_inventory FROM gold.kpi_inventory_turnover") == [
        (JUNE, 2.0, Decimal("15.00"))
    ]


def test_categories_and_stores_are_apart_and_products_add_up(costed: RetailLake) -> None:
    """Two products of 6.00 and 2.00 are 8.00; 8.00 sold of one is once; the other store and category stand alone."""
    costed.add("products", "P0002", "Cream", "Dairy", "Alba", "2.50", "1.50")
    costed.add("products", "P0003", "Bun", "Bakery", "Alba", "2.50", "1.50")
    costed.add("costs", "P0002", "2026-01-01", "1.00")
    costed.add("costs", "P0003", "2026-01-01", "1.00")
    costed.count("08:00", 4)
    costed.count("08:00", 2, product="P0002")
    costed.count("08:00", 2, product="P0003")
    costed.count("08:00", 1, store="S02")
    costed.sell("A", "S01", "P0002", "2026-06-01T10:00:00Z", quantity=8)
    assert costed.query("SELECT store_id, category, value FROM gold.kpi_inventory_turnover ORDER BY ALL") == [
        ("S01", "Bakery", 0.0),
        ("S01", "Dairy", 1.0),
        ("S02", "Dairy", 0.0),
    ]
