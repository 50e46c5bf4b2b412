"""The schedule's store: a turn is one step, a firing is carried out by one process, nothing is lost with a process that dies."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from entrepot.adapters.embedded.schedule import SqliteSchedule
from entrepot.ports.schedule import (
    Call,
    DeadlineRecord,
    DeadlineState,
    Decision,
    Firing,
    FiringStatus,
    Happening,
    HappeningKind,
    Memory,
    Met,
    Pause,
    Slot,
    Snapshot,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
WAITING, RUNNING, FAILED, CANCELLED = (
    FiringStatus.WAITING, FiringStatus.RUNNING, FiringStatus.FAILED, FiringStatus.CANCELLED,
)  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteSchedule]:
    """A new one."""
    made = SqliteSchedule(tmp_path / "schedule.db")
    yield made
    made.close()


def _fire(store: SqliteSchedule, *firings: Firing) -> None:
    store.turn(NOW, lambda _: Decision(firings))


def _firing(number: int = 1, trigger: str = "nightly", **more: object) -> Firing:
    return replace(Firing(f"{trigger}.{number}", trigger, NOW, "due"), **more)  # type: ignore[arg-type]


def _alive(holder: str) -> bool:
    return holder != "dead"


def test_what_was_decided_is_there_as_it_was(store: SqliteSchedule) -> None:
    """All fields of memories, firings and happenings come back, and what was shown is gone."""
    memory = Memory("nightly", NOW, "abc", {"when.0": Met(NOW, "größer")}, NOW, 7)
    firing = _firing(7, due=NOW, selection=("gold.*", "+x"), deadline=NOW + timedelta(hours=1))
    store.tell([Happening(HappeningKind.EVENT, "a.b", NOW, source="/x", why="y", is_healthy=False)])
    seen: list[Snapshot] = []

    def decide(snapshot: Snapshot) -> Decision:
        seen.append(snapshot)
        return Decision((firing,), (), (memory,), tuple(each.id for each in snapshot.happenings))

    store.turn(NOW, decide)
    assert [(h.subject, h.source, h.why, h.is_healthy) for h in seen[-1].happenings] == [("a.b", "/x", "y", False)]
    store.turn(NOW, decide)
    assert seen[-1].happenings == []
    assert seen[-1].memories == {"nightly": memory}
    assert seen[-1].waiting == {"nightly": firing}
    assert store.firings() == [firing]


def test_a_time_fires_once_even_when_two_decide_it(store: SqliteSchedule) -> None:
    """The second firing for the same due time is left out."""
    _fire(store, _firing(1, due=NOW))
    _fire(store, _firing(2, due=NOW))
    assert [f.id for f in store.firings()] == ["nightly.1"]


def test_times_beyond_the_horizon_are_known_as_fired(store: SqliteSchedule) -> None:
    """After the clock was set back a turn is told what had fired already."""
    later = NOW + timedelta(hours=1)
    store.turn(NOW, lambda _: Decision((_firing(1, due=later),), (), (Memory("nightly", NOW),)))
    seen: list[Snapshot] = []
    store.turn(NOW, lambda snapshot: seen.append(snapshot) or Decision())  # type: ignore[func-returns-value]
    assert seen[0].fired == {"nightly": frozenset({later})}


def test_runs_of_one_trigger_never_go_side_by_side(store: SqliteSchedule) -> None:
    """Others start meanwhile; the next one of the same trigger waits for its end."""
    _fire(store, _firing(1), _firing(2), _firing(1, "hourly"))
    first = store.start(NOW, "me")
    assert first is not None
    assert (first.id, first.status, first.holder, first.started_at) == ("nightly.1", RUNNING, "me", NOW)
    other = store.start(NOW, "you")
    assert other is not None
    assert other.id == "hourly.1"
    assert store.start(NOW, "you") is None
    store.end(replace(first, status=FAILED, ended_at=NOW))
    second = store.start(NOW, "you")
    assert second is not None
    assert second.id == "nightly.2"


def test_one_that_is_tried_again_waits_and_goes_before_later_ones(store: SqliteSchedule) -> None:
    """Its time has to come; a newer firing of the same trigger does not overtake it."""
    _fire(store, _firing(1), _firing(2))
    first = store.start(NOW, "me")
    assert first is not None
    later = NOW + timedelta(seconds=30)
    store.end(replace(first, status=WAITING, attempt=2, not_before=later, selection=("orders",)))
    assert store.start(NOW, "me") is None
    assert store.next_waiting() == later
    again = store.start(later, "me")
    assert again is not None
    assert (again.id, again.attempt, again.selection, again.started_at) == ("nightly.1", 2, ("orders",), NOW)


def test_a_dead_process_gives_its_firings_back(store: SqliteSchedule) -> None:
    """They wait again, and whoever had them cannot end them any more."""
    _fire(store, _firing(1))
    taken = store.start(NOW, "dead")
    assert taken is not None
    assert [f.id for f in store.revive(_alive)] == ["nightly.1"]
    assert store.revive(_alive) == []
    store.end(replace(taken, status=FAILED, ended_at=NOW))
    (found,) = store.firings()
    assert (found.status, found.holder) == (WAITING, None)


def test_cancelling_reaches_both_who_waits_and_who_runs(store: SqliteSchedule) -> None:
    """A waiting firing ends at once; a running one is told, and is not tried again even where it failed meanwhile."""
    _fire(store, _firing(1), _firing(1, "hourly"))
    running = store.start(NOW, "me")
    assert running is not None
    assert running.id == "nightly.1"
    cancelled = store.ask_cancel("hourly.1", "not today", NOW)
    assert cancelled is not None
    assert (cancelled.status, cancelled.note) == (CANCELLED, "cancelled: not today")
    store.ask_cancel("nightly.1", "enough", NOW)
    assert store.cancels("me") == {"nightly.1": "enough"}
    assert store.cancels("you") == {}
    store.end(replace(running, status=WAITING, attempt=2))
    assert store.start(NOW, "me") is None
    found = store.firing("nightly.1")
    assert found is not None
    assert (found.status, found.cancel) == (CANCELLED, "enough")
    assert store.ask_cancel("nightly.1", "again", NOW) is None


def test_pauses_run_out(store: SqliteSchedule) -> None:
    """One with an end is over by itself, one without by resuming."""
    store.pause(Pause("nightly", NOW, "stock-taking", "ann", NOW + timedelta(hours=1)))
    store.pause(Pause("hourly", NOW, "no end"))
    assert set(store.pauses(NOW)) == {"nightly", "hourly"}
    assert set(store.pauses(NOW + timedelta(hours=1))) == {"hourly"}
    assert store.resume("hourly")
    assert not store.resume("hourly")


def test_deadlines_are_told_of_once_each_way(store: SqliteSchedule) -> None:
    """At risk and then missed are two; nothing comes after missed or met."""
    call = Call("c", "nightly", "deadline_at_risk", {"command": ["x"]}, {}, NOW)
    record = DeadlineRecord("nightly", NOW, DeadlineState.AT_RISK, NOW, None, "late")
    assert store.note_deadline(record, [call])
    assert not store.note_deadline(record, [replace(call, id="d")])
    assert store.note_deadline(replace(record, state=DeadlineState.MISSED))
    assert not store.note_deadline(replace(record, state=DeadlineState.MET))
    assert [each.id for each in store.calls()] == ["c"]
    assert len(store.deadlines("nightly")) == 2


def test_calls_are_kept_once_and_come_again_when_nobody_finished_them(store: SqliteSchedule) -> None:
    """What is taken comes back after its time; what is done does not."""
    call = Call("c", "nightly", "failed", {"webhook": "x"}, {"run": "r"}, NOW)
    store.add_calls([call, call])
    assert store.next_call() == NOW
    (taken,) = store.take_calls(NOW, 5, 60)
    assert taken.attempts == 1
    assert store.take_calls(NOW, 5, 60) == []
    (again,) = store.take_calls(NOW + timedelta(seconds=61), 5, 60)
    assert again.attempts == 2
    store.note_call(replace(again, done_at=NOW))
    assert store.take_calls(NOW + timedelta(days=1), 5, 60) == []
    store.add_calls([call])
    assert len(store.calls()) == 1


def test_watching_is_believed_of_one_process(store: SqliteSchedule) -> None:
    """Two that saw the same file tell of it once."""
    happening = Happening(HappeningKind.FILE, "sales", NOW)
    assert store.tell_watched([happening], "files:sales", None, "[1]")
    assert not store.tell_watched([happening], "files:sales", None, "[1]")
    assert store.mark("files:sales") == "[1]"
    seen: list[int] = []
    store.turn(NOW, lambda snapshot: seen.append(len(snapshot.happenings)) or Decision())  # type: ignore[func-returns-value]
    assert seen == [1]


def test_slots_are_counted_over_holders_and_freed_by_death(store: SqliteSchedule) -> None:
    """Two may use it, a third waits; the slot of a dead one is free."""
    first = store.enter("erp", 2, "a", _alive)
    assert first == Slot("erp", 0, "a")
    assert store.enter("erp", 2, "dead", _alive) == Slot("erp", 1, "dead")
    assert store.enter("erp", 2, "b", _alive) == Slot("erp", 1, "b")
    assert store.enter("erp", 2, "c", _alive) is None
    assert store.enter("crm", 1, "c", _alive) is not None
    store.leave(first)
    assert store.enter("erp", 2, "c", _alive) == Slot("erp", 0, "c")


def _compete(path: str, results: multiprocessing.Queue[list[str]], name: str) -> None:
    store = SqliteSchedule(Path(path))
    won = []
    while (firing := store.start(NOW, name)) is not None:
        won.append(firing.id)
        store.end(replace(firing, status=FiringStatus.SUCCEEDED, ended_at=NOW))
    results.put(won)
    store.close()


def test_several_processes_share_the_firings_without_doubling_one(tmp_path: Path) -> None:
    """Three processes take what waits: each firing goes to one of them."""
    store = SqliteSchedule(tmp_path / "schedule.db")
    _fire(store, *(_firing(1, f"t{place:02d}") for place in range(60)))
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = [
        context.Process(target=_compete, args=(str(tmp_path / "schedule.db"), results, f"p{n}")) for n in range(3)
    ]
    for process in processes:
        process.start()
    won = [results.get(timeout=30) for _ in processes]
    for process in processes:
        process.join()
    assert sorted(id for each in won for id in each) == [f"t{place:02d}.1" for place in range(60)]
    store.close()


def test_old_things_are_forgotten_and_open_ones_stay(store: SqliteSchedule) -> None:
    """Only what ended before."""
    _fire(store, _firing(1), _firing(2))
    taken = store.start(NOW, "me")
    assert taken is not None
    store.end(replace(taken, status=FAILED, ended_at=NOW))
    assert store.prune(NOW + timedelta(days=1)) == 1
    assert [f.id for f in store.firings()] == ["nightly.2"]
