"""Loyalty activity rate, checked by hand."""

from __future__ import annotations

from datetime import date

import pytest
from retail_lake import RetailLake

pytestmark = pytest.mark.req("S6")

JUNE, JULY, AUGUST = (date(2026, month, 1) for month in (6, 7, 8))
RATE = """SELECT month, tier, numerator, denominator, value, joined, members_left, active_before_leaving
FROM gold.kpi_loyalty_activity_rate ORDER BY month, tier"""
OLD = "2024-03-05 10:00"
"""Long before the data; told in their first hour."""


def enrol_before(lake: RetailLake, *members: str, tier: str = "bronze") -> None:
    """Members of old."""
    for member in members:
        lake.member(member, "enrol", OLD, tier=tier, recorded="2026-06-01 00:10")


def test_active_members_over_members_at_the_end(lake: RetailLake) -> None:
    """Five members of old; in June

    | member | did                     | active |
    | M0001  | earned twice            | yes    |
    | M0002  | redeemed                | yes    |
    | M0003  | asked about the programme | yes  |
    | M0004  | asked something else    | no     |
    | M0005  | nothing                 | no     |

    3 ÷ 5 = 0.6.
    """
    enrol_before(lake, "M0001", "M0002", "M0003", "M0004", "M0005")
    lake.member("M0001", "earning", "2026-06-03 10:00")
    lake.member("M0001", "earning", "2026-06-04 10:00")
    lake.member("M0002", "redemption", "2026-06-03 10:00")
    lake.contact("L1", "opened", "2026-06-03 10:00", opened="2026-06-03 10:00", type="loyalty", customer="C0003")
    lake.contact("Q1", "opened", "2026-06-03 10:00", opened="2026-06-03 10:00", type="question", customer="C0004")
    assert lake.query(RATE) == [(JUNE, "bronze", 3, 5, 0.6, 0, 0, 0)]


def test_who_joins_within_the_month_is_a_member_at_its_end(lake: RetailLake) -> None:
    """Both joined in June; joining is no activity, only the one who earned is active: 1 ÷ 2."""
    lake.member("M0001", "enrol", "2026-06-10 10:00")
    lake.member("M0002", "enrol", "2026-06-10 10:00")
    lake.member("M0002", "earning", "2026-06-11 10:00")
    assert lake.query(RATE) == [(JUNE, "bronze", 1, 2, 0.5, 2, 0, 0)]


def test_who_leaves_within_the_month_counts_on_neither_side(lake: RetailLake) -> None:
    """M0001 earned and left, M0002 left, M0003 stays and does nothing: 0 ÷ 1; two have left, one of them was active. In July nobody misses them."""
    enrol_before(lake, "M0001", "M0002", "M0003")
    lake.member("M0001", "earning", "2026-06-03 10:00")
    for member in ("M0001", "M0002"):
        lake.member(member, "leave", "2026-06-20 10:00")
    lake.member("M0003", "earning", "2026-07-03 10:00")
    assert lake.query(RATE) == [(JUNE, "bronze", 0, 1, 0.0, 0, 2, 1), (JULY, "bronze", 1, 1, 1.0, 0, 0, 0)]


def test_joined_and_left_within_one_month(lake: RetailLake) -> None:
    """Never a member at an end: shown as left, and the month has no value but a reason."""
    lake.member("M0001", "enrol", "2026-06-05 10:00")
    lake.member("M0001", "leave", "2026-06-25 10:00")
    assert lake.query(RATE) == [(JUNE, "bronze", 0, 0, None, 0, 1, 0)]
    assert lake.query("SELECT reason FROM gold.kpi_loyalty_activity_rate") == [("the denominator is zero",)]


def test_left_and_joined_again(lake: RetailLake) -> None:
    """Left in June, back in June: a member, who has joined."""
    enrol_before(lake, "M0001")
    lake.member("M0001", "leave", "2026-06-05 10:00")
    lake.member("M0001", "enrol", "2026-06-25 10:00")
    assert lake.query(RATE) == [(JUNE, "bronze", 0, 1, 0.0, 1, 0, 0)]


def test_the_tier_is_that_at_the_end_of_the_month(lake: RetailLake) -> None:
    """Bronze when he earned, silver from the 20th on: counts in silver in June; gold in August, and still silver in July."""
    enrol_before(lake, "M0001")
    lake.member("M0001", "earning", "2026-06-03 10:00")
    lake.member("M0001", "tier", "2026-06-20 10:00", tier="silver")
    lake.member("M0001", "redemption", "2026-07-03 10:00", tier="silver")
    lake.member("M0001", "tier", "2026-08-03 10:00", tier="gold")
    assert [row[:5] for row in lake.query(RATE)] == [
        (JUNE, "silver", 1, 1, 1.0),
        (JULY, "silver", 1, 1, 1.0),
        (AUGUST, "gold", 0, 1, 0.0),
    ]


def test_the_month_ends_at_midnight_in_the_stores(lake: RetailLake) -> None:
    """30 June 21:59 UTC is June in Berlin, 22:00 UTC is July: joined and earned then, they are of July."""
    enrol_before(lake, "M0001")
    lake.member("M0001", "earning", "2026-06-30T21:59:59+00:00")
    lake.member("M0002", "enrol", "2026-06-30T22:00:00+00:00")
    lake.member("M0002", "earning", "2026-06-30T22:00:01+00:00")
    assert [row[:5] for row in lake.query(RATE)] == [(JUNE, "bronze", 1, 1, 1.0), (JULY, "bronze", 1, 2, 0.5)]


def test_a_contact_before_joining_is_no_activity_of_a_member(lake: RetailLake) -> None:
    """Asked on the 5th, joined on the 10th: not active; asked on the 11th, too: active."""
    lake.member("M0001", "enrol", "2026-06-10 10:00")
    lake.contact("L1", "opened", "2026-06-05 10:00", opened="2026-06-05 10:00", type="loyalty", customer="C0001")
    assert lake.query(RATE)[0][2:4] == (0, 1)
    lake.contact("L2", "opened", "2026-06-11 10:00", opened="2026-06-11 10:00", type="loyalty", customer="C0001")
    assert lake.query(RATE)[0][2:4] == (1, 1)


def test_a_contact_after_leaving_is_none_either(lake: RetailLake) -> None:
    """Left on the 10th, complained about it on the 11th: left, and not active before."""
    enrol_before(lake, "M0001")
    lake.member("M0001", "leave", "2026-06-10 10:00")
    lake.contact("L1", "opened", "2026-06-11 10:00", opened="2026-06-11 10:00", type="loyalty", customer="C0001")
    assert lake.query(RATE) == [(JUNE, "bronze", 0, 0, None, 0, 1, 0)]


def test_members_of_old_make_no_months_of_old(lake: RetailLake) -> None:
    """Joined in 2024, told in June 2026: the first month is June 2026."""
    enrol_before(lake, "M0001")
    assert [row[:5] for row in lake.query(RATE)] == [(JUNE, "bronze", 0, 1, 0.0)]


def test_last_months_activity_is_not_this_months(lake: RetailLake) -> None:
    """Earned in June only; July has another's."""
    enrol_before(lake, "M0001", "M0002")
    lake.member("M0001", "earning", "2026-06-03 10:00")
    lake.member("M0002", "earning", "2026-07-03 10:00")
    assert [row[:5] for row in lake.query(RATE)] == [(JUNE, "bronze", 1, 2, 0.5), (JULY, "bronze", 1, 2, 0.5)]


def test_the_total_is_over_all_tiers(lake: RetailLake) -> None:
    """1 of 1 gold and 0 of 3 bronze are 1 of 4, not the mean of 1 and 0."""
    enrol_before(lake, "M0001", tier="gold")
    enrol_before(lake, "M0002", "M0003", "M0004")
    lake.member("M0001", "earning", "2026-06-03 10:00", tier="gold")
    asked = "SELECT value, numerator, denominator FROM gold.kpi_scorecard WHERE kpi = 'loyalty_activity_rate'"
    assert lake.query(asked) == [(0.25, 1.0, 4.0)]
