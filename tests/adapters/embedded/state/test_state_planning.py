"""Planning is a compare-and-swap: one winner, no doubled number, no doubled content, no gap in a range."""

from __future__ import annotations

from dataclasses import replace

import pytest
from state_values import AT, cursor, draft, files, lease_of, plan_and_settle, settle

from entrepot.adapters.embedded.state import SqliteState
from entrepot.kernel.errors import ConflictError, FencedError
from entrepot.kernel.positions import RejectSet, Versions
from entrepot.ports.state import PlanStatus
from entrepot.testing.clock import FakeClock


def test_a_plan_comes_back_as_it_was_made(state: SqliteState, clock: FakeClock) -> None:
    """Every field of the draft survives the file."""
    made = draft(contents=("x", "y"), supersedes=("w",))
    plan = state.add_plan(made, lease_of(state), 0)
    assert plan.draft == made
    assert (plan.sequence, plan.batch, plan.status, plan.planned_at) == (1, 1, PlanStatus.OPEN, clock.now())
    assert state.last_plan("sales") == state.open_plan("sales") == plan
    assert state.plans() == [plan]


@pytest.mark.parametrize(
    "position",
    [
        cursor(None, 5),
        files("a", "b"),
        Versions({"bronze.x": 4}, {}, "keys", "2 rows came", ("day",)),
        RejectSet((1 << 40, 3), {"3": {"amount": None, "day": "2026-01-01"}}, (3,)),
    ],
)
def test_every_kind_of_position_survives(state: SqliteState, position: object) -> None:
    """A redo reads the very range that was planned."""
    plan = state.add_plan(draft(position=position), lease_of(state), 0)  # type: ignore[arg-type]
    assert plan.draft.position == position


@pytest.mark.req("X3")
def test_sequences_are_gap_free_per_flow_and_batches_per_target(state: SqliteState) -> None:
    """Two flows into one table: each counts for itself, the table counts both; voided numbers stay used."""
    numbers = []
    for number in range(6):
        flow = "sales" if number % 3 else "shop"
        last = state.last_plan(flow)
        plan = state.add_plan(draft(flow), lease_of(state, flow), last.sequence if last else 0)
        numbers.append((flow, plan.sequence, plan.batch))
        if number % 2:
            state.void(plan, reason="poison", version=number, at=AT)
        else:
            settle(state, plan, number)
    assert [batch for _, _, batch in numbers] == [1, 2, 3, 4, 5, 6]
    assert [s for f, s, _ in numbers if f == "sales"] == [1, 2, 3, 4]
    assert [s for f, s, _ in numbers if f == "shop"] == [1, 2]


@pytest.mark.req("X3")
def test_only_one_plan_may_follow_the_last(state: SqliteState) -> None:
    """Who believes in an older last plan is refused and nothing is written."""
    lease = lease_of(state)
    plan_and_settle(state, lease, draft(contents=("x",)))
    for follows in (0, 2):
        with pytest.raises(ConflictError, match=f"the last plan is 1, the new one was to follow {follows}"):
            state.add_plan(draft(contents=("y",)), lease, follows)
    assert len(state.plans()) == 1
    assert state.live_content("sales", "y") is None


def test_no_plan_is_made_while_one_is_open(state: SqliteState) -> None:
    """At most one plan of a flow is open."""
    lease = lease_of(state)
    state.add_plan(draft(contents=("x",)), lease, 0)
    with pytest.raises(ConflictError, match="plan 1 is open"):
        state.add_plan(draft(contents=("y",)), lease, 1)


@pytest.mark.req("X3")
def test_a_range_must_continue_the_last(state: SqliteState) -> None:
    """Neither a gap nor an overlap can be planned."""
    lease = lease_of(state)
    with pytest.raises(ConflictError, match="does not continue the beginning"):
        state.add_plan(draft(position=cursor(3, 5)), lease, 0)
    plan_and_settle(state, lease, draft(position=cursor(None, 5)))
    for wrong in (cursor(None, 7), cursor(4, 7), cursor(6, 7), Versions({"a": 1})):
        with pytest.raises(ConflictError, match="does not continue the last planned range"):
            state.add_plan(draft(position=wrong), lease, 1)
    assert state.add_plan(draft(position=cursor(5, 7)), lease, 1).sequence == 2


@pytest.mark.req("X3")
def test_a_voided_range_is_planned_again(state: SqliteState) -> None:
    """A voided plan left no rows: the next range starts where the voided one did."""
    lease = lease_of(state)
    plan_and_settle(state, lease, draft(position=cursor(None, 5)))
    state.void(state.add_plan(draft(position=cursor(5, 9)), lease, 1), reason="gone", version=2, at=AT)
    assert state.last_position("sales") == cursor(None, 5)
    with pytest.raises(ConflictError):
        state.add_plan(draft(position=cursor(9, 12)), lease, 2)
    assert state.add_plan(draft(position=cursor(5, 12)), lease, 2).sequence == 3


def test_a_retry_leaves_the_source_where_it_is(state: SqliteState) -> None:
    """After a retry of rejects the next range continues the one before the retry."""
    lease = lease_of(state)
    plan_and_settle(state, lease, draft(position=cursor(None, 5)))
    plan_and_settle(state, lease, draft(position=RejectSet((7,))))
    assert state.last_position("sales") == cursor(None, 5)
    assert state.add_plan(draft(position=cursor(5, 9)), lease, 2).sequence == 3


@pytest.mark.req("F5")
def test_the_same_content_is_taken_once(state: SqliteState) -> None:
    """A content that is live is refused, in its own flow only."""
    lease = lease_of(state)
    plan_and_settle(state, lease, draft(contents=("x",)))
    with pytest.raises(ConflictError, match="content x was taken already, by plan 1"):
        state.add_plan(draft(contents=("y", "x")), lease, 1)
    with pytest.raises(ConflictError, match="names the same content twice"):
        state.add_plan(draft(contents=("y", "y")), lease, 1)
    assert state.live_content("sales", "y") is None
    assert state.add_plan(draft("shop", contents=("x",)), lease_of(state, "shop"), 0).sequence == 1


def test_a_voided_content_may_come_again(state: SqliteState) -> None:
    """Voiding frees the content for a new plan."""
    lease = lease_of(state)
    state.void(state.add_plan(draft(contents=("x",)), lease, 0), reason="split", version=1, at=AT)
    assert state.live_content("sales", "x") is None
    again = state.add_plan(draft(contents=("x",)), lease, 1)
    assert state.live_content("sales", "x") == again


def test_superseding_frees_the_old_content_at_planning(state: SqliteState) -> None:
    """A plan may take the very content that it supersedes (`run --again`)."""
    lease = lease_of(state)
    plan_and_settle(state, lease, draft(contents=("x",)))
    again = state.add_plan(draft(contents=("x",), supersedes=("x",)), lease, 1)
    assert state.live_content("sales", "x") == again
    settle(state, again, 2)
    with pytest.raises(ConflictError, match="by plan 2"):
        state.add_plan(draft(contents=("x",)), lease, 2)


def test_voiding_makes_live_again_what_was_superseded(state: SqliteState) -> None:
    """The rows of the old plan still stand in the target, so its content may not be taken a second time."""
    lease = lease_of(state)
    old = plan_and_settle(state, lease, draft(contents=("x",)))
    new = state.add_plan(draft(contents=("y",), supersedes=("x",)), lease, 1)
    assert state.live_content("sales", "x") is None
    state.void(new, reason="unreadable", version=2, at=AT)
    assert state.live_content("sales", "x") == old
    assert state.live_content("sales", "y") is None
    with pytest.raises(ConflictError, match="by plan 1"):
        state.add_plan(draft(contents=("x",)), lease, 2)


def test_superseding_what_is_not_live_does_nothing(state: SqliteState) -> None:
    """It is no longer live already; voiding later does not bring back what another plan had replaced."""
    lease = lease_of(state)
    plan_and_settle(state, lease, draft(contents=("x",)))
    plan_and_settle(state, lease, draft(contents=("y",), supersedes=("x", "never")))
    third = state.add_plan(draft(contents=("z",), supersedes=("x",)), lease, 2)
    state.void(third, reason="unreadable", version=3, at=AT)
    assert state.live_content("sales", "x") is None


@pytest.mark.req("X3")
def test_a_zombie_cannot_plan(state: SqliteState, clock: FakeClock) -> None:
    """Its lease was taken over: fenced, also when it still believes in the right last plan."""
    zombie = lease_of(state, holder="a", seconds=10)
    clock.advance(11)
    successor = lease_of(state, holder="b")
    assert successor.epoch == zombie.epoch + 1
    with pytest.raises(FencedError, match=r"is lost: b has it \(epoch 2\)"):
        state.add_plan(draft(contents=("x",)), zombie, 0)
    forged = replace(zombie, epoch=successor.epoch)
    with pytest.raises(FencedError):
        state.add_plan(draft(contents=("x",)), forged, 0)
    assert state.add_plan(draft(contents=("x",)), successor, 0).sequence == 1


def test_a_run_out_lease_cannot_plan(state: SqliteState, clock: FakeClock) -> None:
    """Even when nobody took it; renewing makes it good again."""
    lease = lease_of(state, seconds=10)
    clock.advance(10)
    with pytest.raises(FencedError, match="ran out"):
        state.add_plan(draft(contents=("x",)), lease, 0)
    assert state.add_plan(draft(contents=("x",)), state.renew(lease, 10), 0).sequence == 1


def test_a_lease_given_back_cannot_plan(state: SqliteState) -> None:
    """Also by its old holder, who has taken it again since under a new epoch."""
    lease = lease_of(state)
    state.release_lease(lease)
    with pytest.raises(FencedError, match="nobody has it"):
        state.add_plan(draft(contents=("x",)), lease, 0)
    assert lease_of(state).epoch == 2
    with pytest.raises(FencedError):
        state.add_plan(draft(contents=("x",)), lease, 0)


def test_what_is_not_json_is_refused_before_anything_is_written(state: SqliteState) -> None:
    """Recovery reads positions and modes; they are exact or they are not there."""
    lease = lease_of(state)
    with pytest.raises(TypeError):
        state.add_plan(replace(draft(contents=("x",)), mode={"at": AT}), lease, 0)
    with pytest.raises(ValueError, match="zone"):
        state.add_plan(replace(draft(contents=("x",)), received_at=AT.replace(tzinfo=None)), lease, 0)
    assert state.plans() == []
