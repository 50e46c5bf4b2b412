"""A run from end to end: advance the flows, check the balances, publish a release, leave a marker."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from entrepot.app.upkeep import tend
from entrepot.app.wiring import Platform
from entrepot.flow.rejects import quarantine_name
from entrepot.kernel.errors import UsageError
from entrepot.kernel.events import Event
from entrepot.kernel.ids import new_run_id
from entrepot.kernel.points import reached
from entrepot.kernel.positions import Versions
from entrepot.lake.quality.balance import Balance, balance
from entrepot.lake.releases.policy import Candidates, decide_release
from entrepot.ports.relations import QueryScan, TableVersion
from entrepot.ports.state import PlanStatus, Release, RunRecord
from entrepot.runner.execute import NodeResult, Verdict, execute
from entrepot.runner.graph import Node, select


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run did."""

    id: str
    results: Sequence[NodeResult]
    balances: Sequence[Balance]
    release: Release | None
    seconds: float
    problems: Sequence[str] = field(default=())

    @property
    def succeeded(self) -> bool:
        """True when nothing failed and nothing was refused."""
        clean = all(not r.refused and r.verdict is not Verdict.FAILED for r in self.results)
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
            "problems": list(self.problems),
        }


def run_project(
    platform: Platform, patterns: Sequence[str] = (), *, workers: int = 2, forgive: frozenset[str] = frozenset()
) -> RunReport:
    """Bring the project (or the selected part) up to date, once.

    Raises: UsageError when a pattern names nothing.
    """
    nodes = select_nodes(platform.nodes, patterns)
    started = platform.clock.now()
    run = new_run_id(started)
    platform.state.start_run(RunRecord(run, started, None, "running"))
    results = execute(nodes, platform.services, workers=workers, forgive=forgive)
    balances = check_balances(platform, [r.node.target for r in results if r.plans])
    problems = [f"the balance does not close — {b}" for b in balances if not b.closes]
    release = publish(platform, run, results, {b.dataset for b in balances if not b.closes})
    seconds = (platform.clock.now() - started).total_seconds()
    report = RunReport(run, results, balances, release, seconds, problems)
    platform.state.end_run(
        run,
        status="succeeded" if report.succeeded else "failed",
        at=platform.clock.now(),
        summary=report.to_json(),
    )
    tend(platform, [name for b in balances for name in (b.dataset, quarantine_name(b.dataset))])
    write_marker(platform.project.root / "logs" / "refresh_completed", report)
    return report


def select_nodes(nodes: Sequence[Node], patterns: Sequence[str]) -> list[Node]:
    """As `runner.graph.select`, with an error for people."""
    try:
        return select(nodes, patterns)
    except KeyError as error:
        names = ", ".join(node.name for node in nodes)
        raise UsageError(f"nothing is named {error.args[0]!r}.", hint=f"There are: {names}.") from error


def check_balances(platform: Platform, datasets: Sequence[str]) -> list[Balance]:
    """Count the rows of each table that changed and hold them against its batches."""
    found = []
    for name in dict.fromkeys(datasets):
        version = TableVersion(name, platform.state.durable_version(name))
        scan = QueryScan("SELECT count(*) AS n FROM q.t", {"q.t": version})
        live = platform.engine.query(scan).batches().read_all()["n"][0].as_py()
        found.append(balance(name, platform.state.plans(target=name), live))
    return found


def publish(platform: Platform, run: str, results: Sequence[NodeResult], unbalanced: set[str]) -> Release | None:
    """Publish what settled; what failed, and what descends from it, stays as it was."""
    failed = {r.node.target: str(r.error.message) for r in results if r.error is not None}
    failed |= dict.fromkeys(unbalanced, "its counts do not close")
    open_plans = platform.state.plans(status=PlanStatus.OPEN)
    failed |= {p.draft.target: f"batch {p.sequence} of {p.flow} is not finished" for p in open_plans}
    failed |= _waiting_for_models(platform, {r.node.name for r in results}, failed)
    graph = platform.project.graph
    inputs = {str(model.name): [str(name) for name in model.inputs] for model in graph.ordered()}
    previous = platform.state.latest_release()
    versions, views = platform.flows.versions(), platform.flows.views()
    retired = (
        {name for name in [*previous.tables, *previous.views] if name not in versions | views} if previous else set()
    )
    decision = decide_release(previous, Candidates(versions, views, failed, retired), inputs)
    if not decision.publish:
        return None
    reached("release.before")
    release = platform.state.publish(
        run=run, at=platform.clock.now(), tables=decision.tables, views=decision.views, held=decision.held
    )
    reached("release.after")
    platform.emit(Event("release_published", str(release.id), {"datasets": len(release.tables)}))
    return release


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
