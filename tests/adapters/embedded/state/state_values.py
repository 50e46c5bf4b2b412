"""Values that the tests of the state share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from entrepot.adapters.embedded.state import SqliteState
from entrepot.kernel.positions import Cursor, FileItem, FileSet, Position
from entrepot.ports.engine import Counts
from entrepot.ports.state import Lease, Plan, PlanDraft
from entrepot.testing.clock import FakeClock

AT = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
COUNTS = Counts(received=10, accepted=7, rejected=2, duplicate=1)


def open_state(folder: Path, clock: FakeClock | None = None) -> SqliteState:
    """The state of a folder."""
    return SqliteState(folder / "state.db", clock or FakeClock())


def files(*contents: str) -> FileSet:
    """A range of files with these contents."""
    return FileSet(tuple(FileItem(f"{c}.csv", f"claimed/{c}.csv", c, 10) for c in contents))


def draft(
    flow: str = "sales",
    position: Position | None = None,
    *,
    target: str = "bronze.sales",
    contents: Sequence[str] = (),
    supersedes: Sequence[str] = (),
) -> PlanDraft:
    """A draft, whole in every field."""
    return PlanDraft(
        flow=flow,
        target=target,
        position=position or files(*contents),
        contract_hash="c1",
        transform_hash="t1",
        received_at=AT,
        pins={"bronze.sales": 3},
        mode={"kind": "replace", "where": "day = DATE '2026-01-01'"},
        contents=tuple(contents),
        supersedes=tuple(supersedes),
        reason="why",
    )


def lease_of(state: SqliteState, flow: str = "sales", holder: str = "a", seconds: float = 60) -> Lease:
    """The lease under which a flow plans."""
    return state.acquire(f"flow:{flow}", holder, seconds)


def settle(state: SqliteState, plan: Plan, version: int = 1) -> Plan:
    """Settle with the usual figures."""
    return state.settle(plan, counts=COUNTS, version=version, superseded_rows=0, at=AT, details={})


def plan_and_settle(state: SqliteState, lease: Lease, made: PlanDraft, version: int = 1) -> Plan:
    """One batch, done."""
    last = state.last_plan(made.flow)
    return settle(state, state.add_plan(made, lease, last.sequence if last else 0), version)


def cursor(after: int | None, upto: int) -> Cursor:
    """A range of a growing column."""
    return Cursor(after, upto)
