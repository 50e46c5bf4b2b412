"""The retailer's world is a pure function of its seed, holds the dirt that it tells of, and comes the same over every way."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise, takewhile

import pytest

from entrepot.app.cli.simulate import Wish, make_world
from entrepot.examples.simulator.retail import BOTS, STREAMS, RetailWorld

DAYS = 30


@pytest.fixture(scope="module")
def world() -> RetailWorld:
    """The world of seed 7."""
    return RetailWorld()


@pytest.fixture(scope="module")
def span(world: RetailWorld) -> tuple[datetime, datetime]:
    """Its first days."""
    return world.first, world.first + timedelta(days=DAYS)


def test_the_same_seed_gives_the_same_events(world: RetailWorld, span: tuple[datetime, datetime]) -> None:
    """Another process, with another hash seed, gives the same bytes; another seed gives others."""
    program = (
        "import json\nfrom datetime import timedelta\nfrom entrepot.examples.simulator.retail import STREAMS, RetailWorld\n"
        "w = RetailWorld()\nfor s in STREAMS:\n for e in w.served(s, w.first, w.first + timedelta(days=2)): print(json.dumps(e.as_json()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "42", "TZ": "Asia/Tokyo"},
    )
    mine = [json.dumps(e.as_json()) for s in STREAMS for e in world.served(s, span[0], span[0] + timedelta(days=2))]
    assert done.stdout.splitlines() == mine
    other = RetailWorld(seed=8)
    assert other.web(*span)[:5] != world.web(*span)[:5]


@pytest.mark.parametrize("stream", STREAMS)
def test_pieces_are_the_whole(world: RetailWorld, span: tuple[datetime, datetime], stream: str) -> None:
    """However time is cut, each event is served once and in order; going forward gives the same."""
    whole = world.served(stream, *span)
    fresh = RetailWorld()
    cuts = [span[0] + timedelta(hours=7) * number for number in range(DAYS * 24 // 7 + 1)] + [span[1]]
    pieces = [event for start, end in pairwise(cuts) for event in fresh.served(stream, start, end)]
    assert pieces == whole
    assert all(one.served_at <= other.served_at for one, other in pairwise(whole))
    forward = [
        event for _, event in takewhile(lambda found: found[1].served_at < span[1], RetailWorld().forward([stream]))
    ]
    assert forward == whole


def test_all_streams_forward(world: RetailWorld, span: tuple[datetime, datetime]) -> None:
    """All streams together come as they are served, each under its name."""
    until = span[0] + timedelta(days=3)
    found = list(takewhile(lambda one: one[1].served_at < until, world.forward()))
    assert Counter(name for name, _ in found) == {name: len(world.served(name, span[0], until)) for name in STREAMS}
    assert all(one[1].served_at <= other[1].served_at for one, other in pairwise(found))


def test_redeliveries_differ_in_nothing(world: RetailWorld, span: tuple[datetime, datetime]) -> None:
    """About one of a hundred events comes twice; both are the same byte for byte."""
    for stream in ("web_traffic", "interactions"):
        events = world.served(stream, *span)
        texts = {(event.event_id, json.dumps(event.as_json())) for event in events}
        ids = Counter(event.event_id for event in events)
        assert len(texts) == len(ids) and max(ids.values()) == 2
        assert 0.005 < sum(count == 2 for count in ids.values()) / len(ids) < 0.015


def test_web_is_as_told(world: RetailWorld, span: tuple[datetime, datetime]) -> None:
    """Late, too late, out of order; visitors belong to one customer; nobody is known before a login; bots never log in; gaps on both sides of half an hour."""
    served_later = world.web(span[0], span[1] + timedelta(hours=10))
    events = {event.event_id: event for event in served_later if event.occurred_at < span[1]}.values()
    late = [(event.recorded_at - event.occurred_at).total_seconds() for event in events]
    assert 0.02 < sum(300 <= one <= 7200 for one in late) / len(late) < 0.04
    assert 0 < sum(7200 < one <= 6 * 3600 for one in late) / len(late) < 0.004 and min(late) >= 0
    served = [event.occurred_at for event in sorted(events, key=lambda event: event.served_at)]
    assert sum(one > other for one, other in pairwise(served)) > len(served) / 50
    customers: dict[str, set[str]] = {}
    known: dict[str, bool] = {}
    gaps = Counter[timedelta]()
    last: dict[str, datetime] = {}
    for event in sorted(events, key=lambda event: event.occurred_at):
        assert event.occurred_at >= world.first and event.channel in ("web", "app")
        assert (event.order_id is not None) == (event.order_cents is not None) == (event.event_type == "purchase")
        if event.event_type == "login":
            known[event.visitor_id] = True
        if event.customer_id is not None:
            assert event.customer_id in world.customer_ids and known[event.visitor_id]
            customers.setdefault(event.visitor_id, set()).add(event.customer_id)
            assert not any(bot.lower() in event.user_agent.lower() for bot in BOTS)
        if event.visitor_id in last:
            gaps[event.occurred_at - last[event.visitor_id]] += 1
        last[event.visitor_id] = event.occurred_at
    assert all(len(found) == 1 for found in customers.values())
    half_hour = timedelta(minutes=30)
    assert gaps[half_hour] > 5 and gaps[half_hour + timedelta(microseconds=1)] > 5


def test_interactions_are_as_told(world: RetailWorld, span: tuple[datetime, datetime]) -> None:
    """Steps follow each other; twins share the reference and are never resolved; bad ratings and resolutions are there, and few."""
    by_id: dict[str, list[str]] = {}
    references: dict[str, set[str]] = {}
    bad_ratings = ratings = bad_resolutions = 0
    for event in sorted(
        {e.event_id: e for e in world.interactions(*span)}.values(), key=lambda e: (e.occurred_at, e.event_id)
    ):
        by_id.setdefault(event.interaction_id, []).append(event.event_type)
        references.setdefault(event.reference, set()).add(event.interaction_id)
        assert (event.resolved_at is not None) == (event.event_type == "resolved")
        assert (event.rating is not None) == (event.event_type == "rated")
        ratings += event.rating is not None
        bad_ratings += event.rating is not None and not 1 <= event.rating <= 5
        bad_resolutions += event.resolved_at is not None and event.resolved_at < event.opened_at
    assert all(steps[0] == "opened" for steps in by_id.values())
    twins = {name for names in references.values() if len(names) == 2 for name in names if name.endswith("b")}
    assert twins and all(by_id[name] == ["opened"] for name in twins)
    assert any(steps.count("reopened") for steps in by_id.values())
    assert 0 < bad_ratings < ratings * 0.08 and 0 < bad_resolutions < len(by_id) * 0.03


def test_loyalty_is_as_told(world: RetailWorld) -> None:
    """Nothing happens to a member before the enrolment or after leaving; some join and leave within the data, some never do anything."""
    events = world.loyalty(world.first, world.first + timedelta(days=200))
    seen: dict[str, list[str]] = {}
    for event in sorted({e.event_id: e for e in events}.values(), key=lambda e: e.occurred_at):
        seen.setdefault(event.member_id, []).append(event.event_type)
        assert (event.points is None) == (event.event_type in ("enrol", "tier", "leave"))
    assert all(steps[0] == "enrol" and steps.count("enrol") == 1 for steps in seen.values())
    assert all("leave" not in steps[:-1] for steps in seen.values())
    assert sum(steps[-1] == "leave" for steps in seen.values()) > 5
    assert sum(set(steps) <= {"enrol", "tier"} for steps in seen.values()) > 10
    old = [event for event in events if event.occurred_at < world.first]
    assert old and all(e.event_type == "enrol" and e.recorded_at < world.first + timedelta(hours=1) for e in old)


def test_dirt_counts_what_is_there(world: RetailWorld, span: tuple[datetime, datetime]) -> None:
    """The figures of the dirt are those of the events."""
    dirt = world.dirt(*span)
    assert dirt["web_traffic.served"] == len(world.web(*span)) > dirt["web_traffic.events"]
    assert dirt["interactions.bad_ratings"] > 0 and dirt["web_traffic.too_late"] > 0


@pytest.mark.slow
def test_a_busy_world_has_its_rate() -> None:
    """After its warm-up a world of 20 events a second gives them, going forward event by event."""
    start = datetime(2026, 11, 21, 12, tzinfo=UTC)
    wish = Wish(seed=7, port=0, rate=20, trouble=0, start=None, first_day=None, speed=1, push=None, most=None)
    counted: Counter[int] = Counter()
    for _, event in make_world(wish, start).forward():
        if event.served_at >= start + timedelta(minutes=6):
            break
        counted[(event.served_at - start) // timedelta(minutes=2)] += 1
    assert all(0.75 < counted[place] / (20 * 120) < 1.25 for place in range(3)), counted
