"""Runs: what happened, step by step; and to run now."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path as Folder
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from entrepot.app.http.asked import Caller, Context, Cursor, Limit
from entrepot.app.http.context import ApiContext
from entrepot.app.http.cursors import read_number, read_text, write_cursor
from entrepot.app.http.errors import NotThere
from entrepot.app.http.operations import Done, Line, Progress
from entrepot.app.http.routes.operations import OperationState, to_operation
from entrepot.app.http.shapes import Instant, Page, Shape
from entrepot.app.run_log import COMMIT_POINT, MOST_LINES, read_lines, read_steps
from entrepot.app.session import run_project
from entrepot.kernel.events import Event
from entrepot.ports.state import RunRecord
from entrepot.runner.selection import select

router = APIRouter(tags=["runs"])
RunId = Annotated[str, Path(max_length=100)]
Level = Literal["debug", "info", "warning", "error"]


class RunItem(Shape):
    """One run."""

    id: str
    status: str = Field(description="`running`, `succeeded`, `failed`")
    started_at: Instant
    ended_at: Instant | None
    seconds: float | None
    release: int | None = None
    flows: int = 0
    advanced: int = 0
    failed: int = 0
    received: int = 0
    accepted: int = 0
    rejected: int = 0
    problems: list[str] = Field(default_factory=list)


class RunPage(Page[RunItem]):
    """Runs, newest first."""


class FlowOutcome(Shape):
    """What a run did with one flow."""

    flow: str
    dataset: str
    verdict: str
    seconds: float
    batches: int
    received: int
    accepted: int
    rejected: int
    duplicate: int
    refused: list[str] = Field(default_factory=list)
    held_by: str | None = None
    error_code: str | None = None
    error: str | None = None


class RunDetail(RunItem):
    """One run with each of its flows."""

    outcomes: list[FlowOutcome]
    held: dict[str, str]


class StepItem(Shape):
    """One step of the commit protocol."""

    flow: str = Field(description="empty: the run as a whole")
    batch: int | None
    step: str
    attempt: int
    started_at: Instant
    seconds: float | None = Field(description="null: it has not come to its end")
    side: Literal["before commit", "after commit"] = Field(
        description="before: a kill changed nothing; after: it is done, and settles when it is tried again"
    )


class Steps(Shape):
    """The steps of a run in the order in which they began. Only what changed something leaves steps."""

    items: list[StepItem]


class LogItem(Shape):
    """One line of a run's log."""

    at: Instant
    level: Level
    flow: str
    event: str
    data: dict[str, Any]


class LogPage(Page[LogItem]):
    """Lines, oldest first."""


class CountLine(Shape):
    """What a run counted for one dataset over all its batches so far."""

    dataset: str
    received: int
    live: int
    rejected: int
    duplicate: int
    superseded: int
    unexplained: int


class RunCounts(Shape):
    """The balances that a run checked."""

    items: list[CountLine]


class RunWanted(Shape):
    """What to bring up to date."""

    selection: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        default_factory=list, max_length=500, description="flows, datasets or sources as for `entrepot run`; empty: all"
    )
    reason: str = Field("", max_length=1_000)


@router.get("/runs", response_model=RunPage)
def list_runs(context: Context, limit: Limit = 50, cursor: Cursor = None) -> RunPage:
    """List runs, newest first."""
    before = read_text("runs", cursor)
    with context.reading() as platform:
        if not platform.lake_exists():
            return RunPage(items=[])
        found = platform.state.runs(limit + 1, before=before)
    part = found[:limit]
    next = write_cursor("runs", part[-1].id) if len(found) > limit else None
    return RunPage(items=[to_item(each) for each in part], next=next)


@router.post("/runs", response_model=OperationState, status_code=202)
def start_run(context: Context, caller: Caller, wanted: RunWanted, response: Response) -> OperationState:
    """Run now: everything, or a selection. The operation's result is the run's report."""
    with context.reading() as platform:
        nodes = select(platform.nodes, wanted.selection)
    reason = wanted.reason or f"asked for by {caller.name}"

    def work(progress: Progress) -> Done:
        report = run_here(context, wanted, reason, progress)
        context.facts.forget()
        lines = [Line(flow["flow"], flow["verdict"]) for flow in report["flows"]]
        counts = {name: sum(flow[name] for flow in report["flows"]) for name in ("received", "accepted", "rejected")}
        failed = None if report["status"] == "succeeded" else "the run failed; its report says why"
        return Done(counts, lines, report, failed)

    operation = context.operations.start("run", caller.name, work, reason=reason, total=len(nodes))
    response.headers["Location"] = f"/api/v1/operations/{operation.id}"
    return to_operation(operation)


def run_here(context: ApiContext, wanted: RunWanted, reason: str, progress: Progress) -> Mapping[str, Any]:
    """Run through the process's own runner, else in this thread."""
    if context.run_now is not None:
        return context.run_now(wanted.selection, reason)
    ended: list[str] = []

    def listen(event: Event) -> None:
        context.projects.announce(event)
        if event.name == "node_ended":
            ended.append(event.subject)
            progress(len(ended), total)

    platform = context.projects.platform(listen)
    total = len(select(platform.nodes, wanted.selection))
    return run_project(platform, wanted.selection).to_json()


@router.get("/runs/{id}", response_model=RunDetail)
def get_run(context: Context, id: RunId) -> RunDetail:
    """Show a run with each of its flows."""
    run = _find(context, id)
    return RunDetail(
        **to_item(run).model_dump(),
        outcomes=[_to_outcome(flow) for flow in run.summary.get("flows", ())],
        held=dict(run.summary.get("held", {})),
    )


@router.get("/runs/{id}/steps", response_model=Steps)
def list_run_steps(context: Context, id: RunId) -> Steps:
    """List the steps of the commit protocol that a run took."""
    _find(context, id)
    found, committed = [], set[tuple[str, int | None]]()
    for step in read_steps(_logs(context), id):
        batch = (step.flow, step.batch)
        after = batch in committed or step.step in ("judge", "release")
        if step.step == COMMIT_POINT and step.seconds is not None:
            committed.add(batch)
        found.append(
            StepItem(
                flow=step.flow,
                batch=step.batch,
                step=step.step,
                attempt=step.attempt,
                started_at=step.started_at,
                seconds=step.seconds,
                side="after commit" if after or step.step in ("settle", "acknowledge") else "before commit",
            )
        )
    return Steps(items=found)


@router.get("/runs/{id}/log", response_model=LogPage)
def read_run_log(
    context: Context,
    id: RunId,
    level: Annotated[list[Level] | None, Query(description="Repeat it for several; empty: all.")] = None,
    flow: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_LINES)] = MOST_LINES,
    after: Cursor = None,
) -> LogPage:
    """Read a run's log, oldest first. While it runs, ask again with the last `next` to read on."""
    _find(context, id)
    at = read_number(f"log:{id}", after) or 0
    levels = frozenset(level) if level else None
    lines, next_at = read_lines(_logs(context), id, at, limit=limit, levels=levels, flow=flow)
    items = [
        LogItem(at=line.at, level=line.level, flow=line.flow, event=line.event, data=dict(line.data))  # type: ignore[arg-type]
        for line in lines
    ]
    return LogPage(items=items, next=None if next_at is None else write_cursor(f"log:{id}", next_at))


@router.get("/runs/{id}/counts", response_model=RunCounts)
def count_run(context: Context, id: RunId) -> RunCounts:
    """Show the balances that a run checked: nothing may be unexplained."""
    names = ("received", "live", "rejected", "duplicate", "superseded")
    found = []
    for each in _find(context, id).summary.get("balances", ()):
        figures = {name: int(each[name]) for name in names}
        rest = figures["received"] - sum(figures[name] for name in names[1:])
        found.append(CountLine(dataset=each["dataset"], **figures, unexplained=rest))
    return RunCounts(items=found)


def to_item(run: RunRecord) -> RunItem:
    """As it is sent."""
    flows = run.summary.get("flows", ())
    seconds = (run.ended_at - run.started_at).total_seconds() if run.ended_at is not None else None
    return RunItem(
        id=run.id,
        status=run.status,
        started_at=run.started_at,
        ended_at=run.ended_at,
        seconds=seconds,
        release=run.summary.get("release"),
        flows=len(flows),
        advanced=sum(flow["verdict"] == "advanced" for flow in flows),
        failed=sum(flow["verdict"] == "failed" for flow in flows),
        received=sum(flow["received"] for flow in flows),
        accepted=sum(flow["accepted"] for flow in flows),
        rejected=sum(flow["rejected"] for flow in flows),
        problems=list(run.summary.get("problems", ())),
    )


def _to_outcome(flow: Mapping[str, Any]) -> FlowOutcome:
    error = flow.get("error") or {}
    names = ("flow", "dataset", "verdict", "seconds", "batches", "received", "accepted", "rejected", "duplicate")
    figures: dict[str, Any] = {name: flow[name] for name in names}
    return FlowOutcome(
        **figures,
        refused=list(flow.get("refused", ())),
        held_by=flow.get("held_by"),
        error_code=error.get("code"),
        error=error.get("message"),
    )


def _find(context: ApiContext, id: str) -> RunRecord:
    with context.reading() as platform:
        found = platform.state.run(id) if platform.lake_exists() else None
    if found is None:
        raise NotThere(f"there is no run {id!r}, or it was forgotten.", hint="See: GET /api/v1/runs")
    return found


def _logs(context: ApiContext) -> Folder:
    return context.projects.root / "logs" / "runs"
