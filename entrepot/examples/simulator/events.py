"""What the retailer's systems tell about: visits of web and app, contacts with customers, the loyalty programme."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

JsonObject = dict[str, str | int | None]


class Event(Protocol):
    """One event, as it is served and pushed."""

    @property
    def event_id(self) -> str:
        """The same for a re-delivery."""
        ...

    @property
    def served_at(self) -> datetime:
        """From when on the API shows it; not part of the event. A re-delivery differs in nothing else."""
        ...

    def as_json(self) -> JsonObject:
        """The event's JSON object; keys always in the same order."""
        ...


@dataclass(frozen=True, slots=True)
class WebEvent:
    """Something a visitor did. `customer_id` is null until the visitor has logged in, anew in each visit."""

    event_id: str
    visitor_id: str
    customer_id: str | None
    event_type: str
    page: str
    channel: str
    user_agent: str
    product_id: str | None
    order_id: str | None
    order_cents: int | None
    occurred_at: datetime
    recorded_at: datetime
    served_at: datetime

    def as_json(self) -> JsonObject:
        """As the API gives it."""
        return {
            "event_id": self.event_id,
            "visitor_id": self.visitor_id,
            "customer_id": self.customer_id,
            "event_type": self.event_type,
            "page": self.page,
            "channel": self.channel,
            "user_agent": self.user_agent,
            "product_id": self.product_id,
            "order_id": self.order_id,
            "order_value": None if self.order_cents is None else f"{self.order_cents // 100}.{self.order_cents % 100:02}",
            "occurred_at": instant_text(self.occurred_at),
            "recorded_at": instant_text(self.recorded_at),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class InteractionEvent:
    """A step of a contact with a customer."""

    event_id: str
    interaction_id: str
    reference: str
    customer_id: str | None
    event_type: str
    type: str
    channel: str
    priority: str
    opened_at: datetime
    resolved_at: datetime | None
    rating: int | None
    occurred_at: datetime
    recorded_at: datetime
    served_at: datetime

    def as_json(self) -> JsonObject:
        """As the API gives it."""
        return {
            "event_id": self.event_id,
            "interaction_id": self.interaction_id,
            "reference": self.reference,
            "customer_id": self.customer_id,
            "event_type": self.event_type,
            "type": self.type,
            "channel": self.channel,
            "priority": self.priority,
            "opened_at": instant_text(self.opened_at),
            "resolved_at": None if self.resolved_at is None else instant_text(self.resolved_at),
            "rating": self.rating,
            "occurred_at": instant_text(self.occurred_at),
            "recorded_at": instant_text(self.recorded_at),
        }


@dataclass(frozen=True, slots=True)
class LoyaltyEvent:
    """Something that happened to a membership. `tier` is the one after the event."""

    event_id: str
    member_id: str
    customer_id: str
    event_type: str
    tier: str
    points: int | None
    store_id: str | None
    occurred_at: datetime
    recorded_at: datetime
    served_at: datetime

    def as_json(self) -> JsonObject:
        """As the API gives it."""
        return {
            "event_id": self.event_id,
            "member_id": self.member_id,
            "customer_id": self.customer_id,
            "event_type": self.event_type,
            "tier": self.tier,
            "points": self.points,
            "store_id": self.store_id,
            "occurred_at": instant_text(self.occurred_at),
            "recorded_at": instant_text(self.recorded_at),
        }


def instant_text(at: datetime) -> str:
    """An instant of UTC as ISO 8601 with microseconds and Z."""
    return at.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
