"""The product turnover rate, checked by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from retail_lake import RetailLake

pytestmark = pytest.mark.req("S6")

WEEK = date(2026, 6, 1)
"""A Monday."""
RATE = "SELECT week, product_id, value, numerator, denominator, reason, flag FROM gold.kpi_product_turnover_rate ORDER BY ALL"


def test_units_sold_over_the_average_weighted_by_time(lake: RetailLake) -> None:
    """10 pieces for one hour and 4 for three are (10 + 12) ÷ 4 = 5.5 on average; 11 sold are 2 times."""
    lake.count("08:00", 10)
    lake.count_from("2026-06-01T09:00:00Z", 3, 4)
    lake.sell("A", "S01", "P0001", "2026-06-01T10:00:00Z", quantity=11)
    assert lake.query(RATE) == [(WEEK, "P0001", 2.0, 11, Decimal("5.5"), None, None)]


def test_gaps_weigh_as_long_as_the_snapshot_holds(lake: RetailLake) -> None:
    """10 at 8, 2 at 14: the first holds for 8 to 11 (4 hours), 12 and 13 are unknown: (40 + 2) ÷ 5 = 8.4."""
    lake.count("08:00", 10)
    lake.count("14:00", 2)
    lake.sell("A", "S01", "P0001", "2026-06-01T10:00:00Z", quantity=21)
    assert lake.query(RATE) == [(WEEK, "P0001", 2.5, 21, Decimal("8.4"), None, None)]


def test_stores_add_up_each_with_its_own_average(lake: RetailLake) -> None:
    """S01 has 6 in two hours, S02 has 4 in one: 10 together, not 5.33; 5 sold in both are a half."""
    lake.count_from("2026-06-01T08:00:00Z", 2, 6)
    lake.count("09:00", 4, store="S02")
    lake.sell("A", "S01", "P0001", "2026-06-01T10:00:00Z", quantity=3)
    lake.sell("B", "S02", "P0001", "2026-06-01T10:00:00Z", quantity=2)
    assert lake.query(RATE) == [(WEEK, "P0001", 0.5, 5, Decimal("10"), None, None)]


def test_sold_without_stock_has_no_value_and_a_flag(lake: RetailLake) -> None:
    """Nothing on hand all week and 3 sold: null with reason and flag, never infinity; not sold: null without flag."""
    lake.count("08:00", 0)
    lake.count("08:00", 0, product="P0002")
    lake.sell("A", "S01", "P0001", "2026-06-01T10:00:00Z", quantity=3)
    assert lake.query(RATE) == [
        (WEEK, "P0001", None, 3, Decimal(0), "the denominator is zero", "sold without stock"),
        (WEEK, "P0002", None, 0, Decimal(0), "the denominator is zero", None),
    ]
    assert lake.query("SELECT DISTINCT status FROM gold.kpi_product_turnover_rate") == [("unknown",)]


def test_one_store_without_stock_is_shown_apart(lake: RetailLake) -> None:
    """S02 sells 2 it does not have: they count in the product's rate (4 ÷ 4), and the row says how many."""
    lake.count("08:00", 4)
    lake.count("08:00", 0, store="S02")
    lake.sell("A", "S01", "P0001", "2026-06-01T10:00:00Z", quantity=2)
    lake.sell("B", "S02", "P0001", "2026-06-01T10:00:00Z", quantity=2)
    asked = "SELECT value, flag, units_sold_without_stock FROM gold.kpi_product_turnover_rate"
    assert lake.query(asked) == [(1.0, None, 2)]


def test_stores_that_do_not_count_are_left_out_of_both_sides(lake: RetailLake) -> None:
    """S02 sold 7 of what it never counts: the rate is that of S01 alone; a product nobody counts is unknown, not zero."""
    lake.count("08:00", 4)
    lake.sell("A", "S01", "P0001", "2026-06-01T10:00:00Z", quantity=2)
    lake.sell("B", "S02", "P0001", "2026-06-01T10:00:00Z", quantity=7)
    lake.sell("C", "S01", "P0002", "2026-06-01T10:00:00Z", quantity=5)
    asked = "SELECT product_id, value, numerator, denominator, reason, units_sold_uncounted FROM gold.kpi_product_turnover_rate ORDER BY ALL"
    assert lake.query(asked) == [
        ("P0001", 0.5, 2, Decimal(4), None, 7),
        ("P0002", None, None, None, "the denominator is unknown", 5),
    ]


def test_returns_reduce_what_was_sold(lake: RetailLake) -> None:
    """5 sold, 1 returned, 2 cancelled: 2 of 4."""
    lake.count("08:00", 4)
    lake.sell("A", "S01", "P0001", "2026-06-01T10:00:00Z", quantity=5)
    lake.sell("R", "S01", "P0001", "2026-06-01T11:00:00Z", type="return")
    lake.sell("C", "S01", "P0001", "2026-06-01T11:00:00Z", type="cancellation", quantity=2)
    assert lake.query("SELECT value, numerator FROM gold.kpi_product_turnover_rate") == [(0.5, 2)]


def test_stock_below_zero_is_nothing_on_hand(lake: RetailLake) -> None:
    """Minus 4 for an hour and 4 for an hour are 2 on average, not 0."""
    lake.count("08:00", -4)
    lake.count("09:00", 4)
    lake.sell("A", "S01", "P0001", "2026-06-01T10:00:00Z")
    assert lake.query("SELECT denominator FROM gold.kpi_product_turnover_rate") == [(Decimal(2),)]


def test_stock_that_is_not_ranged_is_still_stock(lake: RetailLake) -> None:
    """Taken out of the range with 4 left: they lie there."""
    lake.count("08:00", 4)
    lake.count("09:00", 4, ranged=False)
    assert lake.query("SELECT denominator FROM gold.kpi_product_turnover_rate") == [(Decimal(4),)]


def test_weeks_begin_on_monday_in_the_stores_time(lake: RetailLake) -> None:
    """Sunday 21:59 UTC is still Sunday in Berlin, 22:00 UTC is Monday: half-open, [Monday, next Monday)."""
    lake.count("2026-06-07T21:00:00Z", 2)
    lake.count("2026-06-07T22:00:00Z", 4)
    lake.sell("A", "S01", "P0001", "2026-06-07T21:59:59Z")
    lake.sell("B", "S01", "P0001", "2026-06-07T22:00:00Z")
    assert lake.query("SELECT week, numerator, denominator FROM gold.kpi_product_turnover_rate ORDER BY week") == [
        (WEEK, 1, Decimal(2)),
        (date(2026, 6, 8), 1, Decimal(4)),
    ]


def test_the_week_before_is_compared(lake: RetailLake) -> None:
    """0.5 after 0.25 is 0.25 more, 100 %, better."""
    for day, sold in (("2026-06-01", 1), ("2026-06-08", 2)):
        lake.count(f"{day}T08:00:00Z", 4)
        lake.count(f"{day}T12:00:00Z", 4)
        lake.sell(day, "S01", "P0001", f"{day}T10:00:00Z", quantity=sold)
    asked = (
        "SELECT previous, change, change_percent, trend FROM gold.kpi_product_turnover_rate WHERE week = '2026-06-08'"
    )
    assert lake.query(asked) == [(0.25, 0.25, 100.0, "better")]
