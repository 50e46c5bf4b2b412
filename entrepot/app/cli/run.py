"""`entrepot run`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from entrepot.app.again import bring_back
from entrepot.app.cli.headlines import print_kpis
from entrepot.app.cli.opening import open_platform
from entrepot.app.cli.output import print_json, print_table, say
from entrepot.app.cli.progress import shown
from entrepot.app.session import RunReport, run_project, select_nodes
from entrepot.contracts.model import Contract, Severity
from entrepot.runner.execute import NodeResult, Verdict


def run_command(
    folder: Path,
    selection: Sequence[str],
    *,
    as_json: bool,
    workers: int,
    retry: Sequence[str] = (),
    again: Sequence[Path] = (),
    reason: str | None = None,
) -> None:
    """Run and report; exit code 1 when something failed or was refused."""
    with shown(quiet=as_json) as emit:
        platform = open_platform(folder, emit)
        select_nodes(platform.nodes, retry)
        for file in again:
            bring_back(platform, file, reason)
        report = run_project(
            platform, [*selection, *retry] if selection else [], workers=workers, forgive=frozenset(retry)
        )
    if as_json:
        print_json(report.to_json())
    else:
        print_report(report, platform.project.contracts)
        print_kpis(platform, report)
        print_next(report)
    if not report.succeeded:
        raise SystemExit(1)


def notes(report: RunReport, contracts: Mapping[str, Contract]) -> list[str]:
    """What was not wrong, but should be known: columns without counterpart, rows kept with a warning."""
    found: list[str] = []
    for result in report.results:
        contract = contracts.get(result.node.target)
        warnings = {rule.id for rule in contract.rules if rule.severity is Severity.WARNING} if contract else set()
        for plan in result.plans:
            found += [f"{result.node.name}: {text}" for text in plan.details.get("notes", ())]
            for rule, rows in plan.details.get("reasons", {}).items():
                if rule in warnings:
                    found.append(f"{result.node.name}: {rows:,} row(s) kept with the warning {rule}")
    return list(dict.fromkeys(found))


def print_report(report: RunReport, contracts: Mapping[str, Contract]) -> None:
    """What each flow did."""
    columns = ("flow", "into", "what happened", "received", "accepted", "rejected", "duplicate", "s")
    print_table(None, columns, [_row(result) for result in report.results], right=columns[3:])
    for result in report.results:
        if result.error is not None:
            say(f"\n[red]{result.node.name} failed[/]")
            say(f"  {result.error.message}".replace("[", r"\["))
            if result.error.hint:
                say(f"  {result.error.hint}".replace("[", r"\["))
    for note in notes(report, contracts):
        say(f"[yellow]note[/] {note}")
    for problem in report.problems:
        say(f"[red]{problem}[/]")
    released = f"release {report.release.id} published" if report.release else "nothing new to release"
    say(f"\n{released} · {report.seconds:.1f} s")
    if report.release:
        for name, why in report.release.held.items():
            say(f"[yellow]{name} stays at its old version:[/] {why}")


def print_next(report: RunReport) -> None:
    """Where to look next."""
    rejected = sum(plan.counts.rejected for r in report.results for plan in r.plans if plan.counts)
    refused = sum(len(result.refused) for result in report.results)
    if refused:
        say(f"{refused} file(s) could not be taken: they lie in rejected/ with a receipt beside each.")
    if rejected:
        say(f"{rejected:,} record(s) broke their contract. See them with: entrepot rejects list")


def _row(result: NodeResult) -> tuple[object, ...]:
    counts = [plan.counts for plan in result.plans if plan.counts is not None]
    if result.verdict is Verdict.HELD:
        text = f"held: waits for {result.held_by}"
    elif result.verdict is Verdict.ADVANCED:
        text = "1 batch" if len(result.plans) == 1 else f"{len(result.plans)} batches"
    else:
        text = result.verdict.value
    if result.refused:
        text += f", {len(result.refused)} refused"
    figures: tuple[object, ...] = (None, None, None, None)
    if counts:
        figures = (
            sum(c.received for c in counts),
            sum(c.accepted for c in counts),
            sum(c.rejected for c in counts) or None,
            sum(c.duplicate for c in counts) or None,
        )
    dataset = result.node.target if result.node.target != result.node.name else None
    return (result.node.name, dataset, text, *figures, f"{result.seconds:.2f}")
