"""Deadlines: whether a run will make its own, by how long it usually takes. Pure: instants and seconds in, a judgement out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from entrepot.ports.schedule import DeadlineState, Firing, FiringStatus
from entrepot.runner.triggers.conditions import say_seconds

HISTORY = 20
"""So many of the newest runs say what is usual."""
_LEAST_MARGIN = timedelta(seconds=60)
_MOST_MARGIN = timedelta(minutes=15)
_USUAL = 0.8
"""What is usual is what four of five runs stay below."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a deadline stands, and why in words."""

    state: DeadlineState
    why: str
    firing: str | None = None


def find_usual_s(firings: Sequence[Firing]) -> float | None:
    """Seconds from start to end that runs usually need; None before the first that succeeded. Args: firings: newest first."""
    took = [
        (each.ended_at - each.started_at).total_seconds()
        for each in firings
        if each.status is FiringStatus.SUCCEEDED and each.started_at is not None and each.ended_at is not None
    ][:HISTORY]
    took = sorted(seconds for seconds in took if seconds >= 0)  # a clock that was set back
    return took[min(len(took) - 1, int(len(took) * _USUAL))] if took else None


def judge_deadline(
    deadline: datetime, since: datetime, firings: Sequence[Firing], usual_s: float | None, now: datetime
) -> Judgement | None:
    """How one deadline stands; None while nothing is to be said.

    Args: since: from when on it was waited for. firings: those that have this deadline, newest first; none: nothing has fired yet.
    """
    made = next(
        (f for f in firings if f.status is FiringStatus.SUCCEEDED and f.ended_at and f.ended_at <= deadline), None
    )
    if made is not None:
        return Judgement(DeadlineState.MET, "", made.id)
    newest = firings[0] if firings else None
    id = None if newest is None else newest.id
    if now >= deadline:
        return Judgement(DeadlineState.MISSED, _say_missed(newest), id)
    why = _find_risk(deadline, since, newest, usual_s, now)
    return None if why is None else Judgement(DeadlineState.AT_RISK, why, id)


def _find_risk(
    deadline: datetime, since: datetime, newest: Firing | None, usual_s: float | None, now: datetime
) -> str | None:
    left = deadline - now
    if newest is not None and newest.status in (FiringStatus.FAILED, FiringStatus.CANCELLED):
        return f"its run {newest.status.value}, {_say(left)} are left"
    started = None if newest is None else newest.started_at
    if usual_s is not None and (started or now) + timedelta(seconds=usual_s) > deadline:
        begun = "it has not begun" if started is None else f"it began {_say(now - started)} ago"
        return f"{begun}, usually takes {say_seconds(max(1, round(usual_s)))}, and {_say(left)} are left"
    if left <= find_margin(deadline, since):
        return f"{_say(left)} are left" + ("" if newest is not None else ", and it has not begun")
    return None


def find_margin(deadline: datetime, since: datetime) -> timedelta:
    """How long before a deadline it is warned of although nothing else speaks against it: a tenth of its time, 1 to 15 minutes."""
    return min(_MOST_MARGIN, max(_LEAST_MARGIN, (deadline - since) / 10))


def _say_missed(newest: Firing | None) -> str:
    if newest is None:
        return "nothing has begun"
    if newest.status in (FiringStatus.FAILED, FiringStatus.CANCELLED):
        return f"its run {newest.status.value}"
    return "it has not begun" if newest.started_at is None else "it has not ended"


def _say(time: timedelta) -> str:
    return say_seconds(max(0, round(time.total_seconds())))
