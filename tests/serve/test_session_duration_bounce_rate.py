"""Session duration and bounce rate, checked by hand."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from retail_lake import RetailLake

pytestmark = pytest.mark.req("S6")

RATE = """SELECT strftime(timezone('Europe/Berlin', hour), '%H:%M'), channel, numerator, denominator, round(value, 6), median_duration_s,
  mean_duration_s FROM gold.kpi_session_duration_bounce_rate ORDER BY hour, channel"""
SESSIONS = "SELECT visitor_id, events, page_views, duration_s FROM silver.sessions ORDER BY visitor_id, started_at"


def seconds(text: str) -> Decimal:
    """A number of seconds as the model has it."""
    return Decimal(text)


def test_a_small_morning_by_hand(lake: RetailLake) -> None:
    """Five sessions between 8 and 9 on the web, one in the app at 9.

    | visitor | events                               | page views | seconds | bounce |
    | A       | 8:00:00 view, 8:01:00 view, 8:02:30 search | 2    | 150     |        |
    | B       | 8:10:00 view                         | 1          | 0       | yes    |
    | C       | 8:20:00 view, 8:20:40 search         | 1          | 40      | yes    |
    | D       | 8:30:00 view, 8:59:59 view           | 2          | 1799    |        |
    | A again | 8:59:00 view                         | 1          | 0       | yes    |
    | E (app) | 9:00:00 view, 9:00:10 view           | 2          | 10      |        |

    Web at 8: 3 of 5 bounce, 0.6; sorted 0, 0, 40, 150, 1799: median 40, mean 1989 ÷ 5 = 397.8. App at 9: 0 of 1.
    """
    for visitor, at, kind in (
        ("A", "08:00:00", "page_view"), ("A", "08:01:00", "page_view"), ("A", "08:02:30", "search"), ("B", "08:10", "page_view"),
        ("C", "08:20:00", "page_view"), ("C", "08:20:40", "search"), ("D", "08:30:00", "page_view"), ("D", "08:59:59", "page_view"),
        ("A", "08:59:00", "page_view"),
    ):  # fmt: skip
        lake.browse(visitor, at, kind)
    lake.browse("E", "09:00:00", channel="app")
    lake.browse("E", "09:00:10", channel="app")
    assert lake.query(RATE) == [
        ("08:00", "web", 3, 5, 0.6, seconds("40.000"), seconds("397.800")),
        ("09:00", "app", 0, 1, 0.0, seconds("10.000"), seconds("10.000")),
    ]


def test_the_gap_of_exactly_30_minutes_is_within_a_session(lake: RetailLake) -> None:
    """8:00, 8:30:00.000000 are one session of 1,800 s; a microsecond more begins the next."""
    lake.browse("A", "08:00:00")
    lake.browse("A", "08:30:00")
    lake.browse("B", "08:00:00")
    lake.browse("B", "08:30:00.000001")
    assert lake.query(SESSIONS) == [
        ("A", 2, 2, seconds("1800.000000")),
        ("B", 1, 1, seconds("0.000000")),
        ("B", 1, 1, seconds("0.000000")),
    ]


def test_the_gap_counts_from_event_to_event_not_from_the_beginning(lake: RetailLake) -> None:
    """8:00, 8:25, 8:50, 9:15 are one session of 4,500 s, though it takes longer than half an hour."""
    for at in ("08:00", "08:25", "08:50", "09:15"):
        lake.browse("A", at)
    assert lake.query(SESSIONS) == [("A", 4, 4, seconds("4500.000000"))]


def test_events_in_any_order_give_the_same_sessions(lake: RetailLake) -> None:
    """The same four, the last one first."""
    for at in ("09:15", "08:25", "08:50", "08:00"):
        lake.browse("A", at)
    assert lake.query(SESSIONS) == [("A", 4, 4, seconds("4500.000000"))]


def test_a_late_event_joins_two_sessions(lake: RetailLake) -> None:
    """8:00 and 8:40 are two bounces, until 8:20 is told two hours later: then they are one session of 2,400 s and none."""
    lake.browse("A", "08:00")
    lake.browse("A", "08:40")
    assert lake.query(RATE)[0][2:5] == (2, 2, 1.0)
    lake.browse("A", "08:20", late=timedelta(hours=2))
    assert lake.query(RATE) == [("08:00", "web", 0, 1, 0.0, seconds("2400.000"), seconds("2400.000"))]


def test_a_later_one_stands_apart(lake: RetailLake) -> None:
    """Two hours and a microsecond: both bounces stay, and the event is shown as too late."""
    lake.browse("A", "08:00")
    lake.browse("A", "08:40")
    lake.browse("A", "08:20", late=timedelta(hours=2, microseconds=1))
    asked = "SELECT numerator, denominator, events_too_late, bot_sessions FROM gold.kpi_session_duration_bounce_rate"
    assert lake.query(asked) == [(2, 2, 1, 0)]


def test_bots_are_left_out_and_shown_apart(lake: RetailLake) -> None:
    """One person bounces; two sessions of bots, told by a piece of the agent in any capitals, count nowhere else."""
    lake.add("bots", "Googlebot", "Google")
    lake.add("bots", "curl/", "curl")
    lake.browse("A", "08:00")
    lake.browse("bot", "08:05", agent="Mozilla/5.0 (compatible; GOOGLEBOT/2.1)")
    lake.browse("bot", "08:06", agent="Mozilla/5.0 (compatible; GOOGLEBOT/2.1)")
    lake.browse("script", "08:07", agent="curl/8.5")
    lake.browse("B", "08:10", "search", agent="a browser for curling")
    asked = "SELECT numerator, denominator, bot_sessions FROM gold.kpi_session_duration_bounce_rate"
    assert lake.query(asked) == [(1, 2, 2)]


def test_an_hour_of_bots_only_has_no_value_but_a_reason(lake: RetailLake) -> None:
    """Zero sessions of people: null, never 0."""
    lake.add("bots", "curl/", "curl")
    lake.browse("script", "08:07", agent="curl/8.5")
    asked = "SELECT value, denominator, reason, median_duration_s FROM gold.kpi_session_duration_bounce_rate"
    assert lake.query(asked) == [(None, 0, "the denominator is zero", None)]


def test_a_session_without_a_page_view_is_no_bounce(lake: RetailLake) -> None:
    """Only a search: a session, but not one with one page view."""
    lake.browse("A", "08:00", "search")
    assert lake.query(RATE)[0][2:5] == (0, 1, 0.0)


def test_a_session_belongs_to_the_hour_and_channel_of_its_first_event(lake: RetailLake) -> None:
    """Begun on the web at 8:50, gone on in the app at 9:10."""
    lake.browse("A", "08:50")
    lake.browse("A", "09:10", channel="app")
    assert lake.query(RATE) == [("08:00", "web", 0, 1, 0.0, seconds("1200.000"), seconds("1200.000"))]


def test_a_session_may_go_beyond_midnight(lake: RetailLake) -> None:
    """23:50 and 0:10 in Berlin are one session, of the day on which it began."""
    lake.browse("A", "2026-06-01 23:50")
    lake.browse("A", "2026-06-02 00:10")
    asked = "SELECT day::VARCHAR, strftime(timezone('Europe/Berlin', hour), '%H:%M'), duration_s FROM gold.sessions"
    assert lake.query(asked) == [("2026-06-01", "23:00", seconds("1200.000000"))]


def test_the_hour_that_the_clocks_show_twice_is_two(lake: RetailLake) -> None:
    """On 25 October 2026 it is 2:30 at 0:30 UTC and again at 1:30 UTC."""
    lake.browse("A", "2026-10-25T00:30:00+00:00")
    lake.browse("B", "2026-10-25T01:30:00+00:00")
    asked = """SELECT strftime(timezone('UTC', hour), '%d %H:%M'), denominator
    FROM gold.kpi_session_duration_bounce_rate ORDER BY hour"""
    assert lake.query(asked) == [("25 00:00", 1), ("25 01:00", 1)]


def test_the_total_is_that_of_all_sessions(lake: RetailLake) -> None:
    """The hour's total in the scorecard: 1 bounce of 3, not the mean of 1/1 and 0/2."""
    lake.browse("A", "08:00")
    for visitor in ("B", "C"):
        lake.browse(visitor, "08:00", channel="app")
        lake.browse(visitor, "08:01", channel="app")
    asked = "SELECT numerator, denominator FROM gold.kpi_scorecard WHERE kpi = 'session_duration_bounce_rate'"
    assert lake.query(asked) == [(1.0, 3.0)]
