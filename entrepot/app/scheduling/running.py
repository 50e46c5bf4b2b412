"""One firing carried out as a run of the project, and what a run's report means for retries and hooks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Protocol

from entrepot.app.project import open_project
from entrepot.app.session import RunReport, run_project
from entrepot.app.wiring import Platform
from entrepot.kernel.errors import UsageError
from entrepot.kernel.events import Emit, ignore
from entrepot.ports.schedule import Firing
from entrepot.runner.cancel import CancelToken
from entrepot.runner.execute import Verdict
from entrepot.runner.graph import NodeKind
from entrepot.runner.hooks import RunFacts
from entrepot.runner.retries import FlowOutcome


class Run(Protocol):
    """Carries out one firing. Called in a thread of its own; two firings may be carried out at once."""

    def __call__(self, selection: Sequence[str], reason: str, firing: Firing, cancel: CancelToken) -> RunReport:
        """Run the selection once; stop between batches when `cancel` says so."""
        ...


class ProjectRun:
    """Opens the project anew for each firing: the run sees the files as they are, and holds leases as nobody else does."""

    def __init__(self, root: Path, emit: Emit = ignore, *, workers: int = 2) -> None:
        self._root = root
        self._emit = emit
        self._workers = workers

    def __call__(self, selection: Sequence[str], reason: str, firing: Firing, cancel: CancelToken) -> RunReport:
        """Run the selection."""
        platform = Platform(open_project(self._root), self._emit)
        platform.cancel = cancel
        try:
            return run_project(platform, selection, workers=self._workers)
        finally:
            close_platform(platform)


def close_platform(platform: Platform) -> None:
    """Close the databases that a platform opened."""
    for name in ("state", "schedule", "stores"):
        opened = platform.__dict__.get(name)
        close: Callable[[], None] | None = getattr(opened, "close", None)
        if close is not None:
            with suppress(Exception):  # what is closed at the end of a run was durable before
                close()


def find_outcomes(report: RunReport) -> list[FlowOutcome]:
    """What a retry is decided by."""
    return [
        FlowOutcome(
            name=result.node.name,
            target=result.node.target,
            code=None if result.error is None else result.error.code,
            held_by=result.held_by if result.verdict is Verdict.HELD else None,
        )
        for result in report.results
    ]


def find_facts(report: RunReport, at: datetime, release: int | None) -> RunFacts:
    """What hooks are told: figures of sources, names and codes."""
    counts = [
        plan.counts
        for result in report.results
        if result.node.kind is NodeKind.SOURCE
        for plan in result.plans
        if plan.counts is not None
    ]
    rejected = [plan.counts.rejected for result in report.results for plan in result.plans if plan.counts is not None]
    return RunFacts(
        run=report.id,
        succeeded=report.succeeded,
        ended_at=at,
        release=report.release.id if report.release else release,
        seconds=report.seconds,
        received=sum(each.received for each in counts),
        accepted=sum(each.accepted for each in counts),
        rejected=sum(rejected),
        refused=sum(len(result.refused) for result in report.results),
        failed=tuple((r.node.name, r.error.code) for r in report.results if r.error is not None),
        held=tuple(report.held),
    )


def check_selection(platform: Platform, patterns: Sequence[str]) -> None:
    """Raises: UsageError when a pattern of a trigger names nothing."""
    from entrepot.runner.selection import select

    try:
        select(platform.nodes, patterns)
    except UsageError as error:
        raise UsageError(f"the trigger's run: {error.message}", hint=error.hint) from error
