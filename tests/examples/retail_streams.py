"""The six KPIs of web shop, contact centre and loyalty programme in plain Python, from the events as they are served: no SQL, none of the product's code."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

BERLIN = ZoneInfo("Europe/Berlin")
Event = Mapping[str, Any]
Columns = dict[str, float | None]
Rows = dict[tuple[str, str, str], Columns]
"""KPI, period, group → columns. The group `` is that of the whole period, as in the scorecard."""
TOTAL = ""
IDLE, TOO_LATE = timedelta(minutes=30), timedelta(hours=2)
WEIGHTS = {"sessions": (0.30, 6), "page_views": (0.15, 30), "interactions": (0.20, 2), "purchases": (0.35, 3)}
"""Weight and cap of each part of the engagement score."""


@dataclass(frozen=True, slots=True)
class Streams:
    """All events that came, in any order, each as often as it came; and the master data beside them."""

    web: Sequence[Event]
    interactions: Sequence[Event]
    loyalty: Sequence[Event]
    segments: Mapping[str, str]
    bots: Sequence[str]


@dataclass(frozen=True, slots=True)
class Session:
    """A visit."""

    visitor: str
    start: datetime
    end: datetime
    channel: str
    is_bot: bool
    page_views: int
    orders: int
    told: str | None
    """Who signed in."""
    customer: str | None
    """Whose it is."""


@dataclass(frozen=True, slots=True)
class Contact:
    """What is known of a contact in the end."""

    type: str
    channel: str
    priority: str
    customer: str | None
    opened: datetime
    resolved: datetime | None
    reopened: int
    rating: tuple[datetime, int] | None


def compute(streams: Streams) -> Rows:
    """Every row of the six KPIs, and the totals of their periods."""
    web = once(streams.web)
    sessions = find_sessions(web, streams.bots)
    contacts = find_contacts(once(streams.interactions))
    loyalty = once(streams.loyalty)
    days = {local_day(instant(e["occurred_at"])) for e in once(streams.interactions) if can_be(e)}
    return {
        **bounce_rate(sessions, web),
        **interaction_volume(contacts),
        **feedback_score(contacts),
        **time_to_resolution(contacts, days),
        **loyalty_activity(loyalty, contacts),
        **engagement(sessions, contacts, loyalty, streams.segments),
    }


# --- web shop ----------------------------------------------------------------------------------------


def find_sessions(web: Sequence[Event], bots: Sequence[str]) -> list[Session]:
    """Cut each visitor's events where more than half an hour lies between."""
    by_visitor: dict[str, list[Event]] = defaultdict(list)
    for event in web:
        if not is_too_late(event):
            by_visitor[event["visitor_id"]].append(event)
    found: list[Session] = []
    for visitor, events in by_visitor.items():
        events.sort(key=lambda e: (instant(e["occurred_at"]), e["event_id"]))
        cut: list[list[Event]] = []
        for event in events:
            if not cut or instant(event["occurred_at"]) - instant(cut[-1][-1]["occurred_at"]) > IDLE:
                cut.append([])
            cut[-1].append(event)
        told = [next((e["customer_id"] for e in part if e["customer_id"]), None) for part in cut]
        for number, part in enumerate(cut):
            before = [name for name in told[: number + 1] if name]
            after = [name for name in told[number:] if name]
            customer = before[-1] if before else after[0] if after else None
            found.append(make_session(visitor, part, bots, told[number], customer))
    return found


def make_session(
    visitor: str, events: Sequence[Event], bots: Sequence[str], told: str | None, customer: str | None
) -> Session:
    """A session of its events in order."""
    return Session(
        visitor,
        instant(events[0]["occurred_at"]),
        instant(events[-1]["occurred_at"]),
        events[0]["channel"],
        any(bot.lower() in (event["user_agent"] or "").lower() for event in events for bot in bots),
        sum(event["event_type"] == "page_view" for event in events),
        len({event["order_id"] for event in events if event["event_type"] == "purchase" and event["order_id"]}),
        told,
        customer,
    )


def bounce_rate(sessions: Iterable[Session], web: Iterable[Event]) -> Rows:
    """Sessions with one page view ÷ sessions, by hour and channel."""
    people: dict[tuple[str, str], list[Session]] = defaultdict(list)
    robots: dict[tuple[str, str], int] = defaultdict(int)
    late: dict[tuple[str, str], int] = defaultdict(int)
    for session in sessions:
        for group in (session.channel, TOTAL):
            key = (hour_text(session.start), group)
            if session.is_bot:
                robots[key] += 1
            else:
                people[key].append(session)
    for event in web:
        if is_too_late(event):
            for group in (event["channel"], TOTAL):
                late[hour_text(instant(event["occurred_at"])), group] += 1
    rows: Rows = {}
    for key in people.keys() | robots.keys() | late.keys():
        mine = people.get(key, [])
        seconds = [(session.end - session.start).total_seconds() for session in mine]
        row = rate(sum(session.page_views == 1 for session in mine), len(mine))
        rows["session_duration_bounce_rate", *key] = row
        if key[1] != TOTAL:
            row["median_duration_s"] = statistics.median(seconds) if seconds else None
            row["mean_duration_s"] = statistics.fmean(seconds) if seconds else None
            row["bot_sessions"], row["events_too_late"] = robots.get(key, 0), late.get(key, 0)
    return rows


# --- contact centre ----------------------------------------------------------------------------------


def can_be(event: Event) -> bool:
    """False for what is rejected: ratings that are none, resolutions before the beginning."""
    if event["rating"] is not None and not 1 <= int(event["rating"]) <= 5:
        return False
    return event["resolved_at"] is None or instant(event["resolved_at"]) >= instant(event["opened_at"])


def find_contacts(events: Iterable[Event]) -> list[Contact]:
    """One contact for each reference."""
    by_reference: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        if can_be(event):
            by_reference[event["reference"]].append(event)
    found: list[Contact] = []
    for mine in by_reference.values():
        first = min(mine, key=lambda e: (instant(e["opened_at"]), instant(e["occurred_at"]), e["event_id"]))
        mine.sort(key=lambda e: (instant(e["occurred_at"]), e["event_id"]))
        resolved: datetime | None = None
        for event in mine:
            if event["event_type"] == "resolved":
                resolved = instant(event["resolved_at"])
            elif event["event_type"] == "reopened":
                resolved = None
        ratings = [(instant(e["occurred_at"]), int(e["rating"])) for e in mine if e["rating"] is not None]
        found.append(
            Contact(
                first["type"],
                first["channel"],
                first["priority"],
                first["customer_id"],
                instant(first["opened_at"]),
                resolved,
                sum(e["event_type"] == "reopened" for e in mine),
                ratings[-1] if ratings else None,
            )
        )
    return found


def interaction_volume(contacts: Iterable[Contact]) -> Rows:
    """Contacts by hour, type and channel."""
    rows: Rows = {}
    for contact in contacts:
        for group in (f"{contact.type}/{contact.channel}", TOTAL):
            row = rows.setdefault(("interaction_volume", hour_text(contact.opened), group), {"value": 0})
            row["value"] = (row["value"] or 0) + 1
    return rows


def feedback_score(contacts: Iterable[Contact]) -> Rows:
    """The mean of the last ratings by day and channel."""
    given: dict[tuple[str, str], list[int]] = defaultdict(list)
    for contact in contacts:
        if contact.rating is not None:
            at, rating = contact.rating
            for group in (contact.channel, TOTAL):
                given[str(local_day(at)), group].append(rating)
    rows: Rows = {}
    for key, ratings in given.items():
        row = rows["feedback_score", *key] = rate(sum(ratings), len(ratings))
        if key[1] != TOTAL:
            row["good_ratings"] = sum(rating >= 4 for rating in ratings)
            row["share_good"] = row["good_ratings"] / len(ratings)
    return rows


def time_to_resolution(contacts: Iterable[Contact], days: Iterable[date]) -> Rows:
    """Hours of those resolved on a day; age of those open at its end."""
    resolved: dict[tuple[str, str], list[Contact]] = defaultdict(list)
    ages: dict[tuple[str, str], list[float]] = defaultdict(list)
    ends = {day: datetime.combine(day + timedelta(days=1), datetime.min.time(), BERLIN).astimezone(UTC) for day in days}
    for contact in contacts:
        for group in (f"{contact.type}/{contact.priority}", TOTAL):
            if contact.resolved is not None:
                resolved[str(local_day(contact.resolved)), group].append(contact)
            for day, end in ends.items():
                if contact.opened < end and (contact.resolved is None or contact.resolved >= end):
                    ages[str(day), group].append((end - contact.opened) / timedelta(hours=1))
    rows: Rows = {}
    for key in resolved.keys() | ages.keys():
        mine, age = resolved.get(key, []), ages.get(key, [])
        hours = [(c.resolved - c.opened) / timedelta(hours=1) for c in mine if c.resolved is not None]
        row = rows["time_to_resolution", *key] = {"value": statistics.median(hours) if hours else None}
        if key[1] != TOTAL:
            row["p90_hours"] = quantile(hours, 0.9)
            row["resolved"], row["open_contacts"] = len(mine), len(age)
            row["resolved_after_reopening"] = sum(contact.reopened > 0 for contact in mine)
            row["median_age_of_open_hours"] = statistics.median(age) if age else None
            row["oldest_open_hours"] = max(age, default=None)
    return rows


# --- loyalty programme and engagement ----------------------------------------------------------------


def loyalty_activity(events: Sequence[Event], contacts: Iterable[Contact]) -> Rows:
    """Active members ÷ members at the end, by month and tier."""
    asked: dict[str, list[datetime]] = defaultdict(list)
    for contact in contacts:
        if contact.type == "loyalty" and contact.customer:
            asked[contact.customer].append(contact.opened)
    by_member: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        by_member[event["member_id"]].append(event)
    months = {local_day(instant(event["recorded_at"])).replace(day=1) for event in events}
    counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    for month in months:
        begin, end = midnight(month), midnight((month + timedelta(days=32)).replace(day=1))
        for mine in by_member.values():
            known = sorted(
                (e for e in mine if instant(e["occurred_at"]) < end),
                key=lambda e: (instant(e["occurred_at"]), e["event_id"]),
            )
            changes = [e for e in known if e["event_type"] in ("enrol", "leave")]
            if not changes:
                continue
            last = changes[-1]
            is_member, changed = last["event_type"] == "enrol", instant(last["occurred_at"])
            if not is_member and changed < begin:
                continue
            joined = max(instant(e["occurred_at"]) for e in known if e["event_type"] == "enrol")
            until = end if is_member else min(end, changed)
            spoke = any(max(begin, joined) <= at < until for at in asked[known[-1]["customer_id"]])
            did = any(
                e["event_type"] in ("earning", "redemption") and instant(e["occurred_at"]) >= begin for e in known
            )
            facts = (
                is_member and (did or spoke),
                is_member,
                is_member and changed >= begin,
                not is_member,
                not is_member and (did or spoke),
            )
            for group in (known[-1]["tier"], TOTAL):
                row = counts[str(month), group]
                row[:] = [count + fact for count, fact in zip(row, facts, strict=True)]
    rows: Rows = {}
    for key, (active, members, joined_now, left, active_left) in counts.items():
        row = rows["loyalty_activity_rate", *key] = rate(active, members)
        if key[1] != TOTAL:
            row.update({"joined": joined_now, "members_left": left, "active_before_leaving": active_left})
    return rows


def engagement(
    sessions: Iterable[Session], contacts: Iterable[Contact], loyalty: Iterable[Event], segments: Mapping[str, str]
) -> Rows:
    """Points of each customer and day; and their mean."""
    done, days = collect(sessions, contacts, loyalty)
    rows: Rows = {}
    for day in days:
        scores: list[float] = []
        for customer in segments.keys() | done.keys():
            recent = {at: counts for at, counts in done.get(customer, {}).items() if 0 <= (day - at).days < 30}
            if customer in segments or recent:
                scores.append(weigh_parts(recent, day))
                group = f"{customer}/{segments.get(customer, '(unknown)')}"
                rows["customer_engagement_score", str(day), group] = {"value": scores[-1]}
        rows["customer_engagement_score", str(day), TOTAL] = {"value": statistics.fmean(scores)}
    return rows


def collect(
    sessions: Iterable[Session], contacts: Iterable[Contact], loyalty: Iterable[Event]
) -> tuple[dict[str, dict[date, dict[str, int]]], set[date]]:
    """What each customer did on which day; and all days on which anybody did anything."""
    done: dict[str, dict[date, dict[str, int]]] = defaultdict(lambda: defaultdict(lambda: dict.fromkeys(WEIGHTS, 0)))
    days: set[date] = set()

    def add(at: datetime, customer: str | None, **what: int) -> None:
        days.add(local_day(at))
        if customer is not None:
            for name, count in what.items():
                done[customer][local_day(at)][name] += count

    for session in sessions:
        if not session.is_bot:
            add(session.start, session.customer, sessions=1, page_views=session.page_views, purchases=session.orders)
    for contact in contacts:
        add(contact.opened, contact.customer, interactions=1)
    for event in loyalty:
        if event["event_type"] == "earning" and event["store_id"]:
            add(instant(event["occurred_at"]), event["customer_id"], purchases=1)
    return done, days


def weigh_parts(recent: Mapping[date, Mapping[str, int]], day: date) -> float:
    """The points of what was done in the last 30 days."""
    score = 0.0
    for name, (weight, cap) in WEIGHTS.items():
        amount = sum(counts[name] * 0.5 ** ((day - at).days / 14) for at, counts in recent.items())
        score += 100 * weight * min(amount / cap, 1)
    return score


# --- small things ------------------------------------------------------------------------------------


def once(events: Iterable[Event]) -> list[Event]:
    """Each event once, however often it was delivered."""
    return list({event["event_id"]: event for event in events}.values())


def rate(numerator: int, denominator: int) -> Columns:
    """A rate with what it is made of."""
    return {
        "value": numerator / denominator if denominator else None,
        "numerator": numerator,
        "denominator": denominator,
    }


def quantile(values: Sequence[float], share: float) -> float | None:
    """Interpolated between the two nearest values."""
    if not values:
        return None
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def is_too_late(event: Event) -> bool:
    """More than two hours from the event to the record of it."""
    return instant(event["recorded_at"]) - instant(event["occurred_at"]) > TOO_LATE


def instant(text: str) -> datetime:
    """An instant as the events write it."""
    return datetime.fromisoformat(text)


def hour_text(at: datetime) -> str:
    """The hour in which an instant lies, as the KPIs are asked for it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:00Z")


def local_day(at: datetime) -> date:
    """The day in the stores."""
    return at.astimezone(BERLIN).date()


def midnight(day: date) -> datetime:
    """When a day begins in the stores."""
    return datetime.combine(day, datetime.min.time(), BERLIN).astimezone(UTC)
