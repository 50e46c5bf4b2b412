"""`entrepot check`: everything that can be known without running."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from entrepot.app.cli.opening import open_platform
from entrepot.app.cli.output import print_json, print_table, say
from entrepot.app.project import Source
from entrepot.app.statics import check_header, check_models
from entrepot.app.wiring import Platform
from entrepot.kernel.errors import EntrepotError, ManyErrors


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a waiting file looks like to us; `refused` says why it would not be taken."""

    source: str
    file: str
    finding: str
    refused: bool = False


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
    sniffed = [found for source in project.sources for found in sniff(platform, source)]
    if as_json:
        print_json(
            {
                "project": project.name,
                "errors": [],
                "warnings": list(project.warnings),
                "contracts": sorted(project.contracts),
                "sources": [source.name for source in project.sources],
                "models": [str(model.name) for model in project.models],
                "files": [
                    {"source": s.source, "file": s.file, "sniffed": s.finding, "refused": s.refused} for s in sniffed
                ],
            }
        )
        return
    for warning in project.warnings:
        say(f"[yellow]warning[/] {warning}")
    kpis = len(project.kpis)
    say(
        f"{project.name}: {len(project.contracts)} contracts, {len(project.sources)} sources, "
        f"{len(project.models) - kpis} models, {kpis} KPIs: {_verdict(project.warnings, sniffed)}"
    )
    if sniffed:
        say()
        print_table(
            "Waiting files",
            ("source", "file", "as we would read it"),
            [(s.source, s.file, ("would be refused: " if s.refused else "") + s.finding) for s in sniffed],
        )
    say("\nWhat would run: entrepot plan")


def _verdict(warnings: Sequence[str], waiting: Sequence[Waiting]) -> str:
    refused = sum(one.refused for one in waiting)
    said = [
        f"{len(warnings)} warning(s), see above" if warnings else "",
        f"{refused} waiting file(s) would be refused" if refused else "",
    ]
    return "; ".join(filter(None, said)) + "." if any(said) else "nothing wrong."


def sniff(platform: Platform, source: Source, limit: int = 3) -> list[Waiting]:
    """The dialects of the first few waiting files of a source."""
    from entrepot.intake.sources.files import FilesReader

    reader = platform.flows.source_flow(source).reader
    if not isinstance(reader, FilesReader):
        return []
    found = []
    for name, sniffed in reader.sniff_waiting(limit):
        if isinstance(sniffed, EntrepotError):
            found.append(Waiting(source.name, name, str(sniffed), refused=True))
            continue
        try:
            note = check_header(platform, source.dataset, sniffed.columns, name)
        except EntrepotError as error:
            found.append(Waiting(source.name, name, str(error), refused=True))
            continue
        facts = [sniffed.format, *(f"{key} {value}" for key, value in sniffed.facts.items())]
        found.append(Waiting(source.name, name, ", ".join(facts) + (f" — {note}" if note else "")))
    return found


def _check_sources(platform: Platform) -> list[EntrepotError]:
    """Options of every source, and columns of every model that can be known."""
    errors: list[EntrepotError] = []
    for source in platform.project.sources:
        try:
            platform.flows.source_flow(source)
        except EntrepotError as error:
            errors.append(error)
    return errors or list(check_models(platform))


def _report(errors: list[EntrepotError], *, as_json: bool) -> None:
    if as_json:
        print_json({"errors": [{"code": e.code, "message": e.message, "hint": e.hint} for e in errors]})
    else:
        for error in errors:
            say(f"[red]error[/] {error.message}".replace("[/] ", "[/] ", 1))
            if error.hint:
                say(f"      {error.hint}")
        say(f"\n{len(errors)} error(s).")
    raise SystemExit(2)
