"""What is learned from histories: misses and doubles are found, and false alarms stay below what is promised."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest

from entrepot.lake.quality.arrivals import find_due
from entrepot.lake.quality.usual import Sample, learn
from tests.real.feeding import read_csv

START = datetime.fromisoformat("2026-01-05 06:00")
FLAT = (1.0,) * 7
SHOP = (1, 1, 1.1, 1.2, 1.5, 2, 0.2)
CLOSED = (1, 1, 1, 1, 1, 0.5, 0)
LEAST = 8


def days(
    seed: int, week: Sequence[float], *, noise: float = 0.1, growth: float = 0.0, count: int = 110
) -> list[Sample]:
    """A series of days with weekly season, log-normal noise and growth."""
    rng = random.Random(seed)
    found = []
    for day in range(count):
        at = START + timedelta(days=day)
        found.append(Sample(at, int(4000 * week[at.weekday()] * math.exp(growth * day + rng.gauss(0, noise)))))
    return found


def spoil(samples: Sequence[Sample], seed: int, share: float) -> list[Sample]:
    """The same with single bad days: nothing, almost nothing, twice, five times."""
    rng = random.Random(seed)
    return [
        Sample(each.at, int(each.value * rng.choice([0, 0.05, 2, 5]))) if rng.random() < share else each
        for each in samples
    ]


@pytest.mark.req("S12")
@pytest.mark.parametrize("week", [FLAT, SHOP, CLOSED], ids=["flat", "shop", "closed"])
@pytest.mark.parametrize(
    ("noise", "growth", "bad"), [(0.05, 0, 0), (0.1, 0.003, 0.03), (0.1, -0.003, 0), (0.3, 0, 0.03)]
)
def test_false_alarms_are_rare_and_misses_are_found(
    week: Sequence[float], noise: float, growth: float, bad: float
) -> None:
    """At most 1.5 in 100 good days are called odd; a day with a tenth is found, a double one too where the noise allows it."""
    judged = false = strong = dropouts = doubles = 0
    for seed in range(4):
        clean = days(seed, week, noise=noise, growth=growth)
        history = spoil(clean, seed, bad)
        for number in range(LEAST, len(clean)):
            usual = learn(history[:number], clean[number].at, LEAST)
            assert usual is not None
            value = clean[number].value
            judged, false = judged + 1, false + (not usual.holds(value))
            if number >= 50 and value > 100:
                strong += 1
                dropouts += not usual.holds(value // 10)
                doubles += not usual.holds(value * 2)
    assert false <= 0.015 * judged, (false, judged)
    assert dropouts >= (0.9 if noise > 0.2 else 1.0) * strong, (dropouts, strong)
    assert noise > 0.2 or doubles >= (0.98 if noise < 0.1 else 0.85) * strong, (doubles, strong)


def test_there_is_no_verdict_before_there_is_a_history() -> None:
    """Seven observations are too few, eight are enough; what came later does not count."""
    samples = days(1, FLAT)
    assert learn(samples[:7], samples[7].at, LEAST) is None
    assert learn(samples, samples[7].at, LEAST) is None
    assert learn(samples, samples[8].at, LEAST) is not None


def test_the_same_history_gives_the_same_range() -> None:
    """Whatever the order in which it comes."""
    samples = days(2, SHOP)
    shuffled = random.Random(1).sample(samples, len(samples))
    assert learn(samples, samples[-1].at, LEAST) == learn(shuffled, samples[-1].at, LEAST)


def test_weekdays_are_named_once_they_are_known() -> None:
    """After four Fridays a Friday is held against Fridays; before against everything, quiet Sundays included."""
    samples = days(3, SHOP, noise=0.05)
    friday = next(n for n in range(60, 70) if samples[n].at.weekday() == 4)
    usual = learn(samples[:friday], samples[friday].at, LEAST)
    assert usual is not None and usual.of == "8 Fridays" and usual.low > 4500
    early = learn(samples[:14], samples[14].at, LEAST)
    assert early is not None and early.of == "14 observations" and early.low < 1000


def test_a_new_level_is_usual_after_a_week() -> None:
    """A third shop opens: odd at first, then not any more."""
    samples = [Sample(each.at, each.value * (3 if n >= 70 else 1)) for n, each in enumerate(days(4, FLAT, noise=0.05))]

    def odd(number: int) -> bool:
        usual = learn(samples[:number], samples[number].at, LEAST)
        return usual is not None and not usual.holds(samples[number].value)

    assert odd(70) and odd(72)
    assert not any(odd(number) for number in range(78, 90))


def test_small_numbers_stray_more() -> None:
    """Of three to five rows a day one or nine are nothing odd; forty are."""
    rng = random.Random(5)
    samples = [Sample(START + timedelta(days=n), rng.randint(3, 5)) for n in range(60)]
    usual = learn(samples, START + timedelta(days=60), LEAST)
    assert usual is not None and usual.holds(1) and usual.holds(9) and not usual.holds(40)


@pytest.mark.real
def test_days_of_a_real_shop(shared_data: Path) -> None:
    """Online Retail: of 266 days 11 are odd, all but two of them days on which the shop was closed; a tenth of a day is seen, nine times in ten."""
    counts = {
        date.fromisoformat(row["d"]): int(row["lines_"])
        for row in read_csv(shared_data / "expected/online_retail_daily.csv")
    }
    first, last = min(counts), max(counts)
    every = (first + timedelta(days=n) for n in range((last - first).days + 1))
    samples = [Sample(datetime.combine(day, time()), counts.get(day, 0)) for day in every]
    judged = [(each, learn(samples[:n], each.at, LEAST)) for n, each in enumerate(samples)]
    odd = [each for each, usual in judged if usual is not None and not usual.holds(each.value)]
    assert len(odd) == 11 and sum(each.value > 0 for each in odd) == 2
    assert datetime.fromisoformat("2011-04-29") in {each.at for each in odd}, "a holiday of that year alone"
    known = [(each, usual) for each, usual in judged[43:] if usual is not None and each.value > 200]
    missed = sum(usual.holds(each.value // 10) for each, usual in known)
    assert missed <= 0.1 * len(known)


def on(weekdays: Sequence[int], jitter_h: float = 0.5) -> Callable[[random.Random], list[datetime]]:
    def make(rng: random.Random) -> list[datetime]:
        instants = (START + timedelta(days=n, hours=rng.gauss(0, jitter_h)) for n in range(100))
        return [at for n, at in enumerate(instants) if (START + timedelta(days=n)).weekday() in weekdays]

    return make


def hourly(rng: random.Random) -> list[datetime]:
    start = START.replace(hour=0)
    return [start + timedelta(days=n, hours=h, minutes=rng.gauss(5, 3)) for n in range(30) for h in range(7, 20)]


@pytest.mark.parametrize(
    ("make", "within_h"),
    [(on(range(7)), 10), (on(range(5)), 22), (on([0]), 60), (on([0, 3], 3), 50), (hourly, 5)],
    ids=["daily", "weekdays", "weekly", "twice", "hourly"],
)
def test_a_late_source_is_found_and_a_quiet_one_is_not(
    make: Callable[[random.Random], list[datetime]], within_h: float
) -> None:
    """At most 1 in 100 arrivals would have been called late; what does not come is late soon, on an ordinary day."""
    judged = early = 0
    waits = []
    for seed in range(4):
        arrivals = make(random.Random(seed))
        for number in range(LEAST + 2, len(arrivals)):
            due = find_due(arrivals[:number], LEAST)
            assert due is not None
            judged, early = judged + 1, early + (arrivals[number] > due.until)
            waits.append((due.until - arrivals[number]) / timedelta(hours=1))
    assert early <= 0.01 * judged, (early, judged)
    assert sorted(waits)[len(waits) // 2] <= within_h


def test_weekends_are_no_delay_and_one_outage_is_no_habit() -> None:
    """After a Friday the Monday is waited for; a week without anything does not make every later week late."""
    arrivals = on(range(5), 0)(random.Random(1))
    friday = [n for n, at in enumerate(arrivals) if at.weekday() == 4][9]
    due = find_due(arrivals[: friday + 1], LEAST)
    assert due is not None and due.until > arrivals[friday + 1] and due.of == "9 Fridays"
    torn = [
        at
        for at in arrivals[: friday + 1]
        if not datetime.fromisoformat("2026-02-03") < at < datetime.fromisoformat("2026-02-10")
    ]
    tuesday = find_due([at for at in torn if at < datetime.fromisoformat("2026-03-10 12:00")], LEAST)
    assert tuesday is not None and tuesday.gap == timedelta(days=1)
    assert find_due(arrivals[:LEAST], LEAST) is None
