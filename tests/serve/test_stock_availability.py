"""Stock availability, checked by hand."""

from __future__ import annotations

from datetime import date

import pytest
from retail_lake import RetailLake

pytestmark = pytest.mark.req("S6")

RATE = "SELECT value, numerator, denominator, hours_unknown FROM gold.kpi_stock_availability ORDER BY day"


def test_hours_in_stock_over_hours_ranged(lake: RetailLake) -> None:
    """Of four hours with snapshots three have stock: 0.75."""
    for hour, on_hand in (("08:00", 5), ("09:00", 1), ("10:00", 0), ("11:00", 7)):
        lake.count(hour, on_hand)
    assert lake.query(RATE) == [(0.75, 3, 4, 0)]


def test_a_snapshot_carries_forward_three_hours_then_the_hour_is_unknown(lake: RetailLake) -> None:
    """Counted at 8 and at 14: 8, 9, 10, 11 are known by the first, 12 and 13 are unknown, 14 is known: 5 of 5."""
    lake.count("08:00", 5)
    lake.count("14:00", 3)
    assert lake.query(RATE) == [(1.0, 5, 5, 2)]


def test_three_missing_hours_are_all_carried(lake: RetailLake) -> None:
    """Counted at 8 (empty) and at 12: 9, 10 and 11 are out of stock too, none is unknown: 1 of 5."""
    lake.count("08:00", 0)
    lake.count("12:00", 4)
    assert lake.query(RATE) == [(0.2, 1, 5, 0)]


def test_below_zero_is_out_of_stock_and_shown(lake: RetailLake) -> None:
    """Minus two on hand is not in stock, and counts among the negative hours."""
    lake.count("08:00", -2)
    lake.count("09:00", 1)
    assert lake.query("SELECT value, numerator, denominator, hours_negative FROM gold.kpi_stock_availability") == [
        (0.5, 1, 2, 1)
    ]


def test_hours_in_which_the_product_is_not_ranged_do_not_count(lake: RetailLake) -> None:
    """Taken off the shelf at 10, back at 12: hours 10 and 11 are in neither sum."""
    lake.count("08:00", 5)
    lake.count("09:00", 5)
    lake.count("10:00", 0, ranged=False)
    lake.count("12:00", 5)
    assert lake.query(RATE) == [(1.0, 3, 3, 0)]


def test_the_last_snapshot_is_not_carried_beyond_what_anybody_knows(lake: RetailLake) -> None:
    """Another product's snapshot at 10 is the end: the first product's 8 o'clock count covers 8, 9, 10."""
    lake.count("08:00", 5)
    lake.count("10:00", 5, product="P0002")
    assert lake.query("SELECT product_id, denominator FROM gold.kpi_stock_availability ORDER BY ALL") == [
        ("P0001", 3),
        ("P0002", 1),
    ]


def test_a_day_of_unknown_hours_has_no_value_but_a_reason(lake: RetailLake) -> None:
    """Nothing counted on the second day after the third hour: null, never 0 or infinity."""
    lake.count("2026-06-01T18:00:00Z", 5)
    lake.count("2026-06-03T23:00:00Z", 5)
    rows = lake.query("SELECT day, value, denominator, reason FROM gold.kpi_stock_availability ORDER BY day")
    assert (date(2026, 6, 2), None, 0, "the denominator is zero") in rows


def test_the_last_of_several_snapshots_in_an_hour_counts(lake: RetailLake) -> None:
    """Empty at 8:05, filled at 8:50: the hour is in stock."""
    lake.count("08:05", 0)
    lake.count("08:50", 6)
    assert lake.query(RATE) == [(1.0, 1, 1, 0)]


def test_hours_fall_on_the_day_of_the_stores(lake: RetailLake) -> None:
    """21:00 UTC on June 1st is 23:00 in Berlin, 22:00 UTC is the next day."""
    lake.count("21:00", 5)
    lake.count("22:00", 0)
    assert lake.query("SELECT day, value FROM gold.kpi_stock_availability ORDER BY day") == [
        (date(2026, 6, 1), 1.0),
        (date(2026, 6, 2), 0.0),
    ]
