"""Releases, marks of tables, readers' pins, runs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from state_values import AT

from entrepot.adapters.embedded.state import SqliteState
from entrepot.kernel.errors import ConflictError, DamageError, RunError
from entrepot.ports.state import Release, RunRecord
from entrepot.testing.clock import FakeClock


def publish(state: SqliteState, hours: int, **tables: int) -> Release:
    """A release so many hours after AT."""
    return state.publish(
        run="r", at=AT + timedelta(hours=hours), tables=tables, views={}, held={}, after=state.latest_release()
    )


def test_a_release_comes_back_as_it_was_published(state: SqliteState) -> None:
    """Tables, views and what was held."""
    made = state.publish(
        run="r1",
        at=AT,
        tables={"silver.a": 3},
        views={"gold.v": "SELECT 1"},
        held={"gold.k": "its check failed"},
        after=None,
    )
    assert made == Release(1, AT, "r1", {"silver.a": 3}, {"gold.v": "SELECT 1"}, {"gold.k": "its check failed"})
    assert state.latest_release() == state.release(1) == made
    assert state.release(2) is None


def test_readers_find_the_release_of_an_instant(state: SqliteState) -> None:
    """The newest not after it; before the first there is none."""
    assert state.latest_release() is None
    made = [publish(state, hours, a=hours) for hours in (0, 2, 4)]
    assert state.release_at(AT + timedelta(hours=3)) == made[1]
    assert state.release_at(AT + timedelta(hours=4)) == made[2]
    assert state.release_at(AT - timedelta(microseconds=1)) is None
    assert state.releases() == made[::-1]
    assert state.releases(limit=1) == [made[2]]


def test_expiry_keeps_the_newest(state: SqliteState) -> None:
    """What readers see is never forgotten, and numbers are not used again."""
    made = [publish(state, hours) for hours in range(5)]
    assert state.expire_releases(AT + timedelta(hours=2), keep_last=0) == 2
    assert state.expire_releases(AT + timedelta(hours=99), keep_last=2) == 1
    assert state.expire_releases(AT + timedelta(hours=99), keep_last=0) == 1
    assert state.releases() == [made[4]]
    assert publish(state, 6).id == 6


def test_a_release_that_was_decided_too_early_is_refused(state: SqliteState) -> None:
    """Of two runs that decided upon the same release the second must decide again: its map could go back."""
    first = publish(state, 0, a=1)
    publish(state, 1, a=2)
    for seen in (first, None):
        with pytest.raises(ConflictError, match="release 2 came meanwhile"):
            state.publish(run="r", at=AT, tables={"a": 1}, views={}, held={}, after=seen)


@pytest.mark.req("X3")
def test_a_release_names_only_durable_versions(state: SqliteState) -> None:
    """A version above the durable mark could vanish with the power."""
    state.note_durable("a", 4, "id")
    with pytest.raises(DamageError, match="names version 5 of a; durable is 4"):
        publish(state, 0, a=5)
    with pytest.raises(DamageError):
        publish(state, 0, b=-1)
    assert publish(state, 0, a=4).tables == {"a": 4}


def test_the_durable_mark_never_falls_but_for_a_new_table(state: SqliteState) -> None:
    """Under a new identity the old versions mean nothing, so the mark starts anew."""
    assert (state.durable_version("t"), state.table_id("t")) == (-1, None)
    state.note_durable("t", 7, "one")
    state.note_durable("t", 3, "one")
    assert (state.durable_version("t"), state.table_id("t")) == (7, "one")
    state.note_durable("t", 2, "two")
    assert (state.durable_version("t"), state.table_id("t")) == (2, "two")


def test_pins_last_until_their_time_is_over(state: SqliteState, clock: FakeClock) -> None:
    """Pins of several readers add up; a pin that ran out or was dropped no longer counts."""
    state.pin_versions("r1", {"a": 1, "b": 2}, 10)
    state.pin_versions("r1", {"a": 3}, 100)
    state.pin_versions("r2", {"a": 1}, 20)
    assert state.pinned() == {"a": {1, 3}, "b": {2}}
    clock.advance(10)
    assert state.pinned() == {"a": {1, 3}}
    clock.advance(10)
    assert state.pinned() == {"a": {3}}
    state.unpin("r1")
    assert state.pinned() == {}


def test_a_pin_is_never_shortened(state: SqliteState, clock: FakeClock) -> None:
    """Pinning again for less leaves the longer time."""
    state.pin_versions("r1", {"a": 1}, 100)
    state.pin_versions("r1", {"a": 1}, 1)
    clock.advance(50)
    assert state.pinned() == {"a": {1}}


def test_runs_are_listed_newest_first(state: SqliteState) -> None:
    """A run is inserted, closed with a summary, and cannot be started twice."""
    for number in range(3):
        state.start_run(RunRecord(f"r{number}", AT + timedelta(hours=number), None, "running"))
    state.end_run("r1", status="failed", at=AT + timedelta(hours=9), summary={"at": AT, "rows": 3})
    closed = RunRecord("r1", AT + timedelta(hours=1), AT + timedelta(hours=9), "failed", {"at": str(AT), "rows": 3})
    assert [run.id for run in state.runs()] == ["r2", "r1", "r0"]
    assert state.runs(limit=2)[1] == closed
    with pytest.raises(ConflictError):
        state.start_run(RunRecord("r1", AT, None, "running"))
    with pytest.raises(RunError, match="never started"):
        state.end_run("r9", status="done", at=AT, summary={})
