"""When the next delivery is due: in come the instants of past ones, out comes the latest that would still be usual."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from entrepot.lake.quality.usual import MOST, SEASON_LEAST, WEEKDAYS, WINDOW, many_a_day

TOGETHER = timedelta(minutes=10)
"""What comes within so long is one arrival."""
NEAR = timedelta(minutes=45)
_SLACK = 1.25
_LEAST_SLACK = timedelta(minutes=30)
_OUTLIER = 1.5
_OUTLIER_LEAST = 8


@dataclass(frozen=True, slots=True)
class Due:
    """Until when the next arrival is usual; `gap` is how long it usually takes at most after one like the last."""

    last: datetime
    gap: timedelta
    until: datetime
    of: str


def find_due(instants: Sequence[datetime], least: int) -> Due | None:
    """The next arrival after the last of `instants` (on the wall clock); None when there are fewer than `least` gaps."""
    arrivals = join_arrivals(instants)
    if not arrivals:
        return None
    last = arrivals[-1]
    past = [each for each in arrivals if each >= last - WINDOW][-MOST:]
    gaps = [(start, end - start) for start, end in pairwise(past)]
    if len(gaps) < least:
        return None
    alike, of = _alike(gaps, last)
    gap = _longest(alike, is_season=len(alike) < len(gaps))
    slack = max(gap * (_SLACK - 1), _LEAST_SLACK)
    return Due(last, gap, last + gap + slack, of)


def join_arrivals(instants: Sequence[datetime]) -> list[datetime]:
    """Arrivals in order; what came together is one, at its first instant."""
    found: list[datetime] = []
    newest: datetime | None = None
    for each in sorted(instants):
        if newest is None or each - newest > TOGETHER:
            found.append(each)
        newest = each
    return found


def _alike(gaps: Sequence[tuple[datetime, timedelta]], last: datetime) -> tuple[list[timedelta], str]:
    """The gaps after arrivals like the last: on its weekday, and where many come a day about its time; all while those are too few."""
    day = WEEKDAYS[last.weekday()]
    if many_a_day([start for start, _ in gaps]):
        near = [(start, gap) for start, gap in gaps if _apart(start, last) <= NEAR]
        same = [gap for start, gap in near if start.weekday() == last.weekday()]
        about = f"around {last:%H:%M}"
        choices = [(same, f"{len(same)} {day}s {about}"), ([gap for _, gap in near], f"{len(near)} arrivals {about}")]
    else:
        same = [gap for start, gap in gaps if start.weekday() == last.weekday()]
        choices = [(same, f"{len(same)} {day}s")]
    every = [gap for _, gap in gaps]
    return next((each for each in choices if len(each[0]) >= SEASON_LEAST), (every, f"{len(every)} arrivals"))


def _apart(one: datetime, other: datetime) -> timedelta:
    """How far two times of day are apart, around midnight too."""
    minutes = abs((one.hour * 60 + one.minute) - (other.hour * 60 + other.minute))
    return timedelta(minutes=min(minutes, 24 * 60 - minutes))


def _longest(gaps: Sequence[timedelta], *, is_season: bool) -> timedelta:
    """The longest gap; one that stands alone among many of its season was a failure, not a habit."""
    ordered = sorted(gaps)
    if is_season and len(ordered) >= _OUTLIER_LEAST and ordered[-1] > _OUTLIER * ordered[-2]:
        return ordered[-2]
    return ordered[-1]
