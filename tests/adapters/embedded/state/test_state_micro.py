"""Micro-batches: sums equal what the plans say, and what they leave is thinned out but for the last release of each hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from entrepot.adapters.embedded.state import SqliteState
from entrepot.kernel.positions import Cursor, RejectSet
from entrepot.ports.engine import Counts
from entrepot.ports.state import PlanDraft, RunRecord

AT = datetime(2026, 11, 21, 8, tzinfo=UTC)


def settle_one(state: SqliteState, number: int, counts: Counts, *, retry: bool = False, kind: str = "append") -> None:
    lease = state.acquire("flow:f", "me", 60)
    position = RejectSet((number,)) if retry else Cursor(None if number == 1 else number - 1, number)
    draft = PlanDraft("f", "bronze.t", position, "c", "t", AT, mode={"kind": kind, "where": None})
    plan = state.add_plan(draft, lease, follows=number - 1)
    state.settle(plan, counts=counts, version=number, superseded_rows=number, at=AT, details={})


def test_totals_are_the_sums_of_the_plans(state: SqliteState) -> None:
    """Received counts what came from the source; a retry takes rejects away; rejects count from the last whole write on."""
    assert state.totals("bronze.t").received == 0
    settle_one(state, 1, Counts(10, 7, 2, 1))
    settle_one(state, 2, Counts(5, 5, 0, 0), kind="replace")
    settle_one(state, 3, Counts(4, 1, 3, 0))
    settle_one(state, 4, Counts(2, 1, 1, 0), retry=True)
    totals = state.totals("bronze.t")
    assert (totals.received, totals.rejected, totals.duplicate, totals.superseded) == (19, 2 + 3 + 1 - 2, 1, 10)
    assert totals.settled_at == AT
    assert state.count_rejected("f") == 4
    assert state.count_rejected("another") == 0


@pytest.mark.req("S4")
def test_micro_releases_are_thinned(state: SqliteState) -> None:
    """Of the micro-releases of an hour the last stays; releases of other runs, and what is not old enough, stay whole."""
    previous = None
    for number in range(12):
        at = AT + timedelta(minutes=15 * number)
        state.start_run(RunRecord(f"m{number}", at, None, "running", is_micro=number != 1))
        state.end_run(f"m{number}", status="succeeded" if number != 2 else "failed", at=at, summary={})
        previous = state.publish(run=f"m{number}", at=at, tables={}, views={}, held={}, after=previous)
    assert state.expire_micro(AT + timedelta(hours=2)) == 5  # of 8: two were the last of their hour, one no micro-batch
    assert [release.run for release in state.releases()] == ["m11", "m10", "m9", "m8", "m7", "m3", "m1"]
    kept = {run.id: run.is_micro for run in state.runs(50)}
    assert "m0" not in kept
    assert kept["m2"]  # it failed: people may want to see why
    assert not kept["m1"]
    assert state.expire_micro(AT + timedelta(hours=2)) == 0
