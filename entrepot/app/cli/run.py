"""`entrepot run`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path

from rich.markup import escape

from entrepot.app.again import bring_back
from entrepot.app.cli.flow_table import print_flows
from entrepot.app.cli.headlines import print_outcome
from entrepot.app.cli.opening import open_platform
from entrepot.app.cli.output import errors, print_json, say
from entrepot.app.cli.progress import shown
from entrepot.app.cli.quality import print_warnings
from entrepot.app.session import RunReport, run_project
from entrepot.app.wiring import Platform
from entrepot.contracts.model import Contract
from entrepot.contracts.row_rules import Severity
from entrepot.kernel.errors import UsageError
from entrepot.runner.graph import NodeKind
from entrepot.runner.selection import select


def run_command(
    folder: Path,
    selection: Sequence[str],
    *,
    as_json: bool,
    workers: int,
    retry: Sequence[str] = (),
    again: Sequence[Path] = (),
    reason: str | None = None,
    allow: Sequence[str] = (),
    rebuild: Sequence[str] = (),
) -> None:
    """Run and report; exit code 1 when something failed or was refused."""
    with shown(quiet=as_json) as emit:
        platform = open_platform(folder, emit)
        platform.flows.allow = check_allowed(platform, allow)
        wanted = select(platform.nodes, rebuild) if rebuild else []
        platform.flows.models.rebuild |= {node.target for node in wanted if node.kind is not NodeKind.SOURCE}
        select(platform.nodes, retry)
        for file in again:
            warning = bring_back(platform, file, reason)
            if warning is not None:
                errors.print(f"[yellow]warning[/] {escape(warning)}", soft_wrap=True)
        report = run_project(
            platform, [*selection, *retry] if selection else [], workers=workers, forgive=frozenset(retry)
        )
    if as_json:
        print_json(report.to_json())
    else:
        print_report(report, platform.project.contracts)
        print_outcome(platform, report)
        print_next(report)
    if platform.project.schedule.hooks:
        from entrepot.app.scheduling.telling import tell_hooks

        tell_hooks(platform, report)
    if not report.succeeded:
        raise SystemExit(1)


def check_allowed(platform: Platform, patterns: Sequence[str]) -> tuple[str, ...]:
    """The patterns, each of which names something. Raises: UsageError for one that does not."""
    if not patterns:
        return ()
    from entrepot.app.planning import find_leaving  # half of what planning needs is needed by nothing else

    known = sorted(
        {node.target for node in platform.nodes} | platform.flows.views().keys() | set(find_leaving(platform))
    )
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in known):
            near = get_close_matches(pattern, known, n=3)
            raise UsageError(
                f"--allow {pattern} names no dataset.",
                hint=f"Did you mean {' or '.join(near)}?" if near else "See what would be taken away: entrepot plan",
            )
    return tuple(patterns)


def notes(report: RunReport, contracts: Mapping[str, Contract]) -> list[str]:
    """What was not wrong, but should be known: columns without counterpart, rows kept with a warning."""
    found: list[str] = []
    for result in report.results:
        contract = contracts.get(result.node.target)
        warnings = {rule.id for rule in contract.rules if rule.severity is Severity.WARNING} if contract else set()
        kept: Counter[str] = Counter()
        for plan in result.plans:
            found += [f"{result.node.name}: {text}" for text in plan.details.get("notes", ())]
            for rule, rows in plan.details.get("reasons", {}).items():
                kept[rule] += rows if rule in warnings else 0
        found += [
            f"{result.node.name}: {rows:,} row(s) kept with the warning {rule}" for rule, rows in kept.items() if rows
        ]
    return list(dict.fromkeys(found))


def print_report(report: RunReport, contracts: Mapping[str, Contract]) -> None:
    """What each flow did."""
    print_flows(report.results)
    for result in report.results:
        if result.error is not None:
            say(f"\n[red]{result.node.name} failed[/]")
            say(f"  {result.error.message}".replace("[", r"\["))
            if result.error.hint:
                say(f"  {result.error.hint}".replace("[", r"\["))
    for note in notes(report, contracts):
        say(f"[yellow]note[/] {note}")
    for problem in report.problems:
        say("[red]" + problem.replace("[", r"\[") + "[/]")
    print_warnings(report.judgements)


def count_refused(report: RunReport) -> int:
    """Files that at least one flow refused: flows that share a source may refuse the same one."""
    # a refusal is `file: reason`, a flow's name begins with its source's
    return len({(r.node.name.partition(".")[0], text.partition(": ")[0]) for r in report.results for text in r.refused})


def print_next(report: RunReport) -> None:
    """Where to look next."""
    rejected = sum(plan.counts.rejected for r in report.results for plan in r.plans if plan.counts)
    refused = count_refused(report)
    if refused:
        shared = any("." in result.node.name for result in report.results if result.refused)
        where = ", or in processed/ when another dataset of the source took the file" if shared else ""
        say(f"{refused:,} file(s) could not be taken: they lie in rejected/{where}, with a receipt beside each.")
    if rejected:
        say(f"{rejected:,} record(s) broke their contract. See them with: entrepot rejects list")
