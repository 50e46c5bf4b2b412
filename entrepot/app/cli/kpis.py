"""`entrepot kpis`: how each KPI stands, how it stood, whether that is good; with a name its periods."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape

from entrepot.app.cli.kpi_tables import print_outstanding, print_periods, print_standings
from entrepot.app.cli.opening import open_platform_with_data
from entrepot.app.cli.output import console, print_json, say
from entrepot.app.cli.standing import Standing
from entrepot.app.querying import query_release, read_records
from entrepot.app.wiring import Platform
from entrepot.kernel.errors import DataError, UsageError
from entrepot.ports.state import Release
from entrepot.serve.kpis import (
    SCORECARD,
    Direction,
    Kpi,
    format_number,
    select_outstanding,
    select_periods,
    select_scorecard,
)

PERIODS = 14


def show_kpis(folder: Path, name: str | None, at: str | None, *, as_json: bool) -> None:
    """Print every KPI's newest closed period, or one KPI's periods."""
    platform = open_platform_with_data(folder)
    kpi = None if name is None else find_kpi(platform.project.kpis, name)
    release = platform.release_for(at)
    try:
        if kpi is None:
            _show_all(platform, release, as_json=as_json)
        else:
            _show_one(platform, release, kpi, as_json=as_json)
    finally:
        platform.state.unpin(platform.holder)


def find_kpi(kpis: Sequence[Kpi], name: str) -> Kpi:
    """The KPI of that name; its dataset's name is right too. Raises: UsageError that lists what there is."""
    for kpi in kpis:
        if name in (kpi.name, str(kpi.dataset), kpi.dataset.name):
            return kpi
    names = ", ".join(kpi.name for kpi in kpis) or "none; write one to kpis/NAME.yaml"
    raise UsageError(f"there is no KPI {name!r}.", hint=f"There are: {names}.")


def load_standings(platform: Platform, release: Release) -> list[Standing]:
    """How each KPI of the project stands in a release; none for those that the release does not hold yet."""
    if str(SCORECARD) not in release.tables:
        return []
    rows = {row["kpi"]: row for row in _rows(platform, release, select_scorecard(release.at))}
    return [Standing(kpi, rows[kpi.name]) for kpi in platform.project.kpis if kpi.name in rows]


def _show_all(platform: Platform, release: Release, *, as_json: bool) -> None:
    standings = load_standings(platform, release)
    if as_json:
        print_json({"release": release.id, "kpis": [standing.to_json() for standing in standings]})
        return
    if standings:
        print_standings(standings)
    if not console.is_terminal:
        return
    for s in standings:
        if s.row["value"] is None:
            say(f"[dim]{s.kpi.name}: {s.row['reason']}[/]")
    known = {s.kpi.name for s in standings}
    missing = [kpi.name for kpi in platform.project.kpis if kpi.name not in known]
    if missing:
        say(f"no values yet in release {release.id}: {', '.join(missing)}. Compute them with: entrepot run")
    held = release.held.get(str(SCORECARD))
    if held:
        say(f"[yellow]{SCORECARD} stays at its old version:[/] {escape(held)}")
    if not platform.project.kpis:
        say("the project has no KPIs. Write one to kpis/NAME.yaml")
    _say_release(release, "one KPI's periods: entrepot kpis NAME")


def _show_one(platform: Platform, release: Release, kpi: Kpi, *, as_json: bool) -> None:
    if str(kpi.dataset) not in release.tables:
        raise DataError(f"release {release.id} does not hold {kpi.dataset}.", hint="Compute it with: entrepot run")
    periods = _rows(platform, release, select_periods(kpi, release.at, limit=PERIODS)) if kpi.has_total else []
    outstanding = _rows(platform, release, select_outstanding(kpi, release.at)) if len(kpi.grain) > 1 else []
    if as_json:
        print_json(_definition(kpi) | {"release": release.id, "periods": periods, "rows": outstanding})
        return
    if console.is_terminal:
        _print_definition(kpi)
    if periods:
        print_periods(kpi, periods)
    if outstanding:
        say()
        print_outstanding(kpi, outstanding)
    if console.is_terminal:
        _say_release(release, f'all rows: entrepot query "SELECT * FROM {kpi.dataset}"')


def _definition(kpi: Kpi) -> dict[str, Any]:
    bounds = kpi.thresholds
    return {
        "kpi": kpi.name,
        "title": kpi.title,
        "definition": kpi.definition,
        "formula": kpi.formula,
        "grain": list(kpi.grain),
        "every": kpi.every,
        "unit": kpi.unit,
        "owner": kpi.owner,
        "target": kpi.target,
        "direction": kpi.direction,
        "thresholds": None if bounds is None else {"good": bounds.good, "warning": bounds.warning},
        "edge_cases": list(kpi.edge_cases),
    }


def _print_definition(kpi: Kpi) -> None:
    say(f"[bold]{escape(kpi.title)}[/] [dim]({escape(kpi.unit)}; {escape(kpi.owner)}; {kpi.dataset})[/]")
    console.print(escape(kpi.definition))
    if kpi.formula:
        console.print(f"= {escape(kpi.formula)}")
    bounds = kpi.thresholds
    if bounds is not None:
        side = "or more" if bounds.direction is Direction.HIGHER else "or less"
        good, warning = (format_number(number, kpi.format) for number in (bounds.good, bounds.warning))
        of = "of the total" if kpi.adds_up else "of each row and of the total"
        console.print(f"[dim]good: {good} {side}; warning: {warning} {side}; else critical ({of})[/]")
    say()


def _say_release(release: Release, tail: str) -> None:
    say(f"[dim]release {release.id} of {release.at:%Y-%m-%d %H:%M:%S} UTC · {tail}[/]")


def _rows(platform: Platform, release: Release, sql: str) -> list[dict[str, Any]]:
    return read_records(query_release(platform, release, sql).read_all())
