"""The loyalty programme: who joins, collects, spends, rises and leaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from random import Random

from entrepot.examples.simulator.chance import between, deliver, draw_lateness, short_hash
from entrepot.examples.simulator.events import LoyaltyEvent

TIERS = ("bronze", "silver", "gold")
DAY = timedelta(days=1)
LOOK_BACK = 2 * DAY
_JOINING_DAYS = 120


@dataclass(frozen=True, slots=True)
class Member:
    """One membership, from its beginning to its end."""

    id: str
    customer: str
    enrolled_at: datetime
    left_at: datetime | None
    is_active: bool
    changes: tuple[tuple[datetime, str], ...]
    """When the tier became which; the first with the enrolment."""

    def is_member(self, at: datetime) -> bool:
        """True between enrolment and leaving."""
        return self.enrolled_at < at and (self.left_at is None or at < self.left_at)

    def tier(self, at: datetime) -> str:
        """The tier at an instant of the membership."""
        return next(tier for since, tier in reversed(self.changes) if since <= at)


@dataclass(frozen=True, slots=True)
class Programme:
    """Draws what happens in the programme on a day."""

    seed: int
    first: datetime
    customers: int
    stores: int
    members: tuple[Member, ...] = field(default=())

    @classmethod
    def draw(cls, seed: int, first: datetime, customers: int, stores: int) -> Programme:
        """The programme with all that ever are members."""
        drawn = (_draw_member(seed, first, number) for number in range(1, customers + 1))
        return cls(seed, first, customers, stores, tuple(member for member in drawn if member is not None))

    def events(self, day: int) -> list[LoyaltyEvent]:
        """All events that occur on the day (the old enrolments on the first one), re-deliveries among them."""
        random = Random(f"{self.seed} loyalty {day}")
        start = self.first + day * DAY
        found = self._enrolled_before(random) if day == 0 else []
        for member in self.members:
            found += self._milestones(random, member, start)
            if member.is_active:
                found += self._activity(random, member, start)
        return found

    def _enrolled_before(self, random: Random) -> list[LoyaltyEvent]:
        found: list[LoyaltyEvent] = []
        for member in self.members:
            if member.enrolled_at < self.first:
                recorded = self.first + between(random, 0, 3600)
                found.append(self._event(member, "enrol", member.enrolled_at, recorded))
        return found

    def _milestones(self, random: Random, member: Member, start: datetime) -> list[LoyaltyEvent]:
        told = [("enrol" if number == 0 else "tier", at) for number, (at, _) in enumerate(member.changes)]
        if member.left_at is not None:
            told = [*((kind, at) for kind, at in told if at < member.left_at), ("leave", member.left_at)]
        found: list[LoyaltyEvent] = []
        for kind, at in told:
            if start <= at < start + DAY:
                found += deliver(random, self._event(member, kind, at, at + draw_lateness(random)))
        return found

    def _activity(self, random: Random, member: Member, start: datetime) -> list[LoyaltyEvent]:
        found: list[LoyaltyEvent] = []
        for kind, chance in (("earning", 0.08), ("redemption", 0.015)):
            if random.random() >= chance:
                continue
            at = start + between(random, 6 * 3600, 20 * 3600)
            points = random.randrange(5, 250) if kind == "earning" else -100 * random.randrange(1, 6)
            store = f"S{1 + random.randrange(self.stores):02}" if random.random() < 0.75 else None
            if member.is_member(at):
                event = self._event(member, kind, at, at + draw_lateness(random), points, store)
                found += deliver(random, event)
        return found

    def _event(
        self, member: Member, kind: str, at: datetime, recorded: datetime, points: int | None = None,
        store: str | None = None,
    ) -> LoyaltyEvent:  # fmt: skip
        return LoyaltyEvent(
            event_id=short_hash("l", self.seed, member.id, kind, at),
            member_id=member.id,
            customer_id=member.customer,
            event_type=kind,
            tier=member.tier(at),
            points=points,
            store_id=store,
            occurred_at=at,
            recorded_at=recorded,
            served_at=recorded,
        )


@lru_cache(maxsize=1 << 16)
def _draw_member(seed: int, first: datetime, number: int) -> Member | None:
    random = Random(f"{seed} member {number}")
    if random.random() >= 0.6:
        return None
    is_old = random.random() < 0.5
    enrolled = (
        first - between(random, 86_400, 700 * 86_400) if is_old else first + between(random, 0, _JOINING_DAYS * 86_400)
    )
    known = max(enrolled, first)
    tier = random.choice(TIERS) if is_old else TIERS[0]
    changes = [(enrolled, tier)]
    at = known
    for higher in TIERS[TIERS.index(tier) + 1 :]:
        if random.random() < 0.3:
            at += between(random, 20 * 86_400, 60 * 86_400)
            changes.append((at, higher))
    left = None
    if random.random() < 0.1:
        left = known + between(random, 86_400, (20 if random.random() < 0.4 else 110) * 86_400)
    return Member(f"M{number:04}", f"C{number:04}", enrolled, left, random.random() < 0.7, tuple(changes))
