"""A state rebuilt from the lake's commits equals the one that was lost, in whatever order the commits are read."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from state_values import AT, draft, lease_of, open_state, plan_and_settle

from entrepot.adapters.embedded.state import SqliteState
from entrepot.kernel.errors import ConflictError, DamageError
from entrepot.ports.state import Plan


def make_history(state: SqliteState) -> list[Plan]:
    """Four plans: x taken, x replaced by y, a voided attempt to replace y, x taken again."""
    lease = lease_of(state)
    plan_and_settle(state, lease, draft(contents=("x",)), 1)
    plan_and_settle(state, lease, draft(contents=("y",), supersedes=("x",)), 2)
    state.void(state.add_plan(draft(contents=("z",), supersedes=("y",)), lease, 2), reason="poison", version=3, at=AT)
    plan_and_settle(state, lease, draft(contents=("x", "w")), 4)
    return list(state.plans(flow="sales"))


@pytest.mark.req("X3")
def test_the_rebuilt_state_equals_the_lost_one(state: SqliteState, tmp_path: Path) -> None:
    """Plans, numbers and live contents are the same for every order of restoring."""
    history = make_history(state)
    live = {content: state.live_content("sales", content) for content in "wxyz"}
    for number, order in enumerate(itertools.permutations(history)):
        rebuilt = open_state(tmp_path / str(number))
        for plan in order:
            rebuilt.restore_plan(plan)
        assert list(rebuilt.plans(flow="sales")) == history
        assert {content: rebuilt.live_content("sales", content) for content in "wxyz"} == live
        with pytest.raises(ConflictError, match="by plan 2"):
            rebuilt.add_plan(draft(contents=("y",)), lease_of(rebuilt), 4)
        assert rebuilt.add_plan(draft(contents=("z",)), lease_of(rebuilt), 4).batch == 5
        rebuilt.close()


def test_the_first_plan_that_superseded_a_content_counts(state: SqliteState) -> None:
    """Restored last, it still keeps the content from coming back when a later plan is voided."""
    lease = lease_of(state)
    plan_and_settle(state, lease, draft(contents=("x",)), 1)
    plan_and_settle(state, lease, draft(contents=("y",), supersedes=("x",)), 2)
    opened = state.add_plan(draft(contents=("z",), supersedes=("x",)), lease, 2)
    rebuilt = open_state(Path(state._database.path).parent / "rebuilt")
    for plan in (opened, *state.plans(flow="sales", limit=3)[:2]):
        rebuilt.restore_plan(plan)
    rebuilt.void(opened, reason="poison", version=3, at=AT)
    assert rebuilt.live_content("sales", "x") is None
    rebuilt.close()


def test_restoring_again_changes_nothing(state: SqliteState) -> None:
    """What is there already is left alone; an open plan stays open, so that recovery settles it."""
    history = make_history(state)
    opened = state.add_plan(draft(contents=("q",)), lease_of(state), 4)
    for plan in history:
        state.restore_plan(plan)
    settled = plan_and_settle(state, lease_of(state, "shop"), draft("shop", contents=("q",)))
    state.restore_plan(replace(settled, draft=opened.draft, sequence=opened.sequence, batch=opened.batch))
    assert list(state.plans(flow="sales")) == [*history, opened]


def test_a_plan_that_contradicts_the_state_is_refused(state: SqliteState) -> None:
    """Other content under the same number, or a batch number that is taken: nobody guesses which is right."""
    first = make_history(state)[0]
    with pytest.raises(DamageError, match="differs in position, contents"):
        state.restore_plan(replace(first, draft=draft(contents=("other",), supersedes=first.draft.supersedes)))
    with pytest.raises(DamageError, match="cannot be put back"):
        state.restore_plan(replace(first, sequence=9))


def test_a_restored_gap_is_not_filled(state: SqliteState) -> None:
    """New numbers come after the highest that was restored."""
    history = make_history(state)
    rebuilt = open_state(Path(state._database.path).parent / "rebuilt")
    rebuilt.restore_plan(history[3])
    assert rebuilt.add_plan(draft(contents=("n",)), lease_of(rebuilt), 4).sequence == 5
    rebuilt.close()
