"""`entrepot check`: everything that can be known without running."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape

from entrepot.app.cli.opening import open_platform
from entrepot.app.cli.output import print_json, say
from entrepot.app.cli.waiting import WaitingFile, find_waiting, print_waiting
from entrepot.app.live_statics import find_live_errors, find_secret_warnings
from entrepot.app.model_tests.runs import load_project_tests
from entrepot.app.statics import check_models, find_order_warnings
from entrepot.app.wiring import Platform
from entrepot.kernel.errors import EntrepotError, ManyErrors


def check_project(folder: Path, *, as_json: bool) -> None:
    """Print all errors, or what the project consists of; exit code 2 when something is wrong."""
    try:
        platform = open_platform(folder)
        errors = _check_sources(platform)
    except ManyErrors as error:
        _report(list(error.errors), as_json=as_json)
        return
    if errors:
        _report(errors, as_json=as_json)
        return
    project = platform.project
    warnings = [*project.warnings, *find_order_warnings(project), *find_secret_warnings(platform)]
    waiting = [found for source in project.sources for found in find_waiting(platform, source)]
    if as_json:
        print_json(
            {
                "project": project.name,
                "errors": [],
                "warnings": warnings,
                "contracts": sorted(project.contracts),
                "sources": [source.name for source in project.sources],
                "models": [str(model.name) for model in project.models],
                "files": [file.to_json() for file in waiting],
            }
        )
        return
    for warning in warnings:
        say(f"[yellow]warning[/] {escape(warning)}")
    kpis = len(project.kpis)
    written = len(project.models) - kpis - bool(kpis)  # the scorecard is nobody's file
    say(
        f"{project.name}: {len(project.contracts)} contracts, {len(project.sources)} sources, "
        f"{written} models, {kpis} KPIs: {_verdict(warnings, waiting)}"
    )
    print_waiting(waiting)
    say("\nWhat would run: entrepot plan")


def _verdict(warnings: Sequence[str], waiting: Sequence[WaitingFile]) -> str:
    refused = sum(file.refusal is not None for file in waiting)
    unclear = sum(file.must_be_looked_at for file in waiting)
    said = [
        f"{len(warnings)} warning(s), see above" if warnings else "",
        f"{refused} waiting file(s) would be refused" if refused else "",
        f"{unclear} waiting file(s) should be looked at" if unclear else "",
    ]
    return "; ".join(filter(None, said)) + "." if any(said) else "nothing wrong."


def _check_sources(platform: Platform) -> list[EntrepotError]:
    """Options of every source, what tests say, and columns of every model that can be known."""
    errors: list[EntrepotError] = []
    for source in platform.project.sources:
        try:
            platform.flows.source_flow(source)
        except EntrepotError as error:
            errors.append(error)
    if not errors:
        errors.extend(find_live_errors(platform))
    try:
        load_project_tests(platform.project.root)
    except EntrepotError as error:
        errors.extend(getattr(error, "errors", None) or [error])
    return errors or list(check_models(platform))


def _report(errors: list[EntrepotError], *, as_json: bool) -> None:
    if as_json:
        print_json({"errors": [{"code": e.code, "message": e.message, "hint": e.hint} for e in errors]})
    else:
        for error in errors:
            say(f"[red]error[/] {escape(error.message)}")
            if error.hint:
                say(f"      {escape(error.hint)}")
        say(f"\n{len(errors)} error(s).")
    raise SystemExit(2)
