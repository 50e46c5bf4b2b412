"""How everything stands, for the first page: what came and what became of it, hour by hour, and what needs somebody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from entrepot.app.docs_site.facts import SiteFacts
from entrepot.app.wiring import Platform
from entrepot.kernel.positions import RejectSet
from entrepot.ports.state import Plan, PlanStatus

MOST_PLANS = 20_000
"""So many of the newest batches are looked at."""


@dataclass(slots=True)
class Sums:
    """Records of source batches that settled in some time: received = accepted + rejected + duplicate, of each and so of all."""

    received: int = 0
    accepted: int = 0
    rejected: int = 0
    duplicate: int = 0
    superseded: int = 0
    """Rows that these batches took the place of."""
    retaken: int = 0
    """Rejects that were taken again; they are among those received before."""
    batches: int = 0
    voided: int = 0
    """Batches that were given up, with a reason."""

    @property
    def unexplained(self) -> int:
        """What is missing or there twice: never anything but 0."""
        return self.received - self.accepted - self.rejected - self.duplicate

    def add(self, plan: Plan) -> None:
        """Count a batch."""
        if plan.status is PlanStatus.VOIDED:
            self.voided += 1
        if plan.status is not PlanStatus.SETTLED or plan.counts is None:
            return
        self.batches += 1
        self.superseded += plan.superseded_rows
        if isinstance(plan.draft.position, RejectSet):
            self.retaken += plan.counts.received
            return
        self.received += plan.counts.received
        self.accepted += plan.counts.accepted
        self.rejected += plan.counts.rejected
        self.duplicate += plan.counts.duplicate


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour."""

    start: datetime
    received: int
    rejected: int


@dataclass(frozen=True, slots=True)
class Period:
    """Some time up to now."""

    since: datetime
    until: datetime
    sums: Sums
    hours: Sequence[Hour]
    is_whole: bool
    """False: there were more batches than are looked at."""


@dataclass(frozen=True, slots=True)
class SourceStanding:
    """A dataset that sources feed, at its closed point: everything up to there is settled."""

    dataset: str
    flows: tuple[str, ...]
    closed_at: datetime | None
    open_batches: int
    received: int
    accepted: int | None
    """Rows that are there now; None: they cannot be counted."""
    rejected: int
    duplicate: int
    superseded: int
    unexplained: int | None
    days: Sequence[Hour] = field(default=())
    """The last seven, each with what came."""


def source_flows(platform: Platform) -> dict[str, list[str]]:
    """dataset → the flows that bring records to it from outside."""
    found: dict[str, list[str]] = {}
    for source in platform.project.sources:
        found.setdefault(source.dataset, []).append(source.name)
    return found


def read_period(platform: Platform, since: datetime, until: datetime) -> Period:
    """What sources brought in some time."""
    plans = platform.state.plans(limit=MOST_PLANS) if platform.lake_exists() else []
    outside = {name for names in source_flows(platform).values() for name in names}
    chosen = [plan for plan in plans if plan.flow in outside and since <= _at(plan) < until]
    sums = Sums()
    for plan in chosen:
        sums.add(plan)
    is_whole = len(plans) < MOST_PLANS or _at(plans[0]) < since
    return Period(since, until, sums, _cut(chosen, since, until, timedelta(hours=1)), is_whole)


def read_sources(platform: Platform, facts: SiteFacts, now: datetime) -> list[SourceStanding]:
    """Every dataset that sources feed, with its balance over all batches."""
    plans = platform.state.plans(limit=MOST_PLANS) if platform.lake_exists() else []
    week = (now - timedelta(days=6)).replace(hour=0, minute=0, second=0, microsecond=0)
    found = []
    for dataset, flows in sorted(source_flows(platform).items()):
        own = [plan for plan in plans if plan.draft.target == dataset and plan.flow in flows]
        open_plans = [plan for plan in own if plan.status is PlanStatus.OPEN]
        entry = facts.find(dataset)
        balance = entry.figures.balance if entry is not None and entry.figures is not None else None
        figures = (balance.received, balance.rejected, balance.duplicate, balance.superseded) if balance else (0,) * 4
        received, rejected, duplicate, superseded = figures
        live = balance.live if balance is not None else None
        found.append(
            SourceStanding(
                dataset,
                tuple(flows),
                find_closed_point(own),
                len(open_plans),
                received,
                live,
                rejected,
                duplicate,
                superseded,
                None if live is None else received - live - rejected - duplicate - superseded,
                _cut([plan for plan in own if _at(plan) >= week], week, now, timedelta(days=1)),
            )
        )
    return found


def find_closed_point(plans: Sequence[Plan]) -> datetime | None:
    """Up to when all batches are settled: where the first open one begins, else where the last one ended."""
    begun = [plan.planned_at for plan in plans if plan.status is PlanStatus.OPEN and plan.planned_at is not None]
    if begun:
        return min(begun)
    return max((plan.settled_at for plan in plans if plan.settled_at is not None), default=None)


def _at(plan: Plan) -> datetime:
    return plan.settled_at or plan.planned_at or plan.draft.received_at


def _cut(plans: Sequence[Plan], since: datetime, until: datetime, step: timedelta) -> list[Hour]:
    start = since.replace(minute=0, second=0, microsecond=0)
    hours: list[Hour] = []
    sums: dict[int, Sums] = {}
    for plan in plans:
        sums.setdefault(int((_at(plan) - start) / step), Sums()).add(plan)
    number = 0
    while start + number * step < until:
        found = sums.get(number, Sums())
        hours.append(Hour(start + number * step, found.received, found.rejected))
        number += 1
    return hours
