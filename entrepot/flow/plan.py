"""Planning: decide what the next batch is, make that durable before any table is touched."""

from __future__ import annotations

from dataclasses import replace

from entrepot.flow.flow import Flow, Services
from entrepot.flow.modes import base_mode, mode_to_json, model_mode
from entrepot.flow.supersede import find_superseded
from entrepot.kernel.events import Event
from entrepot.kernel.ids import hash_text
from entrepot.kernel.points import reached
from entrepot.kernel.positions import FileSet, Position, RejectSet, Versions
from entrepot.ports.state import Lease, Plan, PlanDraft, PlanStatus, State
from entrepot.ports.writer import Append, Replace, WriteMode

ISOLATE = "isolate: "
"""A voided plan whose note begins so was taken apart: its files are planned one by one."""


def next_plan(flow: Flow, services: Services, lease: Lease) -> Plan | None:
    """Claim what the source brings next and plan it; None when there is nothing.

    Raises: FencedError, ConflictError from the compare-and-swap.
    """
    previous = last_position(flow.name, services)
    while (found := flow.reader.find_next(previous)) is not None:
        claimed = _one_by_one(flow, services, flow.reader.claim(found))
        if not isinstance(claimed, FileSet) or claimed.files:
            return add_plan(flow, services, lease, claimed)
        # all of it was taken before and has been put aside; there may be more
    return None


def add_plan(flow: Flow, services: Services, lease: Lease, position: Position) -> Plan:
    """Make the plan for this range durable."""
    last = services.state.last_plan(flow.name)
    superseded = find_superseded(flow, services, position)
    mode = Replace(superseded.where) if superseded.where is not None else _mode(flow, position)
    contents = content_hashes(position)
    repeated = [c for c in contents if c in flow.again and services.state.live_content(flow.name, c) is not None]
    draft = PlanDraft(
        flow=flow.name,
        target=flow.target,
        position=position,
        contract_hash=flow.contract.hash if flow.contract else "",
        transform_hash=flow.transform_hash,
        received_at=services.clock.now(),
        pins=dict(flow.pin()),
        mode=mode_to_json(mode),
        contents=contents,
        supersedes=tuple(dict.fromkeys([*superseded.contents, *repeated, *_outdated(flow, services, position)])),
        reason=_reason(position)
        or "; ".join(dict.fromkeys(f"again: {flow.again[content]}" for content in repeated))
        or None,
    )
    reached("plan.before")
    plan = services.state.add_plan(draft, lease, follows=last.sequence if last else 0)
    reached("plan.after")
    size = sum(item.size_bytes for item in position.files) if isinstance(position, FileSet) else None
    services.emit(Event("batch_planned", flow.name, {"batch": plan.batch, "bytes": size}))
    return plan


def _mode(flow: Flow, position: Position) -> WriteMode:
    if isinstance(position, Versions):
        return model_mode(position, redefines=flow.redefines)
    mode = base_mode(flow.write, flow.contract.key if flow.contract else (), flow.target)
    if isinstance(position, RejectSet) and isinstance(mode, Replace):
        return Append()  # a retry adds to what is there
    return mode


def _reason(position: Position) -> str | None:
    return position.why or None if isinstance(position, Versions) else None


def _outdated(flow: Flow, services: Services, position: Position) -> list[str]:
    """Contents that say nothing any more about what the table holds: where later files replace or update rows of earlier ones,
    a file that comes back is news again."""
    if not isinstance(position, FileSet) or (flow.write == "append" and flow.supersedes.by != "period"):
        return []
    plans = services.state.plans(flow=flow.name)
    live = [c for plan in plans if plan.status is not PlanStatus.VOIDED for c in plan.draft.contents]
    return [content for content in dict.fromkeys(live) if services.state.live_content(flow.name, content) is not None]


def content_hashes(position: Position) -> tuple[str, ...]:
    """What must be unique among the flow's live plans: the files' contents, the records taken again."""
    match position:
        case FileSet():
            return tuple(item.sha256 for item in position.files)
        case RejectSet():
            return tuple(hash_text("reject", str(record)) for record in position.rejects)
        case _:
            return ()


def last_position(flow: str, services: Services) -> Position | None:
    """Where the source stands."""
    return services.state.last_position(flow)


def last_plan_of_source(flow: str, state: State) -> Plan | None:
    """The newest plan that is neither void (its range is still to be taken) nor a retry of rejects."""
    for limit in (20, None):
        plans = state.plans(flow=flow, limit=limit)
        for plan in reversed(plans):
            if plan.status is not PlanStatus.VOIDED and not isinstance(plan.draft.position, RejectSet):
                return plan
        if limit is not None and len(plans) < limit:
            return None
    return None


def _one_by_one(flow: Flow, services: Services, position: Position) -> Position:
    """Plan files alone that were part of a batch which had to be taken apart."""
    if not isinstance(position, FileSet) or len(position.files) < 2:
        return position
    voided = services.state.plans(flow=flow.name, status=PlanStatus.VOIDED)
    suspects = {content for plan in voided if (plan.note or "").startswith(ISOLATE) for content in plan.draft.contents}
    for item in position.files:
        if item.sha256 in suspects:
            return replace(position, files=(item,))
    return position
