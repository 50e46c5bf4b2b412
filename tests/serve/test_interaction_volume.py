"""Interaction volume by type, checked by hand."""

from __future__ import annotations

import pytest
from retail_lake import RetailLake

pytestmark = pytest.mark.req("S6")

VOLUME = """SELECT strftime(timezone('Europe/Berlin', hour), '%d %H:%M'), type, channel, value FROM gold.kpi_interaction_volume ORDER BY ALL"""


def open_contact(lake: RetailLake, reference: str, at: str, *, type: str = "question", channel: str = "phone", twin: str = "",
                 opened: str | None = None) -> None:  # fmt: skip
    """The first event of a contact."""
    lake.contact(reference, "opened", at, opened=opened or at, type=type, channel=channel, twin=twin)


def test_contacts_by_hour_type_and_channel(lake: RetailLake) -> None:
    """Three questions and a complaint by phone between 8 and 9, one question by chat, one question at 9 sharp."""
    for reference, at in (("Q1", "08:00:00"), ("Q2", "08:30"), ("Q3", "08:59:59.999999"), ("Q4", "09:00:00")):
        open_contact(lake, reference, at)
    open_contact(lake, "X1", "08:10", type="complaint")
    open_contact(lake, "Q5", "08:10", channel="chat")
    assert lake.query(VOLUME) == [
        ("01 08:00", "complaint", "phone", 1),
        ("01 08:00", "question", "chat", 1),
        ("01 08:00", "question", "phone", 3),
        ("01 09:00", "question", "phone", 1),
    ]


def test_duplicates_by_reference_count_once(lake: RetailLake) -> None:
    """Taken up at 8:50 and by another system, as a complaint by mail, at 9:05: one question by phone at 8."""
    open_contact(lake, "Q1", "09:05", type="complaint", channel="email", twin="b")
    open_contact(lake, "Q1", "08:50")
    assert lake.query(VOLUME) == [("01 08:00", "question", "phone", 1)]


def test_what_happens_later_is_no_new_contact(lake: RetailLake) -> None:
    """Opened, resolved, opened again, resolved, rated: one."""
    open_contact(lake, "Q1", "08:00")
    for what, at in (("resolved", "09:00"), ("reopened", "10:00"), ("resolved", "11:00"), ("rated", "12:00")):
        lake.contact("Q1", what, at, opened="08:00", rating=5 if what == "rated" else None)
    assert lake.query(VOLUME) == [("01 08:00", "question", "phone", 1)]


def test_an_event_that_comes_before_the_opening_counts_the_contact_already(lake: RetailLake) -> None:
    """Its resolution is known, its opening not yet: it was opened at 8:15 all the same, and still is one when that comes."""
    lake.contact("Q1", "resolved", "11:00", opened="08:15")
    assert lake.query(VOLUME) == [("01 08:00", "question", "phone", 1)]
    open_contact(lake, "Q1", "08:15")
    assert lake.query(VOLUME) == [("01 08:00", "question", "phone", 1)]


def test_the_total_of_an_hour(lake: RetailLake) -> None:
    """Two types and two channels: three contacts in the scorecard."""
    open_contact(lake, "Q1", "08:00")
    open_contact(lake, "Q2", "08:00", type="praise")
    open_contact(lake, "Q3", "08:00", channel="store")
    assert lake.query("SELECT value FROM gold.kpi_scorecard WHERE kpi = 'interaction_volume'") == [(3.0,)]
