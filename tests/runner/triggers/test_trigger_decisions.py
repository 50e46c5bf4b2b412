"""What fires, and when: each time once, each happening once, whatever the clock does and wherever the process was stopped."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entrepot.kernel.documents import parse_document
from entrepot.ports.schedule import Decision, Firing, Happening, HappeningKind, Memory, Pause, Snapshot
from entrepot.runner.triggers.decide import decide, find_next_time
from entrepot.runner.triggers.load import read_trigger
from entrepot.runner.triggers.times import times_between
from entrepot.runner.triggers.trigger import Cron, Every, Trigger

START = datetime(2026, 11, 23, 5, 30, tzinfo=UTC)  # a Monday, 06:30 in Berlin
FILE, RELEASE, EVENT, ASKED = HappeningKind.FILE, HappeningKind.RELEASE, HappeningKind.EVENT, HappeningKind.ASKED


def trigger(text: str, name: str = "nightly") -> Trigger:
    """A trigger from the text of its file."""
    return read_trigger(parse_document(text, Path(f"triggers/{name}.yaml")), time_zone="Europe/Berlin")


class World:
    """A store in memory: what the real one keeps, without its disk."""

    def __init__(self, *triggers: Trigger) -> None:
        self.triggers = triggers
        self.memories: dict[str, Memory] = {}
        self.happenings: list[Happening] = []
        self.firings: list[Firing] = []
        self.begun: set[str] = set()
        self.paused: dict[str, Pause] = {}
        self.told = 0

    def tell(self, kind: HappeningKind, subject: str, at: datetime, **more: Any) -> None:
        self.told += 1
        self.happenings.append(Happening(kind, subject, at, self.told, **more))

    def turn(self, now: datetime) -> Decision:
        waiting = {f.trigger: f for f in self.firings if f.id not in self.begun}
        fired = {
            name: frozenset(f.due for f in self.firings if f.trigger == name and f.due and f.due > memory.horizon)
            for name, memory in self.memories.items()
        }
        decision = decide(self.triggers, Snapshot(self.memories, self.happenings, waiting, self.paused, fired), now)
        self.memories |= {memory.trigger: memory for memory in decision.memories}
        self.happenings = [each for each in self.happenings if each.id not in decision.seen]
        self.firings += decision.firings
        for id, reason in decision.joined:
            self.firings = [replace(f, reason=f"{f.reason}; {reason}") if f.id == id else f for f in self.firings]
        return decision

    def run(self, now: datetime) -> list[Firing]:
        """A turn after which all that waits begins."""
        self.turn(now)
        new = [f for f in self.firings if f.id not in self.begun]
        self.begun |= {f.id for f in new}
        return new


def _minutes(count: float) -> datetime:
    return START + timedelta(minutes=count)


@pytest.mark.req("D5")
def test_a_time_fires_when_it_is_due_and_not_before() -> None:
    """A new trigger begins with the first time after it was first looked at."""
    world = World(trigger('when: {cron: "0 7 * * 1-5"}\nrun: [gold.*]'))
    assert world.run(START) == []
    assert find_next_time(world.triggers, START) == _minutes(30)
    assert world.run(_minutes(29)) == []
    (found,) = world.run(_minutes(30))
    assert (found.id, found.due, found.selection) == ("nightly.1", _minutes(30), ("gold.*",))
    assert "cron 0 7 * * 1-5" in found.reason
    assert world.run(_minutes(31)) == []


@pytest.mark.parametrize(("catch_up", "count"), [("one", 1), ("all", 4), ("none", 0)])
def test_missed_times_are_caught_up_as_stated(catch_up: str, count: int) -> None:
    """After an hour without anybody looking: one run, each run, or none."""
    world = World(trigger(f"when: {{every: 15m}}\ncatch_up: {catch_up}"))
    world.run(START)
    found = world.run(_minutes(67))
    assert len(found) == count
    assert [f.due for f in found] == [_minutes(m) for m in (15, 30, 45, 60)][4 - count :]


def test_a_time_that_is_a_little_late_is_not_missed() -> None:
    """With catch_up none, what is seen within a minute fires."""
    world = World(trigger("when: {every: 15m}\ncatch_up: none"))
    world.run(START)
    assert len(world.run(_minutes(15.5))) == 1


def test_wishes_join_the_one_that_has_not_begun() -> None:
    """While a run is going the next wish waits, and all further ones are the same."""
    world = World(trigger("when: {every: 15m}"))
    world.run(START)
    world.run(_minutes(15))
    for place in (30, 45, 60):
        world.turn(_minutes(place))
    waiting = [f for f in world.firings if f.id not in world.begun]
    assert [f.id for f in waiting] == ["nightly.2"]
    assert waiting[0].reason.count("every 15m") == 3


@pytest.mark.req("D5")
def test_all_of_waits_for_all_since_its_last_firing() -> None:
    """Each condition counts once; what came true before the last firing does not count again."""
    world = World(trigger("when: {all_of: [{files: sales}, {release: silver.stock}]}"))
    world.run(START)
    world.tell(FILE, "sales", START, why="a file")
    assert world.run(_minutes(1)) == []
    world.tell(RELEASE, "silver.stock", START, why="release 7")
    (found,) = world.run(_minutes(2))
    assert found.reason == "a file; release 7"
    world.tell(FILE, "sales", START)
    assert world.run(_minutes(3)) == []


@pytest.mark.req("D5")
def test_by_its_time_it_fires_even_if_not_and_says_what_is_missing() -> None:
    """At 07:00 the run begins without the second file; where all was there earlier, 07:00 does nothing."""
    text = 'when: {all_of: [{files: sales}, {files: stock}], by: "07:00"}'
    world = World(trigger(text))
    world.run(START)
    world.tell(FILE, "sales", START, why="sales_1.csv")
    world.run(_minutes(5))
    (found,) = world.run(_minutes(30))
    assert "sales_1.csv" in found.reason
    assert found.reason.endswith("still missing: a file for stock")
    early = World(trigger(text))
    early.run(START)
    for source in ("sales", "stock"):
        early.tell(FILE, source, START)
    assert len(early.run(_minutes(5))) == 1
    assert early.run(_minutes(31)) == []
    assert len(early.run(_minutes(31 + 24 * 60))) == 1, "the next day it is time again"


def test_any_of_fires_by_either_and_joins_both() -> None:
    """Two that came true together are one run."""
    world = World(trigger("when: {any_of: [{event: com.shop.*}, {every: 15m}, {all_of: [{files: a}, {files: b}]}]}"))
    world.run(START)
    world.tell(EVENT, "com.shop.order", START, why="event 1")
    (found,) = world.run(_minutes(15))
    assert "event 1" in found.reason
    assert "every 15m" in found.reason
    world.tell(FILE, "a", START)
    assert world.run(_minutes(16)) == []


@pytest.mark.req("D5")
def test_a_release_counts_only_with_the_dataset_and_when_it_is_healthy() -> None:
    """Another dataset's change and a broken rule do not fire it."""
    world = World(trigger("when: {release: [silver.stock, silver.sales], if: healthy}"))
    world.run(START)
    world.tell(RELEASE, "gold.sales", START)
    world.tell(RELEASE, "silver.sales", START, is_healthy=False)
    assert world.run(_minutes(1)) == []
    world.tell(RELEASE, "silver.sales", START)
    assert len(world.run(_minutes(2))) == 1


@pytest.mark.req("D5")
def test_an_event_counts_by_type_and_source() -> None:
    """Patterns over both."""
    world = World(trigger("when: {event: {type: com.shop.order.*, source: /till/*}}"))
    world.run(START)
    world.tell(EVENT, "com.shop.order.paid", START, source="/web/1")
    world.tell(EVENT, "com.shop.refund", START, source="/till/1")
    assert world.run(_minutes(1)) == []
    world.tell(EVENT, "com.shop.order.paid", START, source="/till/1")
    assert len(world.run(_minutes(2))) == 1


@pytest.mark.req("D5")
def test_who_asks_is_served_and_conditions_stay_as_they_were() -> None:
    """A request fires any trigger; half of all_of is not forgotten by it."""
    world = World(trigger("when: {all_of: [{files: a}, {files: b}]}"), trigger("when: {api: true}", "manual"))
    world.run(START)
    world.tell(FILE, "a", START)
    world.tell(ASKED, "nightly", START, why="asked by ann: a test")
    (found,) = world.run(_minutes(1))
    assert (found.trigger, found.reason) == ("nightly", "asked by ann: a test")
    world.tell(FILE, "b", START)
    assert [f.trigger for f in world.run(_minutes(2))] == ["nightly"]
    world.tell(ASKED, "manual", START)
    assert [f.trigger for f in world.run(_minutes(3))] == ["manual"]


def test_a_paused_trigger_waits_and_catches_up_afterwards() -> None:
    """What came true while it was paused counts when the pause is over, once."""
    world = World(trigger("when: {any_of: [{every: 15m}, {files: a}]}"))
    world.run(START)
    world.paused = {"nightly": Pause("nightly", START, "stock-taking")}
    world.tell(FILE, "a", START, why="a file")
    assert world.run(_minutes(50)) == []
    world.paused = {}
    (found,) = world.run(_minutes(51))
    assert "a file" in found.reason
    assert world.run(_minutes(52)) == []


def test_a_trigger_that_is_switched_off_catches_up_nothing() -> None:
    """When it is on again the next time counts."""
    world = World(trigger("when: {every: 15m}"))
    world.run(START)
    world.triggers = (trigger("when: {every: 15m}\nenabled: false"),)
    assert world.run(_minutes(50)) == []
    world.triggers = (trigger("when: {every: 15m}"),)
    assert world.run(_minutes(51)) == []
    assert len(world.run(_minutes(60))) == 1


def test_another_definition_forgets_what_came_true() -> None:
    """A file that was half of the old condition is not half of the new one."""
    world = World(trigger("when: {all_of: [{files: a}, {files: b}]}"))
    world.run(START)
    world.tell(FILE, "a", START)
    world.run(_minutes(1))
    world.triggers = (trigger("when: {all_of: [{files: c}, {files: b}]}"),)
    world.tell(FILE, "b", START)
    assert world.run(_minutes(2)) == []


def test_deadlines_are_known_when_it_fires() -> None:
    """The next 07:00 after the time it was due, or so long after that."""
    at = World(trigger('when: {cron: "0 2 * * *"}\ndeadline: "07:00"'))
    at.run(START)
    (found,) = at.run(_minutes(24 * 60))
    assert found.due == datetime(2026, 11, 24, 1, tzinfo=UTC)
    assert found.deadline == datetime(2026, 11, 24, 6, tzinfo=UTC)
    within = World(trigger("when: {files: a}\ndeadline: {within: 30m}"))
    within.run(START)
    within.tell(FILE, "a", START)
    assert within.run(_minutes(1))[0].deadline == _minutes(31)


TIMED = st.sampled_from(
    [
        ("when: {every: 10m}", Every(600)),
        ('when: {cron: "*/20 * * * *"}', Cron("*/20 * * * *", "Europe/Berlin")),
        ('when: {cron: "30 2 * * *"}', Cron("30 2 * * *", "Europe/Berlin")),
        ('when: {cron: "30 1,2 * * *"}\ntime_zone: America/New_York', Cron("30 1,2 * * *", "America/New_York")),
    ]
)
STARTS = st.sampled_from(
    [
        START,
        datetime(2026, 10, 24, 23, 7, tzinfo=UTC),
        datetime(2026, 3, 8, 5, tzinfo=UTC),
        datetime(2026, 3, 29, 0, tzinfo=UTC),
    ]
)


@settings(max_examples=80, deadline=None)
@given(timed=TIMED, start=STARTS, steps=st.lists(st.integers(1, 7_000), min_size=1, max_size=25))
def test_every_time_fires_once_however_often_one_looks(
    timed: tuple[str, Cron | Every], start: datetime, steps: list[int]
) -> None:
    """With catch_up all, the firings of any sequence of turns are exactly the times between first and last."""
    text, time = timed
    world, now = World(trigger(text + "\ncatch_up: all")), start
    world.run(now)
    for step in steps:
        now += timedelta(seconds=step)
        world.run(now)
    assert [f.due for f in world.firings] == times_between(time, start, now)
    assert len({f.id for f in world.firings}) == len(world.firings)


@settings(max_examples=120, deadline=None)
@given(
    timed=TIMED,
    start=STARTS,
    steps=st.lists(st.one_of(st.integers(1, 4_000), st.integers(-20_000, -1)), min_size=1, max_size=30),
    catch_up=st.sampled_from(["one", "all"]),
)
def test_a_clock_that_jumps_fires_no_time_twice_and_stops_nothing(
    timed: tuple[str, Cron | Every], start: datetime, steps: list[int], catch_up: str
) -> None:
    """Forward and back: no time fires twice, none before it is due, and from the last jump on all goes on as ever."""
    text, time = timed
    world, now = World(trigger(f"{text}\ncatch_up: {catch_up}")), start
    world.run(now)
    for step in steps:
        now += timedelta(seconds=step)
        assert all(f.due is None or f.due <= now for f in world.run(now))
    dues = [f.due for f in world.firings]
    assert len(set(dues)) == len(dues)
    world.run(now + timedelta(seconds=61))
    known = {f.due for f in world.firings}
    end = now + timedelta(days=2)
    world.run(end)
    late = set(times_between(time, now + timedelta(seconds=61), end)) - known
    fired = {f.due for f in world.firings} - known
    assert fired == (late if catch_up == "all" else {max(late)} if late else set())


@settings(max_examples=100, deadline=None)
@given(
    moves=st.lists(st.tuples(st.sampled_from("ab.r"), st.integers(0, 2_000)), min_size=1, max_size=30),
    seed=st.integers(0, 3),
)
def test_a_restart_changes_nothing(moves: list[tuple[str, int]], seed: int) -> None:
    """A process that is killed before its turn was written makes the same turn again: firings are those of one that was not."""
    texts = (
        "when: {all_of: [{files: a}, {files: b}]}",
        "when: {any_of: [{files: a}, {every: 10m}]}\ncatch_up: all",
        "when: {files: b}",
        "when: {every: 7m}",
    )
    one, other = World(trigger(texts[seed])), World(trigger(texts[seed]))
    now = START
    one.run(now), other.run(now)
    for move, seconds in moves:
        now += timedelta(seconds=seconds)
        if move in "ab":
            one.tell(FILE, move, now), other.tell(FILE, move, now)
        elif move == "r":  # the turn is decided, and lost with its process
            kept = (dict(other.memories), list(other.happenings), list(other.firings), set(other.begun))
            other.turn(now)
            other.memories, other.happenings, other.firings, other.begun = kept
        one.run(now), other.run(now)
    assert one.firings == other.firings
