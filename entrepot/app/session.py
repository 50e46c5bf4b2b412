"""A run from end to end: advance the flows, check the balances, publish a release, leave a marker."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from entrepot.app.quality_desk import find_inputs, pass_gate
from entrepot.app.run_log import recorded
from entrepot.app.upkeep import tend
from entrepot.app.wiring import Platform
from entrepot.flow.rejects import quarantine_name
from entrepot.kernel.errors import ConflictError
from entrepot.kernel.events import Event
from entrepot.kernel.ids import new_run_id
from entrepot.kernel.points import reached
from entrepot.kernel.positions import Versions
from entrepot.lake.quality.balance import Balance, balance
from entrepot.lake.releases.policy import Candidates, decide_release
from entrepot.ports.quality import Judgement
from entrepot.ports.state import PlanStatus, Release, RunRecord
from entrepot.runner.execute import NodeResult, Verdict, execute, say_trace
from entrepot.runner.graph import Node, NodeKind
from entrepot.runner.selection import select


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run did."""

    id: str
    results: Sequence[NodeResult]
    balances: Sequence[Balance]
    release: Release | None
    seconds: float
    problems: Sequence[str] = field(default=())
    held: Mapping[str, str] = field(default_factory=dict)
    """dataset → why it stays at its old version, also when nothing was released."""
    judgements: Sequence[Judgement] = field(default=())

    @property
    def succeeded(self) -> bool:
        """True when nothing failed, nothing was refused, and no rule holds a dataset."""
        bad = (Verdict.FAILED, Verdict.CANCELLED)
        clean = all(not r.refused and r.verdict not in bad for r in self.results)
        return clean and not self.problems

    def to_json(self) -> dict[str, Any]:
        """For machines, and for the marker file."""
        return {
            "run": self.id,
            "status": "succeeded" if self.succeeded else "failed",
            "seconds": round(self.seconds, 3),
            "release": self.release.id if self.release else None,
            "flows": [_result_to_json(result) for result in self.results],
            "balances": [
                {
                    "dataset": b.dataset,
                    "received": b.received,
                    "live": b.live,
                    "rejected": b.rejected,
                    "duplicate": b.duplicate,
                    "superseded": b.superseded,
                    "closes": b.closes,
                }
                for b in self.balances
            ],
            "held": dict(self.held),
            "quality": [_judgement_to_json(judgement) for judgement in self.judgements],
            "problems": list(self.problems),
        }


def run_project(
    platform: Platform,
    patterns: Sequence[str] = (),
    *,
    workers: int = 2,
    forgive: frozenset[str] = frozenset(),
    is_micro: bool = False,
) -> RunReport:
    """Bring the project (or the selected part) up to date, once.

    Args: is_micro: one of thousands a day: each flow takes one batch at most, neither marker nor log is left, and what stays in the state is
        thinned out after an hour.
    Raises: UsageError when a pattern names nothing.
    """
    nodes = select(platform.nodes, patterns)
    started = platform.clock.now()
    run = new_run_id(started)
    platform.state.start_run(RunRecord(run, started, None, "running", is_micro=is_micro))
    logs = platform.project.root / "logs" / "runs"
    with nullcontext() if is_micro else recorded(logs, run, platform.clock, platform.listeners):
        return _carry_out(platform, run, started, nodes, workers, forgive, is_micro=is_micro)


def _carry_out(
    platform: Platform,
    run: str,
    started: datetime,
    nodes: Sequence[Node],
    workers: int,
    forgive: frozenset[str],
    *,
    is_micro: bool,
) -> RunReport:
    try:
        results = execute(
            nodes,
            platform.services,
            workers=workers,
            forgive=forgive,
            cancel=platform.cancel,
            gate=platform.gate,
            one_batch=is_micro,
        )
    finally:
        platform.shared_views.close()
    _keep_traces(platform, run, results)
    balances = check_balances(platform, [r.node.target for r in results if r.plans])
    problems = [f"the balance does not close — {b}" for b in balances if not b.closes]
    outcome = publish(platform, run, results, {b.dataset for b in balances if not b.closes})
    problems += [f"the release of {name} is held: {why}" for name, why in outcome.broken.items()]
    seconds = (platform.clock.now() - started).total_seconds()
    report = RunReport(run, results, balances, outcome.release, seconds, problems, outcome.held, outcome.judgements)
    platform.state.end_run(
        run,
        status="succeeded" if report.succeeded else "failed",
        at=platform.clock.now(),
        summary=report.to_json(),
    )
    tend(platform, [name for b in balances for name in (b.dataset, quarantine_name(b.dataset))])
    if not is_micro:
        write_marker(platform.project.root / "logs" / "refresh_completed", report)
    return report


def _keep_traces(platform: Platform, run: str, results: Sequence[NodeResult]) -> None:
    """Write down where unexpected errors were raised, for whoever mends them."""
    crashed = [
        (r.node.name, r.error.__cause__) for r in results if r.error is not None and r.error.code == "run.unexpected"
    ]
    texts = [f"{run} {name}\n{say_trace(error)}\n" for name, error in crashed if error is not None]
    if texts:
        path = platform.project.root / "logs" / "unexpected.log"
        path.parent.mkdir(exist_ok=True)
        with path.open("a", encoding="utf-8") as log:
            log.writelines(texts)


def check_balances(platform: Platform, datasets: Sequence[str]) -> list[Balance]:
    """Hold the rows of each table that changed, as its log has them, against its batches: the committer has counted each file."""
    found = []
    for name in dict.fromkeys(datasets):
        live = platform.tables.rows(name, platform.state.durable_version(name))
        found.append(balance(name, platform.state.totals(name), live))
    return found


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of deciding a release."""

    release: Release | None
    held: Mapping[str, str]
    broken: Mapping[str, str]
    """Those of `held` whose own rules hold them."""
    judgements: Sequence[Judgement]


def publish(platform: Platform, run: str, results: Sequence[NodeResult], unbalanced: set[str]) -> Outcome:
    """Judge and publish what settled; what failed, what broke a rule, and what descends from either, stays as it was.

    Judging takes time: where another run released meanwhile, all is decided again, or the release would go back.
    """
    while (outcome := _try_to_publish(platform, run, results, unbalanced)) is None:
        pass
    return outcome


def _try_to_publish(
    platform: Platform, run: str, results: Sequence[NodeResult], unbalanced: set[str]
) -> Outcome | None:
    """Decide and publish; None when another run released meanwhile."""
    failed = {r.node.target: str(r.error.message) for r in results if r.error is not None}
    failed |= dict.fromkeys(unbalanced, "its counts do not close")
    known = {node.target for node in platform.nodes}
    open_plans = [plan for plan in platform.state.plans(status=PlanStatus.OPEN) if plan.draft.target in known]
    failed |= {p.draft.target: f"batch {p.sequence} of {p.flow} is not finished" for p in open_plans}
    failed |= _emptied(platform)
    failed |= _waiting_for_models(
        platform, {r.node.name for r in results if r.verdict is not Verdict.CANCELLED}, failed
    )
    previous, versions = platform.state.latest_release(), platform.flows.versions()
    reached("judge.before")
    passage = pass_gate(platform, run, previous, versions, failed)
    reached("judge.after")
    views = platform.flows.views()
    gone = {name for name in [*previous.tables, *previous.views] if name not in versions | views} if previous else set()
    retired = {name for name in gone if platform.flows.is_allowed(name)}
    failed = passage.held | failed | {name: _say_leaving(name) for name in gone - retired}
    decision = decide_release(previous, Candidates(versions, views, failed, retired), find_inputs(platform))
    if not decision.publish:
        return Outcome(None, decision.held, passage.held, passage.all())
    reached("release.before")
    try:
        release = platform.state.publish(
            run=run,
            at=platform.clock.now(),
            tables=decision.tables,
            views=decision.views,
            held=decision.held,
            after=previous,
        )
    except ConflictError:
        return None
    reached("release.after")
    platform.announce(Event("release_published", str(release.id), {"datasets": len(release.tables)}))
    return Outcome(release, decision.held, passage.held, passage.all())


def _emptied(platform: Platform) -> dict[str, str]:
    """Models that lost all their rows because each one was rejected; where the contract says how many rejects it bears, that counts."""
    found = {}
    for node in platform.nodes:
        contract = platform.project.contracts.get(node.target)
        if node.kind is NodeKind.SOURCE or contract is None or contract.max_rejects is not None:
            continue
        for plan in platform.state.plans(flow=node.name, status=PlanStatus.SETTLED, limit=1):
            counts = plan.counts
            if (
                counts is not None
                and counts.rejected
                and not counts.accepted
                and plan.draft.mode.get("kind") == "replace"
            ):
                found[node.target] = (
                    f"all {counts.rejected:,} rows of its last batch were rejected: entrepot rejects list"
                )
    return found


def _say_leaving(name: str) -> str:
    return f"it is no longer in the project, and stays as it was until somebody says: entrepot run --allow {name}"


def _waiting_for_models(platform: Platform, ran: set[str], failed: Mapping[str, str]) -> dict[str, str]:
    """Inputs that moved on while a released model that reads them was not part of the run: both stay, so that readers see no half refresh."""
    previous = platform.state.latest_release()
    waiting: dict[str, str] = {}
    for node in platform.nodes:
        if previous is None or node.name in ran or node.name in failed or node.target not in previous.tables:
            continue
        position = platform.state.last_position(node.name)
        if not isinstance(position, Versions):
            continue
        for name, seen in position.upto.items():
            if platform.state.durable_version(name) > max(seen, previous.tables.get(name, -1)):
                waiting[name] = f"{node.name}, which is made from it, was not part of the run: entrepot run"
    return waiting


def write_marker(folder: Path, report: RunReport) -> Path:
    """Leave `logs/refresh_completed/<run>.json`, written aside, synced and renamed."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{report.id}.json"
    aside = folder / f".{report.id}.tmp"
    with aside.open("w", encoding="utf-8") as file:
        json.dump(report.to_json(), file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    aside.rename(path)
    return path


def _judgement_to_json(judgement: Judgement) -> dict[str, Any]:
    return {
        "dataset": judgement.dataset,
        "version": judgement.version,
        "kind": judgement.kind,
        "run": judgement.run,
        "at": judgement.at.isoformat(),
        "results": [asdict(result) for result in judgement.results],
    }


def _result_to_json(result: NodeResult) -> dict[str, Any]:
    plans = result.plans
    counts = [plan.counts for plan in plans if plan.counts is not None]
    return {
        "flow": result.node.name,
        "dataset": result.node.target,
        "verdict": result.verdict.value,
        "seconds": round(result.seconds, 3),
        "batches": len(plans),
        "received": sum(c.received for c in counts),
        "accepted": sum(c.accepted for c in counts),
        "rejected": sum(c.rejected for c in counts),
        "duplicate": sum(c.duplicate for c in counts),
        "refused": list(result.refused),
        "error": None if result.error is None else {"code": result.error.code, "message": str(result.error)},
        "held_by": result.held_by,
    }
