"""The outcome of a run in a few lines: datasets, rows, rejects, release, how each KPI stands."""

from __future__ import annotations

from rich.markup import escape

from entrepot.app.cli.kpi_tables import print_standings
from entrepot.app.cli.kpis import load_standings
from entrepot.app.cli.output import say
from entrepot.app.session import RunReport
from entrepot.app.wiring import Platform
from entrepot.runner.execute import NodeResult, Verdict
from entrepot.runner.graph import NodeKind


def print_outcome(platform: Platform, report: RunReport) -> None:
    """Print what a run came to; the KPIs when it published a release that holds them."""
    say()
    for line in outcome_lines(report):
        say(line)
    for name, why in report.held.items():
        say(f"[yellow]{name} stays at its old version:[/] {escape(why)}")
    if report.release is None:
        return
    standings = load_standings(platform, report.release)
    if standings:
        say()
        print_standings(standings)
        say()


def outcome_lines(report: RunReport) -> list[str]:
    """Datasets that moved, rows that came, what was not taken, the release; in as many lines as there is something to say."""
    moved = [result for result in report.results if result.plans]
    sources = [result for result in report.results if result.node.kind is NodeKind.SOURCE]
    received, accepted, rejected, duplicate = _sums(sources)
    lines = []
    if moved:
        lines.append(f"{len(moved)} of {len(report.results)} datasets have changed · {report.seconds:.1f} s")
    if received:
        parts = [f"{received:,} rows came: {accepted:,} accepted", f"{rejected:,} rejected"]
        lines.append(", ".join([*parts, *([f"{duplicate:,} duplicate"] if duplicate else [])]))
    failed = [r.node.name for r in report.results if r.verdict is Verdict.FAILED]
    held = [r.node.name for r in report.results if r.verdict is Verdict.HELD]
    if failed:
        lines.append(f"[red]{len(failed)} failed:[/] {', '.join(failed)}" + _waiting(held))
    if report.release is not None:
        lines.append(f"release {report.release.id} published: {len(report.release.tables)} tables readers now see")
    else:
        lines.append(f"nothing new to release · {report.seconds:.1f} s")
    return lines


def _waiting(held: list[str]) -> str:
    return f"; {len(held)} wait for them: {', '.join(held)}" if held else ""


def _sums(results: list[NodeResult]) -> tuple[int, int, int, int]:
    counts = [plan.counts for result in results for plan in result.plans if plan.counts is not None]
    return (
        sum(c.received for c in counts),
        sum(c.accepted for c in counts),
        sum(c.rejected for c in counts),
        sum(c.duplicate for c in counts),
    )
