"""Contacts with customers: opened, resolved, reopened, rated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from entrepot.examples.simulator.chance import (
    LATEST,
    LONGEST_REDELIVERY,
    Slots,
    between,
    deliver,
    draw_lateness,
    short_hash,
    weighted,
)
from entrepot.examples.simulator.events import InteractionEvent

TYPES = (("question", 38), ("complaint", 20), ("return", 16), ("delivery", 14), ("praise", 4), ("loyalty", 8))
CHANNELS = (("phone", 34), ("email", 30), ("chat", 22), ("social", 6), ("store", 8))
PRIORITIES = (("low", 25), ("normal", 50), ("high", 18), ("urgent", 7))
_RATINGS = (("1", 5), ("2", 8), ("3", 16), ("4", 34), ("5", 34), ("0", 1), ("6", 1), ("9", 1))
"""Three of a hundred lie outside of what is allowed."""
_MOST_RESOLVE, _MOST_REOPEN = timedelta(days=10), timedelta(days=3)
LOOK_BACK = 3 * _MOST_RESOLVE + 2 * _MOST_REOPEN + timedelta(days=1) + LATEST + LONGEST_REDELIVERY
"""Slots that began so long before may still bring events."""


@dataclass(frozen=True, slots=True)
class Contacts:
    """Draws the interactions that are opened in a slot."""

    seed: int
    slots: Slots
    customers: int
    per_day: float

    def events(self, slot: int) -> list[InteractionEvent]:
        """All events of the interactions that are opened in the slot, re-deliveries among them."""
        random = Random(f"{self.seed} contacts {slot}")
        found: list[InteractionEvent] = []
        for number in range(self.slots.draw_count(random, slot, self.per_day)):
            found += _Contact.draw(self, random, slot, number).events()
        return found


@dataclass(slots=True)
class _Contact:
    seed: int
    random: Random
    id: str
    customer: str | None
    type: str
    channel: str
    priority: str
    opened_at: datetime
    given: int = 0

    @classmethod
    def draw(cls, world: Contacts, random: Random, slot: int, number: int) -> _Contact:
        """One contact that begins in the slot."""
        customer = f"C{1 + random.randrange(world.customers):04}" if random.random() >= 0.1 else None
        kinds = (weighted(random, TYPES), weighted(random, CHANNELS), weighted(random, PRIORITIES))
        opened = world.slots.draw_instant(random, slot)
        return cls(world.seed, random, f"{slot:06}{number:03}", customer, *kinds, opened)

    def events(self) -> list[InteractionEvent]:
        """What happens to it, one after the other."""
        found = self._event("opened", self.opened_at)
        if self.random.random() < 0.02:
            found += self._event("opened", self.opened_at + between(self.random, 30, 1800), twin="b")
        if self.random.random() < 0.7:
            found += self._resolve(self.opened_at, reopens=2)
        return found

    def _resolve(self, since: datetime, reopens: int) -> list[InteractionEvent]:
        random = self.random
        # cubing makes most of them quick
        seconds = 60 + random.random() ** 3 * (_MOST_RESOLVE.total_seconds() - 61)
        at = since + timedelta(milliseconds=int(seconds * 1000))
        found = self._resolved(at)
        rated = at
        if random.random() < 0.45:
            rated = at + between(random, 60, 86_400 / 2)
            found += self._event("rated", rated, rating=int(weighted(random, _RATINGS)))
        if reopens and random.random() < (0.08 if reopens == 2 else 0.2):
            again = rated + between(random, 3600, _MOST_REOPEN.total_seconds() - 86_400)
            found += self._event("reopened", again)
            found += self._resolve(again, reopens - 1)
        return found

    def _resolved(self, at: datetime) -> list[InteractionEvent]:
        """For 1 % the system writes an instant before the opening; half of these are told again, rightly."""
        if self.random.random() >= 0.01:
            return self._event("resolved", at, resolved_at=at)
        wrong = self.opened_at - between(self.random, 60, 7200)
        found = self._event("resolved", at, resolved_at=wrong)
        if self.random.random() < 0.5:
            found += self._event("resolved", at, resolved_at=at, later=between(self.random, 600, 7000))
        return found

    def _event(
        self, kind: str, at: datetime, *, resolved_at: datetime | None = None, rating: int | None = None, twin: str = "",
        later: timedelta | None = None,
    ) -> list[InteractionEvent]:  # fmt: skip
        recorded = at + (draw_lateness(self.random) if later is None else later)
        self.given += 1
        event = InteractionEvent(
            event_id=short_hash("i", self.seed, self.id, self.given),
            interaction_id=f"I{self.id}{twin}",
            reference=f"{self.channel[:3].upper()}-{self.id}",
            customer_id=self.customer,
            event_type=kind,
            type=self.type,
            channel=self.channel,
            priority=self.priority,
            opened_at=at if twin else self.opened_at,
            resolved_at=resolved_at,
            rating=rating,
            occurred_at=at,
            recorded_at=recorded,
            served_at=recorded,
        )
        return deliver(self.random, event)
