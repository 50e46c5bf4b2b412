"""Time to resolution, checked by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from retail_lake import RetailLake

pytestmark = pytest.mark.req("S6")

MONDAY, TUESDAY, WEDNESDAY = (date(2026, 6, day) for day in (1, 2, 3))
RESOLVED = "SELECT day, type, priority, value, p90_hours, resolved, open_contacts FROM gold.kpi_time_to_resolution ORDER BY ALL"
OPEN = """SELECT day, value, reason, open_contacts, median_age_of_open_hours, oldest_open_hours FROM gold.kpi_time_to_resolution
ORDER BY day"""


def hours(text: str) -> Decimal:
    """Hours as the KPI has them."""
    return Decimal(text)


def handle(
    lake: RetailLake, reference: str, opened: str, *resolved: str, reopened: tuple[str, ...] = (), **kind: str
) -> None:
    """A contact from its opening to its resolutions."""
    lake.contact(reference, "opened", opened, opened=opened, **kind)
    for at in resolved:
        lake.contact(reference, "resolved", at, opened=opened, **kind)
    for at in reopened:
        lake.contact(reference, "reopened", at, opened=opened, **kind)


def test_median_and_90th_percentile_by_type_and_priority(lake: RetailLake) -> None:
    """Questions resolved after 1, 2, 3, 4 and 10 hours: median 3; the 90th percentile lies 0.6 of the way from 4 to 10: 7.6.

    (Five values; 0.9 × 4 = 3.6 steps from the smallest: 4 + 0.6 × (10 − 4).) Two urgent complaints, 1 and 2 hours: median 1.5, 90th 1.9.
    """
    for number, at in enumerate(("09:00", "10:00", "11:00", "12:00", "18:00")):
        handle(lake, f"Q{number}", "08:00", at)
    for number, at in enumerate(("09:00", "10:00")):
        handle(lake, f"X{number}", "08:00", at, type="complaint", priority="urgent")
    assert lake.query(RESOLVED) == [
        (MONDAY, "complaint", "urgent", hours("1.50"), hours("1.90"), 2, 0),
        (MONDAY, "question", "normal", hours("3.00"), hours("7.60"), 5, 0),
    ]


def test_a_contact_counts_on_the_day_of_its_resolution(lake: RetailLake) -> None:
    """Opened on Monday at 20:00, resolved on Tuesday at 8:00: 12 hours of Tuesday. On Monday's end it is open for 4."""
    handle(lake, "Q1", "20:00", "2026-06-02 08:00")
    assert lake.query(OPEN) == [
        (MONDAY, None, "there is nothing to measure", 1, hours("4.00"), hours("4.00")),
        (TUESDAY, hours("12.00"), None, 0, None, None),
    ]


def test_opened_again_it_counts_until_its_last_resolution(lake: RetailLake) -> None:
    """Resolved on Monday after an hour, opened again on Tuesday, resolved on Wednesday at 8: 48 hours of Wednesday, none of Monday."""
    handle(lake, "Q1", "08:00", "09:00", "2026-06-03 08:00", reopened=("2026-06-02 10:00",))
    assert lake.query(OPEN) == [
        (MONDAY, None, "there is nothing to measure", 1, hours("16.00"), hours("16.00")),
        (TUESDAY, None, "there is nothing to measure", 1, hours("40.00"), hours("40.00")),
        (WEDNESDAY, hours("48.00"), None, 0, None, None),
    ]
    assert lake.query("SELECT sum(resolved_after_reopening) FROM gold.kpi_time_to_resolution") == [(1,)]


def test_opened_again_and_not_yet_resolved_it_is_open(lake: RetailLake) -> None:
    """Resolved at 9, opened again at 10: nothing is resolved, one is open since 8, 16 hours at the end of the day."""
    handle(lake, "Q1", "08:00", "09:00", reopened=("10:00",))
    assert lake.query(OPEN) == [(MONDAY, None, "there is nothing to measure", 1, hours("16.00"), hours("16.00"))]


def test_open_ones_are_shown_with_their_age_on_each_day(lake: RetailLake) -> None:
    """Open since 8:00 and since 20:00: 16 and 4 hours at Monday's end, median 10; a day later 40 and 28, 34.

    Tuesday is a day because something was opened and resolved on it, in half an hour.
    """
    handle(lake, "Q1", "08:00")
    handle(lake, "Q2", "20:00")
    handle(lake, "Q3", "2026-06-02 12:00", "2026-06-02 12:30")
    assert lake.query(OPEN) == [
        (MONDAY, None, "there is nothing to measure", 2, hours("10.00"), hours("16.00")),
        (TUESDAY, hours("0.50"), None, 2, hours("34.00"), hours("40.00")),
    ]


def test_midnight_belongs_to_the_next_day(lake: RetailLake) -> None:
    """Resolved at 0:00 on Tuesday: of Tuesday, and open at Monday's end; opened at 0:00: not yet there on Monday."""
    handle(lake, "Q1", "08:00", "2026-06-02 00:00")
    handle(lake, "Q2", "2026-06-02 00:00", "2026-06-02 01:00")
    assert lake.query("SELECT day, resolved, open_contacts FROM gold.kpi_time_to_resolution ORDER BY day") == [
        (MONDAY, 0, 1),
        (TUESDAY, 2, 0),
    ]


def test_resolved_at_the_moment_it_was_opened_takes_no_time(lake: RetailLake) -> None:
    """Zero hours is a value, and no reject."""
    handle(lake, "Q1", "08:00", "08:00")
    assert lake.query(RESOLVED) == [(MONDAY, "question", "normal", hours("0.00"), hours("0.00"), 1, 0)]


def test_two_systems_are_one_contact(lake: RetailLake) -> None:
    """The second one, which nobody ever resolves, is not left over as open; the time counts from the first opening."""
    handle(lake, "Q1", "08:00", "10:00")
    lake.contact("Q1", "opened", "08:20", opened="08:20", twin="b")
    assert lake.query(RESOLVED) == [(MONDAY, "question", "normal", hours("2.00"), hours("2.00"), 1, 0)]


def test_a_day_in_autumn_has_25_hours(lake: RetailLake) -> None:
    """Opened on 24 October at 12:00, resolved on the 25th at 12:00 on the clock: 25 hours have passed."""
    handle(lake, "Q1", "2026-10-24 12:00", "2026-10-25 12:00")
    assert lake.query("SELECT value FROM gold.kpi_time_to_resolution WHERE resolved > 0") == [(hours("25.00"),)]
