"""Flows: what moves data, and how each stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import Field

from entrepot.app.http.asked import Context, Cursor, Limit, Word
from entrepot.app.http.cursors import cut
from entrepot.app.http.errors import NotThere
from entrepot.app.http.shapes import Instant, Page, Shape
from entrepot.app.wiring import Platform
from entrepot.flow.flow import Flow
from entrepot.ports.state import Plan, PlanStatus
from entrepot.runner.graph import Node, NodeKind

router = APIRouter(tags=["flows"])
BATCHES = 20
FlowName = Annotated[str, Path(max_length=200)]
FlowState = Literal["never run", "up to date", "unfinished", "held", "refused"]


class BatchTick(Shape):
    """One batch in short: for the row of ticks beside a flow."""

    batch: int
    sequence: int
    at: Instant | None
    seconds: float | None
    status: Literal["open", "settled", "voided"]
    received: int | None = None
    accepted: int | None = None
    rejected: int | None = None
    duplicate: int | None = None
    superseded: int = 0
    attempts: int = 0
    note: str | None = None


class FlowItem(Shape):
    """One flow."""

    flow: str
    kind: Literal["source", "model", "kpi"]
    dataset: str
    needs: list[str] = Field(description="datasets that come first")
    state: FlowState
    why: str | None = None
    lag_seconds: float | None = Field(description="since its last batch settled")
    last: list[BatchTick] = Field(description=f"the last {BATCHES} batches, oldest first")


class FlowPage(Page[FlowItem]):
    """Flows in the order in which a run advances them."""


@router.get("/flows", response_model=FlowPage)
def list_flows(
    context: Context,
    state: Annotated[FlowState | None, Field()] = None,
    q: Word = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> FlowPage:
    """List flows, each with its last batches."""
    with context.reading() as platform:
        nodes = [node for node in _nodes(platform) if not q or q.lower() in f"{node.name} {node.target}".lower()]
        now = context.clock.now()
        if state is None:  # then only the part that is sent is looked at
            nodes, next = cut("flows", nodes, cursor, limit, lambda node: node.name)
            return FlowPage(items=[to_flow(platform, node, now) for node in nodes], next=next)
        found = [each for node in nodes if (each := to_flow(platform, node, now)).state == state]
    part, next = cut("flows", found, cursor, limit, lambda item: item.flow)
    return FlowPage(items=part, next=next)


@router.get("/flows/{flow}", response_model=FlowItem)
def get_flow(context: Context, flow: FlowName) -> FlowItem:
    """Show a flow with its last batches."""
    with context.reading() as platform:
        node = next((each for each in _nodes(platform) if flow in (each.name, each.target)), None)
        if node is None:
            raise NotThere(f"there is no flow {flow!r}.", hint="See: GET /api/v1/flows")
        return to_flow(platform, node, context.clock.now())


def _nodes(platform: Platform) -> Sequence[Node]:
    """Everything that a run may do. Before the first run as the files say it: looking makes no state."""
    if platform.lake_exists():
        return platform.nodes
    project, known = platform.project, {str(kpi.dataset) for kpi in platform.project.kpis}
    models = [model for model in project.graph.ordered() if model.kind != "view"]
    return [
        *(Node(source.name, NodeKind.SOURCE, source.dataset, _never, group=source.group) for source in project.sources),
        *(
            Node(str(m.name), NodeKind.KPI if str(m.name) in known else NodeKind.MODEL, str(m.name), _never,
                 frozenset(map(str, m.inputs)))
            for m in models
        ),
    ]  # fmt: skip


def _never() -> Flow:
    raise AssertionError("only looked at")


def to_flow(platform: Platform, node: Node, now: datetime) -> FlowItem:
    """As it is sent."""
    plans = platform.state.plans(flow=node.name, limit=BATCHES) if platform.lake_exists() else []
    settled = [plan.settled_at for plan in plans if plan.settled_at is not None]
    state, why = _state(platform, node, plans)
    return FlowItem(
        flow=node.name,
        kind=node.kind.value,
        dataset=node.target,
        needs=sorted(node.needs),
        state=state,
        why=why,
        lag_seconds=round((now - max(settled)).total_seconds(), 3) if settled else None,
        last=[to_tick(plan) for plan in plans],
    )


def _state(platform: Platform, node: Node, plans: Sequence[Plan]) -> tuple[FlowState, str | None]:
    if not plans:
        return "never run", None
    last = plans[-1]
    if last.status is PlanStatus.OPEN:
        return "unfinished", last.note or f"batch {last.sequence} is not finished after {last.attempts} attempt(s)"
    if last.status is PlanStatus.VOIDED:
        return "refused", last.note
    release = platform.state.latest_release()
    if release is not None and node.target in release.held:
        return "held", release.held[node.target]
    return "up to date", None


def to_tick(plan: Plan) -> BatchTick:
    """As it is sent."""
    counts, begun = plan.counts, plan.planned_at
    ended = plan.settled_at
    return BatchTick(
        batch=plan.batch,
        sequence=plan.sequence,
        at=ended or begun,
        seconds=round((ended - begun).total_seconds(), 3) if ended is not None and begun is not None else None,
        status=plan.status.value,
        received=counts.received if counts else None,
        accepted=counts.accepted if counts else None,
        rejected=counts.rejected if counts else None,
        duplicate=counts.duplicate if counts else None,
        superseded=plan.superseded_rows,
        attempts=plan.attempts,
        note=plan.note,
    )
