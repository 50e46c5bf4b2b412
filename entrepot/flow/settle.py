"""Settling: freeze the counts, then tell the source."""

from __future__ import annotations

from entrepot.flow.commit import Outcome
from entrepot.flow.flow import Flow, Services
from entrepot.flow.stage import sweep
from entrepot.kernel.events import Event
from entrepot.kernel.points import reached
from entrepot.kernel.positions import RejectSet
from entrepot.ports.state import Plan, PlanStatus


def settle(flow: Flow, plan: Plan, outcome: Outcome, services: Services) -> Plan:
    """Record, durably, that the batch is in the lake, with its frozen counts."""
    reached("settle.before")
    settled = services.state.settle(
        plan,
        counts=outcome.counts,
        version=outcome.committed.version,
        superseded_rows=outcome.committed.removed,
        at=services.clock.now(),
        details=outcome.details,
    )
    services.state.note_durable(flow.target, outcome.committed.version, flow.writer.identity())
    if flow.quarantine is not None and flow.quarantine.version() >= 0:
        services.state.note_durable(flow.quarantine.name, flow.quarantine.version(), flow.quarantine.identity())
    reached("settle.after")
    sweep(flow.name, services)
    counts = outcome.counts
    services.emit(
        Event(
            "batch_settled",
            flow.name,
            {
                "batch": plan.batch,
                "received": counts.received,
                "accepted": counts.accepted,
                "rejected": counts.rejected,
                "duplicate": counts.duplicate,
            },
        )
    )
    return settled


def acknowledge(flow: Flow, services: Services) -> None:
    """Tell the source of everything that is settled or void and that it has not been told of."""
    for plan in services.state.unacknowledged(flow.name):
        position = plan.draft.position
        reached("acknowledge.before")
        if plan.status is PlanStatus.SETTLED and not isinstance(position, RejectSet):
            flow.reader.acknowledge(position)
            flow.on_acknowledged(plan)
        reached("acknowledge.after")
        services.state.note_acknowledged(plan)
