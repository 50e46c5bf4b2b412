"""What is drawn alike for all events: ids, how late an event becomes known, and whether it is delivered twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from random import Random
from typing import TypeVar

from entrepot.examples.simulator.events import InteractionEvent, LoyaltyEvent, WebEvent

AnyEvent = TypeVar("AnyEvent", WebEvent, InteractionEvent, LoyaltyEvent)

LATEST = timedelta(hours=6)
"""No event becomes known later than this after it occurred, but for old enrolments."""
LONGEST_REDELIVERY = timedelta(hours=2)
_DAY_PROFILE = (2, 1, 1, 1, 1, 2, 5, 8, 10, 11, 12, 13, 14, 13, 12, 12, 13, 15, 17, 18, 16, 12, 7, 4)
"""How busy each hour of the day (UTC) is."""


def short_hash(letter: str, *parts: object) -> str:
    """An id that tells nothing, the same for the same parts."""
    text = "\x1f".join(map(str, parts))
    return letter + blake2b(text.encode(), digest_size=6).hexdigest()


def weighted(random: Random, choices: Sequence[tuple[str, int]]) -> str:
    """One of the names; each with its weight."""
    drawn = random.randrange(sum(weight for _, weight in choices))
    for name, weight in choices:
        drawn -= weight
        if drawn < 0:
            return name
    raise AssertionError("unreachable: the weights are used up")


def between(random: Random, least: float, most: float) -> timedelta:
    """A time between two numbers of seconds, in whole milliseconds."""
    return timedelta(milliseconds=random.randrange(int(least * 1000), int(most * 1000)))


@dataclass(frozen=True, slots=True)
class Slots:
    """Time cut into slots of one length: what begins in a slot is drawn from the slot's own dice."""

    first: datetime
    seconds: int
    is_flat: bool = False
    """Every hour is as busy as every other."""

    def begin(self, slot: int) -> datetime:
        """When the slot begins."""
        return self.first + timedelta(seconds=slot * self.seconds)

    def covering(self, start: datetime, end: datetime) -> range:
        """The slots that overlap [start, end)."""
        low = (start - self.first) // timedelta(seconds=self.seconds)
        high = -((self.first - end) // timedelta(seconds=self.seconds))
        return range(max(0, low), max(0, high))

    def draw_count(self, random: Random, slot: int, per_day: float) -> int:
        """How many of `per_day` begin in the slot."""
        share = self.seconds / 86_400
        if not self.is_flat:
            share *= 24 * _DAY_PROFILE[self.begin(slot).hour] / sum(_DAY_PROFILE)
        return int(per_day * share + random.random())

    def draw_instant(self, random: Random, slot: int) -> datetime:
        """An instant within the slot."""
        return self.begin(slot) + timedelta(milliseconds=random.randrange(self.seconds * 1000))


def draw_lateness(random: Random, *, may_be_too_late: bool = False) -> timedelta:
    """From the event to the record of it: some seconds, for 3 % up to two hours, for 0.2 % of web events up to six."""
    drawn = random.random()
    if drawn < 0.03:
        return between(random, 300, 7200)
    if may_be_too_late and drawn < 0.032:
        return between(random, 7201, LATEST.total_seconds())
    return between(random, 0, 5)


def deliver(random: Random, event: AnyEvent) -> list[AnyEvent]:
    """The event, and for 1 % the same once more, served up to two hours later."""
    if random.random() >= 0.01:
        return [event]
    return [event, replace(event, served_at=event.served_at + between(random, 2, LONGEST_REDELIVERY.total_seconds()))]
