"""Deliberately broken orders of the protocol. The crash test must find each of them; each is armed in the child that runs."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import entrepot.flow.commit as commit_room
import entrepot.flow.loop as loop
from entrepot.adapters.embedded.delta import DeltaTables, DeltaWriter
from entrepot.flow.commit import Outcome
from entrepot.flow.flow import Flow, Services
from entrepot.flow.loop import Progress
from entrepot.kernel.points import reached
from entrepot.ports.engine import Counts
from entrepot.ports.state import Plan
from entrepot.ports.writer import Committed


def forget_plans(root: Path) -> None:
    """No plan: what was open when the process died is forgotten, and the range is found anew."""
    database = root / ".entrepot" / "state.db"
    if not database.exists():
        return
    with sqlite3.connect(database, isolation_level=None) as connection:
        connection.execute("DROP TRIGGER IF EXISTS plans_are_kept")
        connection.execute(
            "DELETE FROM contents WHERE (flow, sequence) IN (SELECT flow, sequence FROM plans WHERE status = 'open')"
        )
        connection.execute("DELETE FROM plans WHERE status = 'open'")


def skip_reconciliation() -> None:
    """The check at start would notice a forgotten plan; without it the loss is silent."""
    loop.reconcile = lambda flow, services: None  # type: ignore[assignment]


def settle_first() -> None:
    """The plan is settled before its rows are committed."""

    def carry_out(flow: Flow, plan: Plan, services: Services, progress: Progress, forgive: bool) -> None:
        early = Outcome(Counts(0, 0, 0), Committed(max(flow.writer.version(), 0), 0), {})
        real = services.state
        done = real.settle(
            plan,
            counts=early.counts,
            version=early.committed.version,
            superseded_rows=0,
            at=services.clock.now(),
            details={},
        )
        reached("settle.after")
        commit_room.commit(flow, plan, services)
        progress.settled.append(done)

    loop._carry_out = carry_out
    skip_reconciliation()


def skip_transaction_check() -> None:
    """A redo does not ask the tables what they have."""

    def never_held(self: DeltaWriter, flow: str) -> int:
        return 0

    real_commit = DeltaTables.commit

    def commit_again(self: DeltaTables, name: str, batch):  # type: ignore[no-untyped-def]
        import dataclasses

        held = self.last_sequence(name, batch.flow)
        if held >= batch.sequence:
            batch = dataclasses.replace(batch, flow=f"{batch.flow}-again-{self.version(name)}")
        return real_commit(self, name, batch)

    DeltaWriter.last_sequence = never_held  # type: ignore[method-assign]
    DeltaTables.commit = commit_again  # type: ignore[method-assign]
    skip_reconciliation()
