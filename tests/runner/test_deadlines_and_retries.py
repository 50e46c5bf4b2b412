"""Deadlines are judged by what is usual, retries by the kind of error; both are pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from entrepot.ports.schedule import DeadlineState, Firing, FiringStatus
from entrepot.runner.retries import FlowOutcome, decide_retry, decide_retry_of_error, wait_before
from entrepot.runner.schedule import find_usual_s, judge_deadline
from entrepot.runner.triggers.trigger import Retries

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
FIRING = Firing("a.1", "a", NOW, "due", status=FiringStatus.RUNNING, started_at=NOW)


def _took(seconds: float, status: FiringStatus = FiringStatus.SUCCEEDED) -> Firing:
    return replace(FIRING, status=status, ended_at=NOW + timedelta(seconds=seconds))


def test_what_is_usual_is_what_four_of_five_stay_below() -> None:
    """Failed runs and clocks that went back do not count; without a run nothing is usual."""
    assert find_usual_s([]) is None
    assert find_usual_s([_took(5, FiringStatus.FAILED), _took(-3)]) is None
    assert find_usual_s([_took(seconds) for seconds in (10, 20, 30, 40, 500)]) == 500
    assert find_usual_s([_took(seconds) for seconds in range(1, 11)]) == 9


@pytest.mark.parametrize(
    ("firing", "usual", "after", "state", "why"),
    [
        (FIRING, 600.0, timedelta(), None, ""),
        (FIRING, 4_000.0, timedelta(), DeadlineState.AT_RISK, "usually takes 1h6m40s"),
        (None, 600.0, HOUR - timedelta(minutes=9), DeadlineState.AT_RISK, "it has not begun"),
        (None, None, HOUR - timedelta(minutes=7), None, ""),
        (None, None, HOUR - timedelta(minutes=6), DeadlineState.AT_RISK, "6m are left, and it has not begun"),
        (FIRING, None, HOUR, DeadlineState.MISSED, "it has not ended"),
        (None, None, HOUR, DeadlineState.MISSED, "nothing has begun"),
        (_took(10, FiringStatus.FAILED), None, timedelta(seconds=10), DeadlineState.AT_RISK, "its run failed"),
        (_took(10), None, timedelta(seconds=10), DeadlineState.MET, ""),
        (_took(3_601), None, HOUR * 2, DeadlineState.MISSED, ""),
    ],
)
def test_a_deadline_is_judged_before_it_passes(
    firing: Firing | None, usual: float | None, after: timedelta, state: DeadlineState | None, why: str
) -> None:
    """At risk by what is usual, by what failed, or by the time that is left; missed and met at the end."""
    found = judge_deadline(NOW + HOUR, NOW, [] if firing is None else [firing], usual, NOW + after)
    assert (None if found is None else found.state) is state
    assert found is None or why in found.why


OUTCOMES = [
    FlowOutcome("sales", "bronze.sales", code="system.unreachable"),
    FlowOutcome("stock", "bronze.stock", code="data.unreadable"),
    FlowOutcome("silver.sales", "silver.sales", held_by="bronze.sales"),
    FlowOutcome("gold.sales", "gold.sales", held_by="silver.sales"),
    FlowOutcome("silver.stock", "silver.stock", held_by="bronze.stock"),
    FlowOutcome("products", "bronze.products"),
]


@pytest.mark.req("S5")
def test_what_failed_by_a_stated_kind_is_tried_again_with_what_it_held() -> None:
    """Other failures and what is fine are left; after the last attempt nothing is."""
    policy = Retries(times=2, on=("system",), wait_s=30, factor=2)
    first = decide_retry(policy, 1, OUTCOMES)
    assert first is not None
    assert (first.selection, first.wait_s) == (("sales", "silver.sales", "gold.sales"), 30)
    second = decide_retry(policy, 2, OUTCOMES)
    assert second is not None
    assert second.wait_s == 60
    assert decide_retry(policy, 3, OUTCOMES) is None
    assert decide_retry(Retries(times=2, on=("conflict",)), 1, OUTCOMES) is None
    assert decide_retry(Retries(times=2, on=("any",)), 1, OUTCOMES[-1:]) is None


def test_a_run_that_could_not_be_made_is_tried_again_as_a_whole() -> None:
    """By the same rule."""
    policy = Retries(times=1, on=("busy", "system"))
    found = decide_retry_of_error(policy, 1, "system.unreachable", ("gold.*",))
    assert found is not None
    assert found.selection == ("gold.*",)
    assert decide_retry_of_error(policy, 1, "project.invalid", ()) is None
    assert decide_retry_of_error(policy, 2, "system.unreachable", ()) is None


def test_waits_grow_to_their_bound() -> None:
    """30 s, 1 min, 2 min …, at most what is stated."""
    policy = Retries(times=9, wait_s=30, factor=2, most_s=200)
    assert [wait_before(policy, attempt) for attempt in (1, 2, 3, 4, 8)] == [30, 60, 120, 200, 200]
