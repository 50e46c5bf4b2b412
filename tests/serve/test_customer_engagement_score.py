"""Customer engagement score, checked by hand. One session is worth 30 ÷ 6 = 5 points, a page view 15 ÷ 30 = 0.5, a contact 20 ÷ 2 = 10,
a purchase 35 ÷ 3 = 11.667; all are halved every 14 days.
"""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from retail_lake import RetailLake, instant

pytestmark = pytest.mark.req("S6")

SCORE = "SELECT day, customer_id, round(value, 3) FROM gold.kpi_customer_engagement_score ORDER BY day, customer_id"
FIRST = date(2026, 6, 1)


def visit(
    lake: RetailLake,
    at: str,
    views: int = 1,
    *,
    visitor: str = "A",
    customer: str | None = "C0001",
    order: str | None = None,
) -> None:
    """A session with some page views a minute apart, all of them signed in; then perhaps an order."""
    for minute in range(views):
        lake.browse(visitor, str(instant(at) + timedelta(minutes=minute)), customer=customer)
    if order is not None:
        lake.browse(visitor, str(instant(at) + timedelta(minutes=views)), "purchase", customer=customer, order=order)


def mark_day(lake: RetailLake, day: int) -> None:
    """Somebody unknown comes by, so that there is such a day of June."""
    lake.browse(f"passer-by {day}", f"2026-06-{day:02d} 12:00")


def score_on(lake: RetailLake, day: int, customer: str = "C0001") -> float:
    """The score on a day of June."""
    asked = f"SELECT round(value, 3) FROM gold.kpi_customer_engagement_score WHERE day = '2026-06-{day:02d}' AND customer_id = '{customer}'"
    ((value,),) = lake.query(asked)
    return float(value)


def test_one_day_by_hand(lake: RetailLake) -> None:
    """Two sessions with 4 and 2 page views, an order, a contact: 2 × 5 + 6 × 0.5 + 35 ÷ 3 + 10 = 34.667."""
    visit(lake, "08:00", 4, order="O1")
    visit(lake, "18:00", 2)
    lake.contact("Q1", "opened", "19:00", opened="19:00", customer="C0001")
    assert lake.query(SCORE) == [(FIRST, "C0001", 34.667)]


def test_it_is_halved_every_14_days(lake: RetailLake) -> None:
    """A session with one page view is 5.5 today; 5.5 × ½^(1/14) = 5.234 tomorrow, 2.75 after 14 days, 1.375 after 28."""
    visit(lake, "08:00")
    for day in (2, 15, 29):
        mark_day(lake, day)
    assert [score_on(lake, day) for day in (1, 2, 15, 29)] == [5.5, 5.234, 2.75, 1.375]


def test_the_30th_day_is_the_last(lake: RetailLake) -> None:
    """Done on the 1st: 29 days later 5.5 × ½^(29/14) = 1.309, on the 1st of July nothing.

    Who is not in the master data then has no row any more.
    """
    lake.add("customers", "C0001", "family")
    visit(lake, "08:00")
    visit(lake, "08:00", visitor="B", customer="C0009")
    mark_day(lake, 30)
    lake.browse("passer-by", "2026-07-01 12:00")
    assert lake.query(SCORE)[-3:] == [
        (date(2026, 6, 30), "C0001", 1.309),
        (date(2026, 6, 30), "C0009", 1.309),
        (date(2026, 7, 1), "C0001", 0.0),
    ]


def test_each_part_is_capped(lake: RetailLake) -> None:
    """Ten sessions are worth 30, forty page views 15, three contacts 20, four purchases 35: 100 points and not one more."""
    for hour in range(10):
        visit(lake, f"{hour + 8:02d}:00", 4, order=f"O{hour}" if hour < 4 else None)
    for number in range(3):
        lake.contact(f"Q{number}", "opened", "19:00", opened="19:00", customer="C0001")
    assert lake.query(SCORE) == [(FIRST, "C0001", 100.0)]


def test_an_anonymous_session_counts_back_once_the_visitor_is_known(lake: RetailLake) -> None:
    """On the 1st nobody knows who A is; on the 3rd A logs in: then 5.5 of the 1st are his, there and in the two days' later sum.

    The 3rd: 5.5 × ½^(2/14) = 4.981 and a session with a login and no page view, 5: 9.981.
    """
    visit(lake, "08:00", customer=None)
    lake.add("customers", "C0001", "family")
    mark_day(lake, 3)
    assert [score_on(lake, day) for day in (1, 3)] == [0.0, 0.0]
    lake.browse("A", "2026-06-03 08:00", "login", customer="C0001")
    assert [score_on(lake, day) for day in (1, 3)] == [5.5, 9.981]


def test_a_session_belongs_to_who_logs_in_in_it_then_to_the_one_before_then_to_the_next(lake: RetailLake) -> None:
    """One device: nobody, C0001, nobody, C0002, nobody. The first is C0001's by what came next, the third his by what came before,
    the last C0002's: 3 and 2 sessions.
    """
    for hour, customer in ((8, None), (10, "C0001"), (12, None), (14, "C0002"), (16, None)):
        visit(lake, f"{hour:02d}:00", customer=customer)
    assert lake.query(SCORE) == [(FIRST, "C0001", 16.5), (FIRST, "C0002", 11.0)]


def test_a_login_in_the_middle_of_a_session_takes_all_of_it(lake: RetailLake) -> None:
    """Three page views, then the login: one session and three page views, 6.5."""
    visit(lake, "08:00", 3, customer=None)
    lake.browse("A", "08:05", "login", customer="C0001")
    assert lake.query(SCORE) == [(FIRST, "C0001", 6.5)]


def test_bots_and_what_came_too_late_do_not_count(lake: RetailLake) -> None:
    """A bot that is logged in, and an order told five hours later: 0, of a customer in the master data."""
    lake.add("customers", "C0001", "family")
    lake.add("bots", "curl/", "curl")
    lake.browse("script", "08:00", customer="C0001", agent="curl/8.5")
    lake.browse("A", "09:00", "purchase", customer="C0001", order="O1", late=timedelta(hours=5))
    mark_day(lake, 1)
    assert lake.query(SCORE) == [(FIRST, "C0001", 0.0)]


def test_purchases_at_tills_and_in_the_shop_each_once(lake: RetailLake) -> None:
    """Points at a till are a purchase; those online are of the order, which counts once though it is told in two events.

    A session 5, a page view 0.5, the order and the till 2 × 35 ÷ 3: 28.833. A redemption is no purchase.
    """
    visit(lake, "08:00", 1, order="O1")
    lake.browse("A", "08:02", "purchase", customer="C0001", order="O1")
    lake.member("M0001", "earning", "08:03")
    lake.member("M0001", "earning", "12:00", store="S01")
    lake.member("M0001", "redemption", "12:01", store="S01")
    assert lake.query(SCORE) == [(FIRST, "C0001", 28.833)]


def test_a_contact_that_two_systems_took_up_is_one(lake: RetailLake) -> None:
    """One reference: 10 points. A contact of nobody known counts for nobody."""
    for twin in ("", "b"):
        lake.contact("Q1", "opened", "08:00", opened="08:00", customer="C0001", twin=twin)
    lake.contact("Q2", "opened", "08:00", opened="08:00")
    assert lake.query(SCORE) == [(FIRST, "C0001", 10.0)]


def test_the_mean_of_a_segment_counts_those_who_did_nothing(lake: RetailLake) -> None:
    """Families 5.5 and 0: 2.75; seniors 11; C0009 is in no list: (unknown), 5.5. All together 22 ÷ 4 = 5.5."""
    for customer, segment in (("C0001", "family"), ("C0002", "family"), ("C0003", "senior")):
        lake.add("customers", customer, segment)
    visit(lake, "08:00")
    visit(lake, "08:00", visitor="B", customer="C0003")
    visit(lake, "10:00", visitor="B", customer="C0003")
    visit(lake, "08:00", visitor="D", customer="C0009")
    asked = "SELECT segment, round(mean_score, 3), customers FROM gold.engagement_by_segment ORDER BY segment"
    assert lake.query(asked) == [("(unknown)", 5.5, 1), ("family", 2.75, 2), ("senior", 11.0, 1)]
    asked = "SELECT round(value, 3) FROM gold.kpi_scorecard WHERE kpi = 'customer_engagement_score'"
    assert lake.query(asked) == [(5.5,)]


def test_days_are_those_of_the_stores(lake: RetailLake) -> None:
    """22:30 UTC on the 1st is the 2nd in Berlin: not a day of the 1st at all."""
    visit(lake, "2026-06-01T22:30:00+00:00")
    assert lake.query(SCORE) == [(date(2026, 6, 2), "C0001", 5.5)]
