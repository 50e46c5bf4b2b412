"""A lease has one holder; its epoch grows whenever it changes hands."""

from __future__ import annotations

import pytest

from entrepot.adapters.embedded.state import SqliteState
from entrepot.kernel.errors import BusyError, FencedError, UsageError
from entrepot.testing.clock import FakeClock


def test_a_held_lease_is_busy_until_it_runs_out(state: SqliteState, clock: FakeClock) -> None:
    """Another holder waits; after the time it takes over with the next epoch."""
    first = state.acquire("flow:x", "a", 10)
    assert (first.epoch, first.holder, state.lease_holder("flow:x")) == (1, "a", "a")
    with pytest.raises(BusyError, match=r"held by a until 2026-01-01 12:00:10"):
        state.acquire("flow:x", "b", 10)
    clock.advance(10)
    assert state.lease_holder("flow:x") == "a"
    assert state.acquire("flow:x", "b", 10).epoch == 2
    assert state.acquire("flow:y", "a", 10).epoch == 1


def test_the_holder_prolongs_without_a_new_epoch(state: SqliteState, clock: FakeClock) -> None:
    """Acquiring again and renewing prolong; neither shortens."""
    first = state.acquire("flow:x", "a", 100)
    clock.advance(5)
    assert state.acquire("flow:x", "a", 10) == first
    assert (state.renew(first, 200).until - first.until).total_seconds() == 105


def test_renewing_what_another_took_is_fenced(state: SqliteState, clock: FakeClock) -> None:
    """Run out alone is not lost: only a new holder fences."""
    first = state.acquire("flow:x", "a", 10)
    clock.advance(20)
    assert state.renew(first, 10).epoch == 1
    clock.advance(20)
    state.acquire("flow:x", "b", 10)
    with pytest.raises(FencedError):
        state.renew(first, 10)
    clock.advance(20)
    state.acquire("flow:x", "a", 10)
    with pytest.raises(FencedError):
        state.renew(first, 10)


def test_a_dead_holders_lease_is_taken_at_once(state: SqliteState) -> None:
    """Only from the holder that was named: it may have changed since somebody looked."""
    state.acquire("flow:x", "dead", 1000)
    with pytest.raises(BusyError):
        state.acquire("flow:x", "b", 10, replacing="another")
    assert state.acquire("flow:x", "b", 10, replacing="dead").epoch == 2


def test_giving_back_frees_the_lease_and_keeps_the_epoch_growing(state: SqliteState) -> None:
    """Giving back what is lost already does nothing to the new holder."""
    first = state.acquire("flow:x", "a", 1000)
    state.release_lease(first)
    assert state.lease_holder("flow:x") is None
    with pytest.raises(FencedError):
        state.renew(first, 10)
    second = state.acquire("flow:x", "b", 1000)
    assert second.epoch == 2
    state.release_lease(first)
    assert state.lease_holder("flow:x") == "b"
    assert state.lease_holder("flow:never") is None


def test_a_holder_needs_a_name(state: SqliteState) -> None:
    """An empty name would read as given back."""
    with pytest.raises(UsageError):
        state.acquire("flow:x", "", 10)
