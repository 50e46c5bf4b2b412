"""Times of triggers are due once, also where the clocks are put forward or back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entrepot.runner.triggers.times import cron_after, find_cron_fault, time_before, times_between
from entrepot.runner.triggers.trigger import Cron, Every

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC")
CHANGES = {  # zone → (a day before the hour that is skipped, a day before the hour that is shown twice)
    "Europe/Berlin": (datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)),
    "America/New_York": (datetime(2026, 3, 7, 12, tzinfo=UTC), datetime(2026, 10, 31, 12, tzinfo=UTC)),
}


def _next(expression: str, zone: str, after: datetime, count: int) -> list[str]:
    found = islice(cron_after(Cron(expression, zone), after), count)
    return [f"{at.astimezone(ZoneInfo(zone)):%m-%d %H:%M %z}" for at in found]


@pytest.mark.req("D5")
def test_a_time_that_the_clocks_skip_comes_once_at_the_next_that_there_is() -> None:
    """02:30 on the day on which it does not exist is 03:00; the day before and after are as stated."""
    found = _next("30 2 * * *", "Europe/Berlin", datetime(2026, 3, 28, 0, tzinfo=UTC), 3)
    assert found == ["03-28 02:30 +0100", "03-29 03:00 +0200", "03-30 02:30 +0200"]
    found = _next("30 2 * * *", "America/New_York", datetime(2026, 3, 7, 6, tzinfo=UTC), 3)
    assert found == ["03-07 02:30 -0500", "03-08 03:00 -0400", "03-09 02:30 -0400"]


@pytest.mark.req("D5")
def test_a_time_that_the_clocks_show_twice_comes_once() -> None:
    """02:30 on the day on which it comes twice is the first of them."""
    found = _next("30 2 * * *", "Europe/Berlin", datetime(2026, 10, 24, 0, 0, tzinfo=UTC), 3)
    assert found == ["10-24 02:30 +0200", "10-25 02:30 +0200", "10-26 02:30 +0100"]
    found = _next("30 1 * * *", "America/New_York", datetime(2026, 10, 31, 5, tzinfo=UTC), 3)
    assert found == ["10-31 01:30 -0400", "11-01 01:30 -0400", "11-02 01:30 -0500"]


def test_a_time_that_runs_with_stars_goes_on_as_real_time_does() -> None:
    """Every half hour stays every half hour: 48 a day, 46 and 50 on the days of change."""
    for start, count in ((datetime(2026, 3, 28, 23, tzinfo=UTC), 46), (datetime(2026, 10, 24, 22, tzinfo=UTC), 50)):
        day = start.astimezone(ZoneInfo("Europe/Berlin")).date()
        found = [
            at.astimezone(ZoneInfo("Europe/Berlin"))
            for at in islice(cron_after(Cron("*/30 * * * *", "Europe/Berlin"), start - timedelta(seconds=1)), 60)
        ]
        assert sum(at.date() == day + timedelta(days=0) for at in found) == count


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from(sorted(CHANGES)),
    change=st.integers(0, 1),
    hour=st.integers(0, 23),
    minute=st.integers(0, 59),
    shift=st.integers(0, 60 * 30),
)
def test_a_stated_time_comes_once_a_day_from_wherever_one_begins(
    zone: str, change: int, hour: int, minute: int, shift: int
) -> None:
    """Over each change of clocks and from any minute on: one time for each day, none skipped, none twice, each later than the one before."""
    start = CHANGES[zone][change]
    cron = Cron(f"{minute} {hour} * * *", zone)
    whole = list(islice(cron_after(cron, start), 6))
    days = [at.astimezone(ZoneInfo(zone)).date() for at in whole]
    assert days == [days[0] + timedelta(days=place) for place in range(6)]
    for at in whole:
        local = at.astimezone(ZoneInfo(zone))
        assert (local.hour, local.minute) == (hour, minute) or (local.minute == 0 and local.hour == hour + 1)
    later = start + timedelta(minutes=shift)
    assert list(islice(cron_after(cron, later), 3)) == [at for at in whole if at > later][:3]


@settings(max_examples=60, deadline=None)
@given(
    time=st.sampled_from(
        [Cron(text, zone) for text in ("*/7 * * * *", "15 3,4 * * *", "0 0 1 * *", "0 9 * * mon-fri") for zone in ZONES]
        + [Every(45), Every(900), Every(86_400)]
    ),
    start=st.integers(0, 330 * 86_400).map(
        lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    ),
    first=st.integers(0, 200_000),
    second=st.integers(0, 200_000),
)
def test_two_looks_find_what_one_finds(time: Cron | Every, start: datetime, first: int, second: int) -> None:
    """Times in (a, c] are those in (a, b] and those in (b, c], as far as the newest hundred go."""
    middle, end = start + timedelta(seconds=first), start + timedelta(seconds=first + second)
    parts = times_between(time, start, middle) + times_between(time, middle, end)
    assert times_between(time, start, end) == parts[-100:]


def test_the_time_before_is_the_newest_one_that_is_earlier() -> None:
    """It is strictly earlier, also at a time itself."""
    seven = Cron("0 7 * * mon-fri", "Europe/Berlin")
    assert time_before(seven, datetime(2026, 11, 23, 6, tzinfo=UTC)) == datetime(2026, 11, 20, 6, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "* * * *", "61 * * * *", "0 0 31 2 *", "0 6 * * 1-5 *", "a b c d e"])
def test_what_is_no_time_is_said_to_be_none(text: str) -> None:
    """Also dates that never come, and seconds, which are not offered."""
    assert find_cron_fault(text)


def test_a_right_expression_has_no_fault() -> None:
    """Names of days and lists are right."""
    assert find_cron_fault("0,30 6-8 1 * mon") is None
