"""Feedback score, checked by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from retail_lake import RetailLake

pytestmark = pytest.mark.req("S6")

SCORE = """SELECT day, channel, numerator, denominator, value, good_ratings, share_good FROM gold.kpi_feedback_score ORDER BY day, channel"""
MONDAY, TUESDAY = date(2026, 6, 1), date(2026, 6, 2)


def rate(lake: RetailLake, reference: str, at: str, rating: int, *, channel: str = "phone") -> None:
    """A rating of a contact that was opened at 8."""
    lake.contact(reference, "rated", at, opened="08:00", channel=channel, rating=rating)


def test_the_mean_the_share_and_the_number(lake: RetailLake) -> None:
    """By phone 5, 4, 2, 4: 15 ÷ 4 = 3.75, three of four are good, 0.75. By chat one 1: 1, none is good."""
    for number, rating in enumerate((5, 4, 2, 4)):
        rate(lake, f"P{number}", "09:00", rating)
    rate(lake, "C1", "09:00", 1, channel="chat")
    assert lake.query(SCORE) == [
        (MONDAY, "chat", 1, 1, 1.0, 0, Decimal("0.000000")),
        (MONDAY, "phone", 15, 4, 3.75, 3, Decimal("0.750000")),
    ]


def test_the_last_rating_of_a_contact_counts(lake: RetailLake) -> None:
    """2 on Monday, 5 on Tuesday: Tuesday has the 5, Monday nothing; in whatever order they come."""
    rate(lake, "P1", "2026-06-02 10:00", 5)
    rate(lake, "P1", "2026-06-01 10:00", 2)
    assert lake.query(SCORE) == [(TUESDAY, "phone", 5, 1, 5.0, 1, Decimal("1.000000"))]


def test_the_last_one_counts_also_across_two_systems(lake: RetailLake) -> None:
    """The second system's rating of the same reference is the later one."""
    rate(lake, "P1", "10:00", 2)
    lake.contact("P1", "rated", "11:00", opened="08:20", rating=4, twin="b")
    assert lake.query(SCORE) == [(MONDAY, "phone", 4, 1, 4.0, 1, Decimal("1.000000"))]


def test_a_rating_event_without_a_rating_takes_nothing_back(lake: RetailLake) -> None:
    """3, then an empty one: the 3 stays."""
    rate(lake, "P1", "10:00", 3)
    lake.contact("P1", "rated", "11:00", opened="08:00", rating=None)
    assert lake.query(SCORE) == [(MONDAY, "phone", 3, 1, 3.0, 0, Decimal("0.000000"))]


def test_the_day_is_that_of_the_rating_in_the_stores_time(lake: RetailLake) -> None:
    """22:30 UTC on Monday is half past midnight on Tuesday in Berlin."""
    rate(lake, "P1", "2026-06-01T21:59:59+00:00", 4)
    rate(lake, "P2", "2026-06-01T22:30:00+00:00", 5)
    assert [row[:4] for row in lake.query(SCORE)] == [(MONDAY, "phone", 4, 1), (TUESDAY, "phone", 5, 1)]


def test_contacts_without_a_rating_have_no_row(lake: RetailLake) -> None:
    """Opened and resolved, but nobody said how it was."""
    lake.contact("P1", "opened", "08:00", opened="08:00")
    lake.contact("P1", "resolved", "09:00", opened="08:00")
    assert lake.query(SCORE) == []


def test_the_total_weighs_every_rating_alike(lake: RetailLake) -> None:
    """5 by chat; 1, 1, 1 by phone: 8 ÷ 4 = 2, not the mean of the channels' means."""
    rate(lake, "C1", "09:00", 5, channel="chat")
    for number in range(3):
        rate(lake, f"P{number}", "09:00", 1)
    asked = "SELECT value, numerator, denominator FROM gold.kpi_scorecard WHERE kpi = 'feedback_score'"
    assert lake.query(asked) == [(2.0, 8.0, 4.0)]
