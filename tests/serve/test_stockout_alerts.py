"""Stockout episodes and their alerts, checked by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from retail_lake import RetailLake

pytestmark = pytest.mark.req("S6")

EPISODES = """SELECT severity, state, strftime(timezone('UTC', started_at), '%H'), strftime(timezone('UTC', ended_at), '%H'),
ended_by, lowest_on_hand, hours, late_change FROM gold.stockout_episodes ORDER BY started_at, state DESC"""
LATER = datetime(2026, 6, 11, tzinfo=UTC)


def test_an_episode_lasts_from_zero_to_the_next_positive_snapshot(lake: RetailLake) -> None:
    """Empty at 9, 10 and 11, filled at 12: one episode of three hours, one alert."""
    for hour, on_hand in (("08:00", 5), ("09:00", 0), ("10:00", -1), ("11:00", 0), ("12:00", 9)):
        lake.count(hour, on_hand)
    assert lake.query(EPISODES) == [("critical", "ended", "09", "12", "restocked", -1, Decimal("3.00"), None)]
    assert lake.query("SELECT value, hours FROM gold.kpi_stockout_alerts") == [(1, Decimal("3.00"))]


def test_several_episodes_are_several_alerts(lake: RetailLake) -> None:
    """Empty at 9, filled at 10, empty at 11 until the end at 13: two, the second still open after two hours."""
    for hour, on_hand in (("08:00", 5), ("09:00", 0), ("10:00", 4), ("11:00", 0), ("13:00", 0)):
        lake.count(hour, on_hand)
    assert lake.query(EPISODES) == [
        ("critical", "ended", "09", "10", "restocked", 0, Decimal("1.00"), None),
        ("critical", "open", "11", None, None, 0, Decimal("2.00"), None),
    ]
    assert lake.query("SELECT sum(value) FROM gold.kpi_stockout_alerts") == [(2,)]


def test_below_safety_stock_is_a_warning_that_may_get_worse(lake: RetailLake) -> None:
    """4 of at least 5 warns; at 0 the warning ends and a critical episode begins; at 2 it is a warning again."""
    for hour, on_hand in (("08:00", 9), ("09:00", 4), ("10:00", 0), ("11:00", 2), ("12:00", 5)):
        lake.count(hour, on_hand, safety=5)
    assert lake.query(EPISODES) == [
        ("warning", "ended", "09", "10", "ran out", 4, Decimal("1.00"), None),
        ("critical", "ended", "10", "11", "restocked", 0, Decimal("1.00"), None),
        ("warning", "ended", "11", "12", "restocked", 2, Decimal("1.00"), None),
    ]


def test_missing_snapshots_end_nothing(lake: RetailLake) -> None:
    """Empty at 8 and at 18 with nothing between: one episode."""
    lake.count("08:00", 0)
    lake.count("18:00", 0)
    lake.count("20:00", 1)
    assert lake.query(EPISODES) == [("critical", "ended", "08", "20", "restocked", 0, Decimal("12.00"), None)]


def test_a_product_that_is_not_ranged_is_no_stockout(lake: RetailLake) -> None:
    """Delisted while empty: the episode ends without recovery; empty and not ranged opens none."""
    lake.count("08:00", 0)
    lake.count("09:00", 0, ranged=False)
    lake.count("10:00", 0, ranged=False)
    assert lake.query(EPISODES) == [("critical", "ended", "08", "09", "delisted", 0, Decimal("1.00"), None)]


def test_a_late_snapshot_opens_an_episode(lake: RetailLake) -> None:
    """Nobody knew at the time that the shelf was empty at 9."""
    lake.count("08:00", 5)
    lake.count("10:00", 5)
    lake.count("09:00", 0, received_at=LATER)
    assert lake.query(EPISODES) == [
        ("critical", "ended", "09", "10", "restocked", 0, Decimal("1.00"), "opened by a late snapshot")
    ]


def test_a_late_snapshot_closes_an_episode(lake: RetailLake) -> None:
    """Empty from 8 to 12 as it seemed; filled at 10 and empty again at 12 as it was: the first ends, a second opens."""
    lake.count("08:00", 0)
    lake.count("12:00", 0)
    lake.count("10:00", 3, received_at=LATER)
    assert lake.query(EPISODES) == [
        ("critical", "ended", "08", "10", "restocked", 0, Decimal("2.00"), "closed by a late snapshot"),
        ("critical", "open", "12", None, None, 0, Decimal("0.00"), "opened by a late snapshot"),
    ]


def test_a_late_snapshot_removes_an_episode_but_not_its_record(lake: RetailLake) -> None:
    """A warning seemed to begin at 9; by the late snapshot it began at 8: the record of 9 says so and counts as no alert."""
    lake.count("07:00", 9, safety=5)
    lake.count("09:00", 3, safety=5)
    lake.count("10:00", 9, safety=5)
    lake.count("08:00", 4, safety=5, received_at=LATER)
    assert lake.query(EPISODES) == [
        ("warning", "ended", "08", "10", "restocked", 3, Decimal("2.00"), "opened by a late snapshot"),
        ("warning", "removed", "09", "10", "restocked", 3, Decimal("1.00"), "removed by a late snapshot"),
    ]
    assert lake.query("SELECT state, value FROM gold.kpi_stockout_alerts ORDER BY state") == [
        ("ended", 1),
        ("removed", 0),
    ]


def test_a_late_snapshot_that_changes_nothing_is_not_told(lake: RetailLake) -> None:
    """Still empty at 9, as everybody thought."""
    lake.count("08:00", 0)
    lake.count("10:00", 5)
    lake.count("09:00", 0, received_at=LATER)
    assert lake.query(EPISODES) == [("critical", "ended", "08", "10", "restocked", 0, Decimal("2.00"), None)]


def test_products_and_stores_have_episodes_of_their_own(lake: RetailLake) -> None:
    """Two products empty at the same time are two alerts, each named by its episode."""
    lake.count("08:00", 0)
    lake.count("08:00", 0, product="P0002")
    assert lake.query("SELECT episode FROM gold.kpi_stockout_alerts ORDER BY episode") == [
        ("S01/P0001/critical/2026-06-01T08:00:00Z",),
        ("S01/P0002/critical/2026-06-01T08:00:00Z",),
    ]
