"""What a report says, as values: each KPI with its definition, its periods and how far they are complete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from entrepot.app.docs_site.facts import KpiEntry, PeriodFigures
from entrepot.app.docs_site.kpi_values import read_periods
from entrepot.app.wiring import Platform, read_pins
from entrepot.kernel.errors import UsageError
from entrepot.ports.state import Release
from entrepot.serve.kpis import SCORECARD, Kpi

FORMATS = ("html", "pdf", "xlsx")


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """One report."""

    project: str
    description: str
    zone: str
    release: int
    released_at: datetime
    kpis: tuple[KpiEntry, ...]
    held: tuple[tuple[str, str], ...] = ()
    """(KPI, dataset): values that stay as an older release had them."""


def gather_report(platform: Platform, release: Release, names: Sequence[str] = ()) -> ReportFacts:
    """Read a release. Args: names: KPIs; none: all. Raises: UsageError for a KPI that there is not."""
    project = platform.project
    kpis = choose_kpis(project.kpis, names)
    if not kpis:
        raise UsageError("the project has no KPIs, so there is nothing to report.", hint="Write one to kpis/NAME.yaml")
    read_pins(platform, {name: release.tables[name] for name in (str(SCORECARD),) if name in release.tables})
    try:
        periods, newest = read_periods(platform, release)
    finally:
        platform.state.unpin(platform.holder)
    entries = tuple(KpiEntry(kpi, kpi.path.name, periods.get(kpi.name, ()), newest.get(kpi.name)) for kpi in kpis)
    held = tuple(
        (kpi.title, name) for kpi in kpis for name in (str(kpi.dataset), str(SCORECARD)) if name in release.held
    )
    return ReportFacts(
        project=project.name,
        description="",
        zone=project.time_zone,
        release=release.id,
        released_at=release.at,
        kpis=entries,
        held=held,
    )


def choose_kpis(kpis: Sequence[Kpi], names: Sequence[str]) -> list[Kpi]:
    """The KPIs of these names, in their order; none named: all. Raises: UsageError."""
    found = {kpi.name: kpi for kpi in kpis}
    for name in names:
        if name not in found:
            raise UsageError(f"there is no KPI {name!r}.", hint=f"There are: {', '.join(found) or 'none'}.")
    return [found[name] for name in dict.fromkeys(names)] if names else list(kpis)


def say_complete(entry: KpiEntry) -> str:
    """How far the values are complete."""
    if not entry.periods:
        return "There are no values in this release."
    closed = [each for each in entry.periods if each.is_closed]
    open_ = [each for each in entry.periods if not each.is_closed]
    if not closed:
        return f"No {entry.kpi.every} is complete yet; {open_[0].name} is still open."
    last = f"Complete to {closed[-1].name}, the newest closed {entry.kpi.every}"
    return f"{last}; {open_[-1].name} is still open." if open_ else f"{last}."


def say_thresholds(kpi: Kpi) -> str:
    """From where on a value is good, and from where on it needs attention; empty where nobody said."""
    from entrepot.app.docs_site.words import kpi_value_with_unit
    from entrepot.serve.kpis import Direction

    bounds = kpi.thresholds
    if bounds is None:
        return ""
    side = "or more" if bounds.direction is Direction.HIGHER else "or less"
    good, warning = (kpi_value_with_unit(kpi, bound) for bound in (bounds.good, bounds.warning))
    return f"good: {good} {side}; warning: {warning} {side}; else critical"


def newest_first(entry: KpiEntry, most: int) -> list[PeriodFigures]:
    """The newest periods."""
    return list(reversed(entry.periods[-most:]))


def file_name(facts: ReportFacts, format: str) -> str:
    """`retail-kpis-release-12.pdf`."""
    safe = "".join(sign if (sign.isalnum() and sign.isascii()) or sign in "-_" else "-" for sign in facts.project)
    return f"{safe.strip('-') or 'project'}-kpis-release-{facts.release}.{format}"
