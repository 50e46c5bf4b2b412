"""Visits of the shop's website and app."""

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
from entrepot.examples.simulator.events import WebEvent

BOTS = ("Googlebot", "bingbot", "AhrefsBot", "curl/", "python-requests")
"""What a user agent of a program contains."""
LONGEST_VISIT = timedelta(hours=8)
LOOK_BACK = LONGEST_VISIT + LATEST + LONGEST_REDELIVERY
"""Slots that began so long before may still bring events."""

_IDLE = timedelta(minutes=30)
_BROWSERS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
)
_APPS = ("RetailApp/4.2 (Android 16)", "RetailApp/4.2 (iOS 19.1)")
_ROBOTS = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "curl/8.14.1",
    "python-requests/2.32.4",
)
_STEPS = (("page_view", 72), ("search", 13), ("add_to_cart", 15))
_LANDINGS = (("/", 40), ("/offers", 25), ("product", 35))


@dataclass(frozen=True, slots=True)
class _Visitor:
    """Who visits, and with what."""

    id: str
    channel: str
    user_agent: str
    customer: str | None = None
    is_bot: bool = False


@dataclass(frozen=True, slots=True)
class WebVisits:
    """Draws the visits that begin in a slot."""

    seed: int
    slots: Slots
    customers: int
    visits_per_day: float
    products: int

    def events(self, slot: int) -> list[WebEvent]:
        """All events of the visits that begin in the slot, re-deliveries among them."""
        random = Random(f"{self.seed} web {slot}")
        found: list[WebEvent] = []
        for number in range(self.slots.draw_count(random, slot, self.visits_per_day)):
            visitor = self._draw_visitor(random)
            start = self.slots.draw_instant(random, slot)
            found += _Visit(self, random, visitor, start, (slot, number)).events()
        return found

    def _draw_visitor(self, random: Random) -> _Visitor:
        drawn = random.random()
        if drawn < 0.04:
            place = random.randrange(len(_ROBOTS))
            return _Visitor(short_hash("v", self.seed, "bot", place), "web", _ROBOTS[place], is_bot=True)
        if drawn < 0.55:
            number, is_app = 1 + random.randrange(self.customers), random.random() < 0.4
            device = short_hash("v", self.seed, "customer", number, is_app)
            return self._with_device(device, number, is_app, f"C{number:04}")
        number = random.randrange(max(50, int(self.visits_per_day * 6)))
        return self._with_device(short_hash("v", self.seed, "anyone", number), number, number % 10 < 3, None)

    def _with_device(self, id: str, number: int, is_app: bool, customer: str | None) -> _Visitor:
        agents = _APPS if is_app else _BROWSERS
        return _Visitor(id, "app" if is_app else "web", agents[number % len(agents)], customer)


@dataclass(slots=True)
class _Visit:
    world: WebVisits
    random: Random
    visitor: _Visitor
    at: datetime
    id: tuple[int, int]
    customer: str | None = None
    """Known from the login on."""
    has_cart: bool = False

    def events(self) -> list[WebEvent]:
        """What happens in the visit, one after the other."""
        end = self.at + LONGEST_VISIT
        found: list[WebEvent] = []
        for number, kind in enumerate(self._plan()):
            self.at += self._gap() if number else timedelta()
            if self.at >= end:
                break
            if kind == "login":
                self.customer = self.visitor.customer
            found += deliver(self.random, self._event(number, kind))
        return found

    def _plan(self) -> list[str]:
        random = self.random
        if self.visitor.is_bot:
            return ["page_view"] * (1 + random.randrange(30))
        if random.random() < 0.35:
            return ["page_view"]
        kinds = ["page_view", *(weighted(random, _STEPS) for _ in range(1 + random.randrange(11)))]
        if self.visitor.customer is not None and random.random() < 0.5:
            kinds.insert(1 + random.randrange(len(kinds)), "login")
            if "add_to_cart" in kinds and random.random() < 0.6:
                kinds.append("purchase")
        return kinds

    def _gap(self) -> timedelta:
        drawn = self.random.random()
        if self.visitor.is_bot:
            return between(self.random, 0.5, 5)
        if drawn < 0.005:
            return _IDLE  # the last instant that belongs to the session
        if drawn < 0.01:
            return _IDLE + timedelta(microseconds=1)
        if drawn < 0.03:
            return between(self.random, 1500, 2100)
        return between(self.random, 300, 1500) if drawn < 0.09 else between(self.random, 5, 300)

    def _event(self, number: int, kind: str) -> WebEvent:
        recorded = self.at + draw_lateness(self.random, may_be_too_late=True)
        page, product = self._page(kind)
        is_order = kind == "purchase"
        return WebEvent(
            event_id=short_hash("w", self.world.seed, *self.id, number),
            visitor_id=self.visitor.id,
            customer_id=self.customer,
            event_type=kind,
            page=page,
            channel=self.visitor.channel,
            user_agent=self.visitor.user_agent,
            product_id=product,
            order_id=short_hash("o", self.world.seed, "order", *self.id) if is_order else None,
            order_cents=self.random.randrange(500, 25_000) if is_order else None,
            occurred_at=self.at,
            recorded_at=recorded,
            served_at=recorded,
        )

    def _page(self, kind: str) -> tuple[str, str | None]:
        if kind in ("search", "login"):
            return f"/{kind}", None
        if kind == "purchase":
            return "/checkout", None
        landing = "product" if kind == "add_to_cart" else weighted(self.random, _LANDINGS)
        if landing != "product":
            return landing, None
        product = f"P{1 + int(self.random.random() ** 2 * self.world.products):04}"
        return ("/cart" if kind == "add_to_cart" else f"/p/{product}"), product
