"""Whatever is done in whatever order, the state answers as a simple model of it does."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from state_values import AT, cursor, draft, open_state, settle

from entrepot.kernel.errors import ConflictError, FencedError
from entrepot.kernel.positions import Cursor, FileSet, RejectSet
from entrepot.ports.state import Lease, PlanStatus
from entrepot.testing.clock import FakeClock

FLOWS = ("f", "g")
HOLDERS = ("a", "b")
CONTENTS = ("x", "y", "z")
contents = st.lists(st.sampled_from(CONTENTS), unique=True, max_size=2).map(tuple)


@dataclass
class ModelPlan:
    """What the model knows of a plan."""

    batch: int
    contents: tuple[str, ...]
    supersedes: tuple[str, ...]
    status: PlanStatus = PlanStatus.OPEN
    acknowledged: bool = False
    end: int | None = None
    """Where a cursor's range ends; None for a retry."""


@dataclass
class ModelFlow:
    """A flow in the model: plain lists, everything derived anew at each question."""

    plans: list[ModelPlan] = field(default_factory=list)

    @property
    def open(self) -> ModelPlan | None:
        return self.plans[-1] if self.plans and self.plans[-1].status is PlanStatus.OPEN else None

    @property
    def end(self) -> int | None:
        moved = [plan.end for plan in self.plans if plan.status is not PlanStatus.VOIDED and plan.end is not None]
        return moved[-1] if moved else None

    def live(self, content: str) -> int | None:
        """The sequence under which a content is live."""
        found = None
        for number, plan in enumerate(self.plans, 1):
            if plan.status is not PlanStatus.VOIDED:
                found = None if content in plan.supersedes else found
                found = number if content in plan.contents else found
        return found


class StateMachine(RuleBasedStateMachine):
    """The real state beside the model; both flows write one table."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="entrepot-state-"))
        self.clock = FakeClock()
        self.state = open_state(self.folder, self.clock)
        self.flows = {name: ModelFlow() for name in FLOWS}
        self.owner: dict[str, Lease] = {}

    def teardown(self) -> None:
        self.state.close()
        shutil.rmtree(self.folder)

    def take_over(self, flow: str, holder: str) -> Lease:
        """The holder takes the lease, from the other one as if that were dead."""
        other = "a" if holder == "b" else "b"
        lease = self.state.acquire(f"flow:{flow}", holder, 60, replacing=other)
        before = self.owner.get(flow)
        grown = before is None or before.holder != holder
        assert lease.epoch == (0 if before is None else before.epoch) + (1 if grown else 0)
        self.owner[flow] = lease
        return lease

    @rule(
        flow=st.sampled_from(FLOWS),
        holder=st.sampled_from(HOLDERS),
        taken=contents,
        replaced=contents,
        retry=st.booleans(),
    )
    def plan(self, flow: str, holder: str, taken: tuple[str, ...], replaced: tuple[str, ...], retry: bool) -> None:
        """Plan under a good lease; it succeeds exactly when nothing is open and no content is live."""
        model = self.flows[flow]
        lease = self.take_over(flow, holder)
        position: Cursor | RejectSet = RejectSet((1,)) if retry else cursor(model.end, (model.end or 0) + 1)
        made = draft(flow, position, contents=taken, supersedes=replaced)
        fresh = all(content in replaced or model.live(content) is None for content in taken)
        if model.open or not fresh:
            with pytest.raises(ConflictError):
                self.state.add_plan(made, lease, len(model.plans))
            return
        plan = self.state.add_plan(made, lease, len(model.plans))
        batch = 1 + sum(len(other.plans) for other in self.flows.values())
        assert (plan.sequence, plan.batch) == (len(model.plans) + 1, batch)
        end = None if retry else (model.end or 0) + 1
        model.plans.append(ModelPlan(batch, taken, replaced, end=end))

    @rule(flow=st.sampled_from(FLOWS), wrong=st.sampled_from([-1, 1]))
    def plan_after_the_wrong_plan(self, flow: str, wrong: int) -> None:
        model = self.flows[flow]
        made = draft(flow, cursor(model.end, 99))
        with pytest.raises(ConflictError):
            self.state.add_plan(made, self.take_over(flow, "a"), len(model.plans) + wrong)

    @rule(flow=st.sampled_from(FLOWS), off=st.sampled_from([-1, 1]))
    def plan_with_gap_or_overlap(self, flow: str, off: int) -> None:
        model = self.flows[flow]
        made = draft(flow, cursor((model.end or 0) + off, 99))
        with pytest.raises(ConflictError):
            self.state.add_plan(made, self.take_over(flow, "a"), len(model.plans))

    @rule(flow=st.sampled_from(FLOWS), expired=st.booleans())
    def plan_as_zombie(self, flow: str, expired: bool) -> None:
        """With a lease that ran out, or that another took: fenced, whatever else is right."""
        model = self.flows[flow]
        lease = self.take_over(flow, "a")
        if expired:
            self.clock.advance(60)
        else:
            self.take_over(flow, "b")
        with pytest.raises(FencedError):
            self.state.add_plan(draft(flow, cursor(model.end, 99)), lease, len(model.plans))

    @rule(flow=st.sampled_from(FLOWS), fate=st.sampled_from(["settle", "settle", "void"]), twice=st.booleans())
    def close(self, flow: str, fate: str, twice: bool) -> None:
        plan = self.state.open_plan(flow)
        model = self.flows[flow].open
        assert (plan is None) == (model is None)
        for _ in range(0 if plan is None else 1 + twice):
            assert plan is not None
            assert model is not None
            if fate == "settle":
                settle(self.state, plan, plan.batch)
                model.status = PlanStatus.SETTLED
            else:
                self.state.void(plan, reason="r", version=plan.batch, at=AT)
                model.status = PlanStatus.VOIDED

    @rule(flow=st.sampled_from(FLOWS))
    def acknowledge(self, flow: str) -> None:
        waiting = self.state.unacknowledged(flow)
        model = self.flows[flow]
        expected = [n for n, p in enumerate(model.plans, 1) if p.status is not PlanStatus.OPEN and not p.acknowledged]
        assert [plan.sequence for plan in waiting] == expected
        for plan in waiting[:1]:
            self.state.note_acknowledged(plan)
            model.plans[plan.sequence - 1].acknowledged = True

    @rule()
    def restart(self) -> None:
        """What is known is in the file."""
        self.state.close()
        self.state = open_state(self.folder, self.clock)

    @invariant()
    def answers_agree(self) -> None:
        for name, model in self.flows.items():
            stored = self.state.plans(flow=name)
            assert [(p.sequence, p.batch, p.status) for p in stored] == [
                (number, plan.batch, plan.status) for number, plan in enumerate(model.plans, 1)
            ]
            position = self.state.last_position(name)
            assert not isinstance(position, FileSet)
            assert (position.upto if isinstance(position, Cursor) else None) == model.end
            for content in CONTENTS:
                live = self.state.live_content(name, content)
                assert (live.sequence if live else None) == model.live(content)


TestStateModel = StateMachine.TestCase
TestStateModel.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestStateModel = pytest.mark.req("X3")(TestStateModel)
