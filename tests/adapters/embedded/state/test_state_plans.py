"""A plan is immutable but for its one step to settled or voided, and each step may be taken twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from state_values import AT, COUNTS, draft, lease_of, plan_and_settle, settle

from entrepot.adapters.embedded.state import SqliteState
from entrepot.kernel.errors import DamageError, FencedError
from entrepot.ports.engine import Counts
from entrepot.ports.state import Plan, PlanStatus


@pytest.fixture
def plan(state: SqliteState) -> Plan:
    """An open plan."""
    return state.add_plan(draft(contents=("x",)), lease_of(state), 0)


def test_settling_freezes_the_figures(state: SqliteState, plan: Plan) -> None:
    """Counts, version and details come back; the target's durable version rises with it."""
    settled = state.settle(
        plan,
        counts=COUNTS,
        version=4,
        superseded_rows=3,
        at=AT,
        details={"seconds": Decimal("1.5"), "reasons": {"r": 2}},
    )
    expected = replace(
        plan,
        status=PlanStatus.SETTLED,
        counts=COUNTS,
        version=4,
        superseded_rows=3,
        settled_at=AT,
        details={"seconds": "1.5", "reasons": {"r": 2}},
    )
    assert settled == state.last_plan("sales") == expected
    assert state.open_plan("sales") is None
    assert state.durable_version("bronze.sales") == 4


def test_settling_again_with_the_same_figures_changes_nothing(state: SqliteState, plan: Plan) -> None:
    """A redo has another time and other rates; the first stay."""
    first = settle(state, plan)
    again = state.settle(
        plan, counts=COUNTS, version=1, superseded_rows=0, at=AT + timedelta(hours=1), details={"seconds": 9}
    )
    assert again == first


@pytest.mark.req("X3")
@pytest.mark.parametrize(
    ("counts", "version", "superseded"),
    [(Counts(10, 8, 2), 1, 0), (COUNTS, 2, 0), (COUNTS, 1, 5)],
)
def test_settling_again_with_other_figures_is_refused(
    state: SqliteState, plan: Plan, counts: Counts, version: int, superseded: int
) -> None:
    """Frozen figures never change."""
    first = settle(state, plan)
    with pytest.raises(DamageError, match="closed with other figures"):
        state.settle(plan, counts=counts, version=version, superseded_rows=superseded, at=AT, details={})
    assert state.last_plan("sales") == first
    assert state.durable_version("bronze.sales") == 1


@pytest.mark.req("X3")
def test_counts_that_do_not_close_are_refused(state: SqliteState, plan: Plan) -> None:
    """A row lost between received and the rest stops the batch and names it."""
    with pytest.raises(DamageError, match=r"plan 1 of sales \(batch 1 of bronze.sales\) does not close"):
        state.settle(plan, counts=Counts(10, 7, 2, 0), version=1, superseded_rows=0, at=AT, details={})
    assert state.open_plan("sales") == plan


def test_voiding_may_be_repeated(state: SqliteState, plan: Plan) -> None:
    """The first reason and time stay."""
    first = state.void(plan, reason="unreadable", version=2, at=AT)
    assert (first.status, first.note, first.version, first.settled_at) == (PlanStatus.VOIDED, "unreadable", 2, AT)
    assert state.void(plan, reason="other words", version=2, at=AT + timedelta(hours=1)) == first
    assert state.durable_version("bronze.sales") == 2


def test_a_closed_plan_cannot_be_closed_the_other_way(state: SqliteState) -> None:
    """Settled is not voided and voided is not settled."""
    lease = lease_of(state)
    settled = plan_and_settle(state, lease, draft(contents=("x",)))
    with pytest.raises(DamageError, match="is settled at version 1; it cannot be voided"):
        state.void(settled, reason="late", version=1, at=AT)
    voided = state.void(state.add_plan(draft(), lease, 1), reason="poison", version=2, at=AT)
    with pytest.raises(DamageError, match="closed with other figures: it is voided at version 2"):
        settle(state, voided, 2)
    with pytest.raises(DamageError, match="it cannot be voided at version 3"):
        state.void(voided, reason="poison", version=3, at=AT)


def test_a_plan_that_the_state_does_not_know_is_refused(state: SqliteState, plan: Plan) -> None:
    """A state replaced under a running program is noticed at the next step."""
    for stranger in (replace(plan, sequence=7), replace(plan, batch=7)):
        with pytest.raises(DamageError, match="not in the state"):
            settle(state, stranger)
        with pytest.raises(DamageError, match="not in the state"):
            state.count_attempt(stranger)


def test_attempts_count_up_and_stop_when_the_plan_is_closed(state: SqliteState, plan: Plan) -> None:
    """Each is durable before it is made; a zombie learns that the batch is done."""
    assert [state.count_attempt(plan) for _ in range(3)] == [1, 2, 3]
    found = state.open_plan("sales")
    assert found is not None
    assert found.attempts == 3
    settle(state, plan)
    with pytest.raises(FencedError, match="is settled already"):
        state.count_attempt(plan)


def test_the_source_is_told_once_a_plan_is_closed(state: SqliteState) -> None:
    """Open plans are never to be acknowledged; closed ones wait, oldest first, until they are noted."""
    lease = lease_of(state)
    first = plan_and_settle(state, lease, draft(contents=("x",)))
    second = state.void(state.add_plan(draft(contents=("y",)), lease, 1), reason="poison", version=2, at=AT)
    third = state.add_plan(draft(contents=("z",)), lease, 2)
    assert state.unacknowledged("sales") == [first, second]
    with pytest.raises(DamageError, match="is open; the source may be told only once"):
        state.note_acknowledged(third)
    state.note_acknowledged(first)
    state.note_acknowledged(first)
    assert state.unacknowledged("sales") == [second]
    assert state.unacknowledged("shop") == []


def test_plans_are_found_by_flow_target_and_status(state: SqliteState) -> None:
    """Oldest first; a limit keeps the newest."""
    for number in range(3):
        plan_and_settle(state, lease_of(state), draft(contents=(f"x{number}",)), number)
    shop = state.add_plan(draft("shop", target="bronze.shop"), lease_of(state, "shop"), 0)
    assert [p.sequence for p in state.plans(flow="sales")] == [1, 2, 3]
    assert [p.sequence for p in state.plans(flow="sales", limit=2)] == [2, 3]
    assert [p.batch for p in state.plans(target="bronze.sales")] == [1, 2, 3]
    assert state.plans(status=PlanStatus.OPEN) == [shop]
    assert state.plans(flow="sales", status=PlanStatus.OPEN) == []
    assert [p.flow for p in state.plans()] == ["sales", "sales", "sales", "shop"]
    assert state.plans(limit=1) == [shop]
    assert state.last_plan("nobody") is None
    assert state.open_plan("nobody") is None
