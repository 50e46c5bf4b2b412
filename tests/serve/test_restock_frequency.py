"""Restock frequency and the interval between restocks, checked by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from retail_lake import RetailLake

pytestmark = pytest.mark.req("S6")

WEEK = date(2026, 6, 1)
FREQUENCY = """SELECT week, value, numerator, denominator, median_interval_hours, interval_reason, deliveries
FROM gold.kpi_restock_frequency ORDER BY ALL"""


def restock(lake: RetailLake, at: str, *, units: int = 5, store: str = "S01", product: str = "P0001") -> None:
    """A snapshot that shows new stock."""
    lake.count(at, 9, restocked=units, store=store, product=product)


def test_events_and_the_median_of_the_hours_between(lake: RetailLake) -> None:
    """Monday, Tuesday, Friday at 5: three in the week; 24 and 72 hours between, the median is 48."""
    for day in (1, 2, 5):
        restock(lake, f"2026-06-{day:02d}T05:00:00Z")
    assert lake.query(FREQUENCY) == [(WEEK, 3.0, 3, 1, Decimal("48.00"), None, 3)]


def test_deliveries_within_an_hour_are_one(lake: RetailLake) -> None:
    """5:00, 5:40 and 6:00 are one event, 6:01 is the next: an hour after the first belongs to it, a minute more does not."""
    for at in ("05:00", "05:40", "06:00", "06:01"):
        restock(lake, at)
    assert lake.query("SELECT numerator, deliveries, median_interval_hours FROM gold.kpi_restock_frequency") == [
        (2, 4, Decimal("1.02"))
    ]
    events = "SELECT strftime(timezone('UTC', started_at), '%H:%M'), deliveries, units FROM gold.restocks ORDER BY 1"
    assert lake.query(events) == [("05:00", 3, 15), ("06:01", 1, 5)]


def test_the_hour_counts_from_the_first_delivery_not_from_the_last(lake: RetailLake) -> None:
    """A truck every 40 minutes is not one endless event: 5:00 with 5:40, then 6:20 with 7:00, then 7:40."""
    for at in ("05:00", "05:40", "06:20", "07:00", "07:40"):
        restock(lake, at)
    assert lake.query("SELECT numerator, deliveries FROM gold.kpi_restock_frequency") == [(3, 5)]


def test_a_week_without_restock_is_zero_and_has_no_interval(lake: RetailLake) -> None:
    """Ranged in the second week too, but nothing came."""
    restock(lake, "2026-06-01T05:00:00Z")
    lake.count("2026-06-09T05:00:00Z", 3)
    assert lake.query(FREQUENCY) == [
        (WEEK, 1.0, 1, 1, None, "no restock before", 1),
        (date(2026, 6, 8), 0.0, 0, 1, None, "no restock in this week", 0),
    ]


def test_an_interval_counts_in_the_week_of_its_later_event(lake: RetailLake) -> None:
    """Friday to Tuesday are 96 hours, of the second week."""
    restock(lake, "2026-06-05T05:00:00Z")
    restock(lake, "2026-06-09T05:00:00Z")
    assert lake.query("SELECT week, median_interval_hours FROM gold.kpi_restock_frequency ORDER BY week") == [
        (WEEK, None),
        (date(2026, 6, 8), Decimal("96.00")),
    ]


def test_weeks_in_which_a_product_is_not_ranged_do_not_count(lake: RetailLake) -> None:
    """Not in the range in the second week: no row; what comes nevertheless makes one."""
    restock(lake, "2026-06-01T05:00:00Z")
    lake.count("2026-06-01T06:00:00Z", 3, ranged=False)
    lake.count("2026-06-09T05:00:00Z", 3, ranged=False)
    lake.add("stock", "S01", "P0001", "2026-06-16T05:00:00Z", 9, 0, 5, False)
    assert lake.query("SELECT week, numerator FROM gold.kpi_restock_frequency ORDER BY week") == [
        (WEEK, 1),
        (date(2026, 6, 15), 1),
    ]


def test_products_and_stores_have_events_of_their_own(lake: RetailLake) -> None:
    """Two stores and two products at the same minute are four events, and a total of 4 in 4."""
    for store in ("S01", "S02"):
        for product in ("P0001", "P0002"):
            restock(lake, "05:00", store=store, product=product)
    assert lake.query("SELECT count(*), sum(value) FROM gold.kpi_restock_frequency") == [(4, 4.0)]
    asked = "SELECT value, numerator, denominator FROM gold.kpi_scorecard WHERE kpi = 'restock_frequency'"
    assert lake.query(asked) == [(1.0, 4.0, 4.0)]


def test_weeks_begin_on_monday_in_the_stores_time(lake: RetailLake) -> None:
    """Sunday 21:59 UTC is Sunday in Berlin, 22:00 UTC is Monday; they are one event, of the week in which it began."""
    restock(lake, "2026-06-07T21:59:00Z")
    restock(lake, "2026-06-07T22:00:00Z")
    restock(lake, "2026-06-08T22:00:00Z")
    assert lake.query("SELECT week, numerator FROM gold.kpi_restock_frequency ORDER BY week") == [
        (WEEK, 1),
        (date(2026, 6, 8), 1),
    ]


def test_late_snapshots_move_events(lake: RetailLake) -> None:
    """A delivery that is told days later begins the event that the known one now belongs to."""
    restock(lake, "06:00")
    lake.count("05:30", 9, restocked=2, received_at=datetime(2026, 6, 11, tzinfo=UTC))
    events = "SELECT strftime(timezone('UTC', started_at), '%H:%M'), units FROM gold.restocks"
    assert lake.query(events) == [("05:30", 7)]
