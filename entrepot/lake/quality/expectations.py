"""Expectations judged: in come observations and the clock, out come results in words that say what is usual."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from entrepot.contracts.expectations import Fresh, Learned
from entrepot.contracts.row_rules import Severity
from entrepot.lake.quality.arrivals import find_due, join_arrivals
from entrepot.lake.quality.deliveries import Delivery
from entrepot.lake.quality.usual import WEEKDAYS, Usual, learn, recent
from entrepot.ports.quality import RuleResult

VOLUME, ARRIVAL = "volume", "arrival"
"""Ids of the learned rules, in results and in `entrepot quality accept`."""
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class _Odd:
    delivery: Delivery
    usual: Usual

    @property
    def distance(self) -> float:
        """How far outside, as a ratio of logarithms."""
        value = self.delivery.sample.value
        bound = self.usual.low if value < self.usual.low else self.usual.high
        return abs(math.log1p(value) - math.log1p(bound))


def judge_volume(dataset: str, learned: Learned, deliveries: Sequence[Delivery]) -> RuleResult:
    """Hold what is new against what was usual before it."""
    history = [each.sample for each in deliveries]
    new = [each for each in deliveries if each.is_new]
    judged = [(each, learn(history, each.sample.at, learned.least)) for each in new]
    known = [_Odd(each, usual) for each, usual in judged if usual is not None]
    if not known:
        have = len(recent(history, new[-1].sample.at)) if new else len(history)
        return _unknown(VOLUME, learned.severity, have, learned.least)
    odd = sorted(
        (each for each in known if not each.usual.holds(each.delivery.sample.value)), key=lambda o: -o.distance
    )
    told = odd[0] if odd else known[-1]
    more = f" and {len(odd) - _SHOWN} more" if len(odd) > _SHOWN else ""
    return RuleResult(
        rule=VOLUME,
        severity=learned.severity,
        passed=not odd,
        measured=str(told.delivery.sample.value),
        unit=None,
        limit=f"{_say_range(told.usual)}, usual of {told.usual.of}",
        detail=f"{dataset}: {'; '.join(_say_odd(each) for each in odd[:_SHOWN])}{more}" if odd else None,
        dimension="completeness",
    )


def judge_arrival(dataset: str, learned: Learned, instants: Sequence[datetime], now: datetime) -> RuleResult:
    """Hold the time since the last arrival against the usual gaps; all on the wall clock."""
    due = find_due(instants, learned.least)
    if due is None:
        return _unknown(ARRIVAL, learned.severity, max(len(join_arrivals(instants)) - 1, 0), learned.least)
    late = now > due.until
    usual = f"usual is the next one within {_say_span(due.gap)} ({due.of})"
    return RuleResult(
        rule=ARRIVAL,
        severity=learned.severity,
        passed=not late,
        measured=f"last on {_say_moment(due.last)}",
        unit=None,
        limit=f"the next one by {_say_moment(due.until)}",
        detail=f"{dataset}: nothing has come since {_say_moment(due.last)}; {usual}, at the latest {_say_moment(due.until)}"
        if late
        else None,
        dimension="timeliness",
    )


def judge_fresh(dataset: str, fresh: Fresh, newest: datetime | date | None, now: datetime) -> RuleResult:
    """Hold the newest value (on the wall clock) against its age when released; a date counts to the end of its day."""
    what = f"the newest {fresh.column}" if fresh.column else "the newest arrival"
    hours = f"{fresh.hours:.2f}".rstrip("0").rstrip(".")
    if newest is None:
        passed, said, detail = False, None, f"{dataset}: there is no {what.removeprefix('the newest ')} up to now"
    else:
        is_day = not isinstance(newest, datetime)
        end = datetime.combine(newest, time()) + timedelta(days=1) if is_day else newest
        assert isinstance(end, datetime)
        passed = now - end <= timedelta(hours=float(fresh.hours))
        said = newest.isoformat() if is_day else _say_moment(end)
        detail = f"{dataset}: {what} is {said}; when it is released it may be {hours} h old at most"
    return RuleResult(
        rule=fresh.id,
        severity=fresh.severity,
        passed=passed,
        measured=said,
        unit=None,
        limit=f"at most {hours} h old",
        detail=None if passed else detail,
        dimension="timeliness",
        description=fresh.description,
    )


def _unknown(rule: str, severity: Severity, have: int, least: int) -> RuleResult:
    limit = f"not enough history yet ({have} of {least})" if have < least else "nothing new to judge"
    return RuleResult(rule=rule, severity=severity, passed=True, measured=None, unit=None, limit=limit)


def _say_odd(each: _Odd) -> str:
    sample = each.delivery.sample
    place = f" in {each.delivery.place}" if each.delivery.place else ""
    day = f"{WEEKDAYS[sample.at.weekday()]} {sample.at:%Y-%m-%d}"
    return f"{sample.value:,} rows{place} on {day}; usual {_say_range(each.usual)} ({each.usual.of})"


def _say_range(usual: Usual) -> str:
    return f"{usual.low:,}–{usual.high:,}"


def _say_moment(at: datetime) -> str:
    return f"{WEEKDAYS[at.weekday()][:3]} {at:%Y-%m-%d %H:%M}"


def _say_span(span: timedelta) -> str:
    hours = span / timedelta(hours=1)
    if hours < 2:
        return f"{max(1, round(hours * 60))} min"
    return f"{round(hours)} h" if hours < 72 else f"{hours / 24:.1f} days"
