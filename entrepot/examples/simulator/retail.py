"""The retailer's world: all events there are for a seed, whenever and in whatever pieces they are asked for."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import count, repeat
from typing import Generic
from zoneinfo import ZoneInfo

from entrepot.examples.simulator import interactions, loyalty, web
from entrepot.examples.simulator.chance import AnyEvent, Slots
from entrepot.examples.simulator.events import Event, InteractionEvent, LoyaltyEvent, WebEvent
from entrepot.examples.simulator.web import BOTS

__all__ = ["BOTS", "STREAMS", "RetailWorld"]

STREAMS = ("web_traffic", "interactions", "loyalty")
ZONE = ZoneInfo("Europe/Berlin")
FIRST_DAY = date(2026, 6, 1)
EVENTS_PER_VISIT = 5.6
"""About; to make a world of a wanted rate."""


class RetailWorld:
    """A pure function from its arguments to events: the same arguments give the same events, also in another process."""

    def __init__(
        self,
        *,
        seed: int = 7,
        first_day: date = FIRST_DAY,
        begins: datetime | None = None,
        customers: int = 300,
        visits_per_day: float = 120,
        interactions_per_day: float = 30,
        products: int = 300,
        stores: int = 12,
        slot_seconds: int = 600,
        is_flat: bool = False,
    ) -> None:
        """Args:

        first_day: in the zone of the stores.
        begins: an instant in its place.
        slot_seconds: what is drawn at once; another value gives other events.
        is_flat: no busy hours.
        """
        self.first = (begins or datetime.combine(first_day, time(), ZONE)).astimezone(UTC)
        """Nothing is served before; nothing but old enrolments occurred before."""
        self.customer_ids = tuple(f"C{number:04}" for number in range(1, customers + 1))
        slots = Slots(self.first, slot_seconds, is_flat)
        days = Slots(self.first, 86_400)
        programme = loyalty.Programme.draw(seed, self.first, customers, stores)
        self.members = programme.members
        visits = web.WebVisits(seed, slots, customers, visits_per_day, products)
        contacts = interactions.Contacts(seed, slots, customers, interactions_per_day)
        self._web = _Feed(visits.events, slots, web.LOOK_BACK)
        self._interactions = _Feed(contacts.events, slots, interactions.LOOK_BACK)
        self._loyalty = _Feed(programme.events, days, loyalty.LOOK_BACK)

    def web(self, start: datetime, end: datetime) -> list[WebEvent]:
        """Events of web and app served in [start, end), in the order in which they are served."""
        return self._web.served(start, end)

    def interactions(self, start: datetime, end: datetime) -> list[InteractionEvent]:
        """Events of contacts with customers served in [start, end)."""
        return self._interactions.served(start, end)

    def loyalty(self, start: datetime, end: datetime) -> list[LoyaltyEvent]:
        """Events of the loyalty programme served in [start, end)."""
        return self._loyalty.served(start, end)

    def served(self, stream: str, start: datetime, end: datetime) -> list[Event]:
        """The events of one of `STREAMS`."""
        found: dict[str, Callable[[datetime, datetime], Iterable[Event]]] = {
            "web_traffic": self.web,
            "interactions": self.interactions,
            "loyalty": self.loyalty,
        }
        return list(found[stream](start, end))

    def forward(self, streams: Iterable[str] = STREAMS) -> Iterator[tuple[str, Event]]:
        """All events of some streams from the first on, without end, as they are served; in flat memory."""
        feeds: dict[str, Iterator[Event]] = {
            "web_traffic": self._web.forward(),
            "interactions": self._interactions.forward(),
            "loyalty": self._loyalty.forward(),
        }
        named = [zip(repeat(stream), feeds[stream]) for stream in streams]
        yield from heapq.merge(*named, key=lambda found: _order(found[1]))

    def dirt(self, start: datetime, end: datetime) -> dict[str, int]:
        """What is wrong among the events served in [start, end), in numbers."""
        found: Counter[str] = Counter()
        for stream in STREAMS:
            events = self.served(stream, start, end)
            found[f"{stream}.served"] = len(events)
            found[f"{stream}.events"] = len({event.event_id for event in events})
        for event in {event.event_id: event for event in self.web(start, end)}.values():
            late = event.recorded_at - event.occurred_at
            found["web_traffic.late"] += timedelta(minutes=5) <= late <= timedelta(hours=2)
            found["web_traffic.too_late"] += late > timedelta(hours=2)
            found["web_traffic.bots"] += any(bot.lower() in event.user_agent.lower() for bot in BOTS)
        for step in {event.event_id: event for event in self.interactions(start, end)}.values():
            found["interactions.twins"] += step.interaction_id.endswith("b")
            found["interactions.bad_ratings"] += step.rating is not None and not 1 <= step.rating <= 5
            found["interactions.resolved_before_opened"] += (
                step.resolved_at is not None and step.resolved_at < step.opened_at
            )
        return dict(found)


class _Feed(Generic[AnyEvent]):
    """The events of one stream, slot by slot."""

    def __init__(self, draw: Callable[[int], list[AnyEvent]], slots: Slots, look_back: timedelta) -> None:
        """`look_back`: slots that began longer ago bring nothing any more."""
        self._slots = slots
        self._look_back = look_back
        self._draw: Callable[[int], list[AnyEvent]] = draw
        self._drawn: Callable[[int], list[AnyEvent]] = lru_cache(maxsize=8192)(draw)

    def served(self, start: datetime, end: datetime) -> list[AnyEvent]:
        """The events served in [start, end), in their order."""
        slots = self._slots.covering(start - self._look_back, end)
        found = [event for slot in slots for event in self._drawn(slot) if start <= event.served_at < end]
        return sorted(found, key=_order)

    def forward(self) -> Iterator[Event]:
        """All events from the first on; those that are still to be served wait."""
        waiting: list[tuple[tuple[datetime, str], int, AnyEvent]] = []
        given = count()
        for slot in count():
            for event in self._draw(slot):
                heapq.heappush(waiting, (_order(event), next(given), event))
            until = self._slots.begin(slot + 1)
            while waiting and waiting[0][0][0] < until:
                yield heapq.heappop(waiting)[2]


def _order(event: Event) -> tuple[datetime, str]:
    return event.served_at, event.event_id
