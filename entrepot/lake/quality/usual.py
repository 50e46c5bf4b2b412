"""What is usual: in come past observations, out comes the range that the next one should lie in. Nothing but arithmetic.

Robust (medians, so that a bad day does not change what is usual), seasonal by weekday and, for what comes many times a day, by hour, with
a trend and with a change of level: what was odd many times in a row is the new usual.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

WINDOW = timedelta(weeks=13)
"""Older observations say nothing any more."""
MOST = 400
WIDTH = 3.5
"""How many robust standard deviations around the middle are usual: of a normal distribution 1 in 2,000 lies outside."""
SEASON_LEAST = 4
"""Observations of one weekday (and hour) from which on it is its own measure."""
_MAD = 1.4826
_LEVEL = 7
"""So many observations in a row, all odd to the same side, are a new level."""
_TREND_DAYS, _TREND_LEAST = 21, 15
_MOST_TREND = 0.05
"""Of a day: nothing grows faster for long."""
_NOISE = 0.02
"""Of logarithms: 2 percent up and down are nothing."""
_UNSURE = 0.4
"""How far a weekday may stray that was seen once or twice."""
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Sample:
    """How much came, and when, on the wall clock of the project."""

    at: datetime
    value: int


@dataclass(frozen=True, slots=True)
class Usual:
    """The range, both ends included; `of` says from what it was learned: `12 Fridays`."""

    low: int
    high: int
    of: str

    def holds(self, value: int) -> bool:
        """True when a value is usual."""
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Season:
    """What makes observations comparable, and how a group of them is called."""

    key: Callable[[datetime], Hashable]
    name: Callable[[datetime, int], str]


BY_HOUR = Season(
    lambda at: (at.weekday(), at.hour),
    lambda at, n: f"{n} {WEEKDAYS[at.weekday()]}s between {at.hour} and {at.hour + 1} h",
)
BY_WEEKDAY = Season(lambda at: at.weekday(), lambda at, n: f"{n} {WEEKDAYS[at.weekday()]}s")
ALL = Season(lambda at: None, lambda at, n: f"{n} observations")


def learn(history: Sequence[Sample], at: datetime, least: int) -> Usual | None:
    """What is usual at an instant, from the observations before it; None when there are fewer than `least`."""
    past = recent(history, at)
    if len(past) < least:
        return None
    season = find_season([sample.at for sample in past], at)
    same = sum(season.key(sample.at) == season.key(at) for sample in past)
    low, high = _range(past, at, season)
    if season is ALL:
        low, high = _widen(past, at, low, high)
    return Usual(max(0, math.floor(math.expm1(low))), math.ceil(math.expm1(high)), season.name(at, same))


def recent(history: Sequence[Sample], at: datetime) -> list[Sample]:
    """The observations before an instant that still count, oldest first."""
    return sorted((s for s in history if at - WINDOW <= s.at < at), key=lambda sample: sample.at)[-MOST:]


def find_season(instants: Sequence[datetime], at: datetime) -> Season:
    """The finest season that has been seen often enough."""
    seasons = (BY_HOUR, BY_WEEKDAY) if many_a_day(instants) else (BY_WEEKDAY,)
    for season in seasons:
        if sum(season.key(each) == season.key(at) for each in instants) >= SEASON_LEAST:
            return season
    return ALL


def many_a_day(instants: Sequence[datetime]) -> bool:
    """True when more than one and a half observations come on a day that has some."""
    return len(instants) > 1.5 * len({each.date() for each in instants})


def _range(past: Sequence[Sample], at: datetime, season: Season) -> tuple[float, float]:
    """The usual range of log(1 + value)."""
    logs = [math.log1p(sample.value) for sample in past]
    keys = [season.key(sample.at) for sample in past]
    days = [(sample.at - at) / timedelta(days=1) for sample in past]
    slope = _slope(days, _residuals(logs, keys))
    flat = [value - slope * day for value, day in zip(logs, days, strict=True)]
    own = [value for value, key in zip(flat, keys, strict=True) if key == season.key(at)]
    residuals = _residuals(flat, keys)
    middle = median(own)
    spread = max(_deviation(residuals), _deviation([value - middle for value in own]))
    # few observations of a weekday stray less around their own middle than the next one will
    spread *= 1 + 1.5 / len(own)
    spread = math.hypot(max(spread, _NOISE), 1 / math.sqrt(1 + math.expm1(max(middle, 0.0))))
    middle += _level(residuals, spread)
    return middle - WIDTH * spread, middle + WIDTH * spread


def _widen(past: Sequence[Sample], at: datetime, low: float, high: float) -> tuple[float, float]:
    """Without seasons quiet and busy days are mixed: what came twice is usual too, and so is what came on this weekday."""
    logs = sorted(math.log1p(sample.value) for sample in past)
    same = [math.log1p(sample.value) for sample in past if sample.at.weekday() == at.weekday()]
    return min(low, logs[1], *(each - _UNSURE for each in same)), max(
        high, logs[-2], *(each + _UNSURE for each in same)
    )


def _residuals(values: Sequence[float], keys: Sequence[Hashable]) -> list[float]:
    """What is left of each value without the middle of its season."""
    groups: defaultdict[Hashable, list[float]] = defaultdict(list)
    for value, key in zip(values, keys, strict=True):
        groups[key].append(value)
    middles = {key: median(group) for key, group in groups.items()}
    return [value - middles[key] for value, key in zip(values, keys, strict=True)]


def _slope(days: Sequence[float], residuals: Sequence[float]) -> float:
    """Growth of a day: the median slope of pairs half the history apart; 0 where the history is too short to tell."""
    half = len(days) // 2
    if len(days) < _TREND_LEAST or days[-1] - days[0] < _TREND_DAYS:
        return 0.0
    slopes = [
        (residuals[i + half] - residuals[i]) / (days[i + half] - days[i])
        for i in range(len(days) - half)
        if days[i + half] > days[i]
    ]
    return max(-_MOST_TREND, min(_MOST_TREND, median(slopes))) if slopes else 0.0


def _level(residuals: Sequence[float], spread: float) -> float:
    """How far the newest observations, all of them odd, stand away from those before; 0 when they are usual."""
    newest = residuals[-_LEVEL:]
    middle = median(newest)
    odd = sum(abs(each) > WIDTH * spread and each * middle > 0 for each in newest)
    return middle if odd >= _LEVEL - 1 else 0.0


def _deviation(residuals: Sequence[float]) -> float:
    """The robust standard deviation around 0."""
    return _MAD * median([abs(each) for each in residuals])
