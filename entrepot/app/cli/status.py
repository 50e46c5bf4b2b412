"""`entrepot status`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from entrepot.app.cli.opening import open_platform
from entrepot.app.cli.output import print_json, print_table, say
from entrepot.app.cli.quality import print_standings, standing_to_json
from entrepot.app.quality_desk import QualityDesk, RuleStanding
from entrepot.app.wiring import Platform
from entrepot.kernel.errors import UsageError
from entrepot.kernel.positions import Versions
from entrepot.lake.quality.balance import balance
from entrepot.ports.relations import QueryScan, TableVersion
from entrepot.ports.state import Plan, PlanStatus, Release


@dataclass(frozen=True, slots=True)
class DatasetStatus:
    """Where a dataset stands."""

    dataset: str
    rows: int
    rejected: int
    version: int
    released: int | None
    last_batch_at: datetime | None
    state: str


def show_status(folder: Path, flow: str | None, *, as_json: bool) -> None:
    """Print datasets and releases, or one flow's batches."""
    platform = open_platform(folder)
    if flow is not None:
        _show_flow(platform, flow, as_json=as_json)
        return
    if not platform.lake_exists():
        say("nothing has run yet. See what would: entrepot plan")
        return
    release = platform.state.latest_release()
    desk = QualityDesk(platform)
    waiting = dict.fromkeys(desk.unjudged(), "not judged yet: entrepot run")
    holds, standings = waiting | {name: f"held: {why}" for name, why in desk.holds().items()}, desk.standings()
    versions = platform.flows.versions()
    datasets = [_dataset(platform, name, version, release, holds) for name, version in versions.items()]
    if as_json:
        print_json(_to_json(platform, datasets, release, standings))
        return
    columns = ("dataset", "rows", "rejected", "version", "released", "last batch (UTC)", "state")
    rows = [
        (d.dataset, d.rows, d.rejected or None, d.version, d.released, _time(d.last_batch_at), d.state)
        for d in datasets
    ]
    print_table(platform.project.name, columns, rows, right=("rows", "rejected", "version", "released"))
    say()
    odd = [standing for standing in standings if standing.verdict != "passed"]
    if odd:
        print_standings(odd)
        say("More of them, and what can be done: entrepot quality\n")
    refused = [plan for plan in platform.state.plans(status=PlanStatus.VOIDED) if "unreadable: " in (plan.note or "")]
    if refused:
        rows_of = [
            (plan.flow, _time(plan.planned_at), (plan.note or "").removeprefix("unreadable: ")) for plan in refused[-5:]
        ]
        print_table("Refused files (each has a receipt in rejected/)", ("flow", "at (UTC)", "files"), rows_of)
        say()
    releases = platform.state.releases(5)
    print_table(
        "Releases",
        ("release", "at (UTC)", "run", "held"),
        [(r.id, _time(r.at), r.run, ", ".join(r.held) or None) for r in releases],
    )


def _dataset(
    platform: Platform, name: str, version: int, release: Release | None, holds: Mapping[str, str]
) -> DatasetStatus:
    totals = platform.state.totals(name)
    scan = QueryScan("SELECT count(*) AS n FROM q.t", {"q.t": TableVersion(name, version)})
    live = platform.engine.query(scan).batches().read_all()["n"][0].as_py()
    figures = balance(name, totals, live)
    open_plans = platform.state.plans(target=name, status=PlanStatus.OPEN)
    if open_plans:
        state = f"batch {open_plans[0].sequence} of {open_plans[0].flow} is not finished"
    elif not figures.closes:
        state = f"the balance does not close — {figures}"
    elif name in holds:
        state = holds[name]
    elif release is not None and name in release.held and not _is_judged_anew(release.held[name]):
        state = f"held: {release.held[name]}"
    else:
        state = "ok"
    released = release.tables.get(name) if release else None
    return DatasetStatus(name, live, figures.rejected, version, released, totals.settled_at, state)


def _is_judged_anew(why: str) -> bool:
    """True for a reason that a rule gave when the release was decided: what rules say now is asked of the state."""
    return ": entrepot quality " in why


def _show_flow(platform: Platform, name: str, *, as_json: bool) -> None:
    names = {node.name for node in platform.nodes if name in (node.name, node.target)}
    if not names:
        raise UsageError(f"nothing is named {name!r}.", hint="See all with: entrepot status")
    plans = sorted(
        (plan for flow in names for plan in platform.state.plans(flow=flow, limit=30)), key=lambda p: p.batch
    )
    if as_json:
        print_json([_plan_to_json(plan) for plan in plans])
        return
    rows = []
    for plan in plans:
        counts = plan.counts
        figures = (counts.received, counts.accepted, counts.rejected, counts.duplicate) if counts else (None,) * 4
        rows.append(
            (
                plan.flow,
                plan.sequence,
                plan.status.value,
                *figures,
                plan.superseded_rows or None,
                plan.attempts,
                plan.note or _say_why(plan),
            )
        )
    columns = (
        "flow",
        "batch",
        "status",
        "received",
        "accepted",
        "rejected",
        "duplicate",
        "superseded",
        "attempts",
        "note",
    )
    print_table(f"Batches of {name}", columns, rows, right=columns[3:9])


def _say_why(plan: Plan) -> str | None:
    """Why there was a batch; and that all was computed after all, where the engine found that quicker or a key in the way."""
    position = plan.draft.position
    planned_in_part = isinstance(position, Versions) and position.way == "keys"
    if planned_in_part and plan.status is PlanStatus.SETTLED and plan.details.get("keys") is None:
        return f"{plan.draft.reason}; in the end all was computed"
    return plan.draft.reason


def _plan_to_json(plan: Plan) -> dict[str, Any]:
    from entrepot.flow.commit import counts_to_json, plan_to_json

    return plan_to_json(plan) | {
        "status": plan.status.value,
        "counts": counts_to_json(plan.counts) if plan.counts else None,
        "superseded_rows": plan.superseded_rows,
        "attempts": plan.attempts,
        "version": plan.version,
        "note": plan.note,
        "details": dict(plan.details),
    }


def _to_json(
    platform: Platform, datasets: list[DatasetStatus], release: Release | None, standings: list[RuleStanding]
) -> dict[str, Any]:
    return {
        "project": platform.project.name,
        "release": release.id if release else None,
        "datasets": [
            {
                "dataset": d.dataset,
                "rows": d.rows,
                "rejected": d.rejected,
                "version": d.version,
                "released": d.released,
                "last_batch_at": d.last_batch_at,
                "state": d.state,
            }
            for d in datasets
        ],
        "quality": [standing_to_json(standing) for standing in standings if standing.verdict != "passed"],
        "runs": [{"run": r.id, "status": r.status, "started_at": r.started_at} for r in platform.state.runs(10)],
    }


def _time(value: datetime | None) -> str | None:
    return None if value is None else f"{value:%Y-%m-%d %H:%M:%S}"
