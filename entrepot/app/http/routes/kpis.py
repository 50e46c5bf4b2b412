"""KPIs: what is the figure, is it good, may I trust it?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import Field

from entrepot.app import kpi_desk as desk
from entrepot.app.http.asked import At, Context
from entrepot.app.http.errors import NotThere
from entrepot.app.http.routes.sql import answers_of
from entrepot.app.http.shapes import Exact, Instant, Shape, write_exact, write_value
from entrepot.app.wiring import Platform
from entrepot.kernel.errors import UsageError
from entrepot.ports.state import Release
from entrepot.serve.kpis import Kpi, format_number, name_period

router = APIRouter(tags=["kpis"])
KpiName = Annotated[str, Path(max_length=200)]
PERIODS = 40


class PeriodValue(Shape):
    """A KPI in one period, over all groups."""

    period: str = Field(description="the period's start")
    name: str = Field(description="`2026-W39`")
    value: Exact | None
    shown: str = Field(description="the value by the KPI's format")
    previous: Exact | None
    change: Exact | None
    change_percent: Exact | None
    numerator: Exact | None
    denominator: Exact | None
    target: Exact | None
    reason: str | None = Field(description="why there is no value")
    trend: str | None
    status: str | None
    is_closed: bool


class Trust(Shape):
    """Whether the figure may be trusted."""

    release: int
    released_at: Instant
    complete_to: str | None = Field(description="the newest closed period")
    held: str | None = Field(description="why the release holds an older version")
    rejected: int = Field(description="records in quarantine of the datasets behind it")


class KpiItem(Shape):
    """One KPI and how it stands."""

    kpi: str
    title: str
    unit: str
    owner: str
    every: str
    dataset: str
    standing: PeriodValue | None = Field(
        description="the newest closed period; null: it has no value yet. In the list its digits are those of a double"
    )


class Kpis(Shape):
    """All KPIs."""

    release: int | None
    released_at: Instant | None
    items: list[KpiItem]


class Bounds(Shape):
    """Up to where a value is good, or needs attention."""

    good: Exact
    warning: Exact
    direction: str


class KpiDetail(KpiItem):
    """One KPI with its definition and its last periods."""

    definition: str
    formula: str | None
    model: str
    grain: list[str]
    is_rate: bool
    has_total: bool
    format: str | None
    target: Exact | None
    direction: str | None
    thresholds: Bounds | None
    edge_cases: list[str]
    also: list[str]
    periods: list[PeriodValue] = Field(description="oldest first")
    trust: Trust | None


class SeriesWanted(Shape):
    """Which values."""

    since: date | None = Field(None, alias="from")
    until: date | None = Field(None, alias="to", description="before this day")
    by: list[Annotated[str, Field(max_length=100)]] = Field(default_factory=list, max_length=10)
    filters: dict[str, list[Annotated[str, Field(max_length=1_000)]]] = Field(
        default_factory=dict, max_length=10, description="column of the grain → values, as text"
    )
    at: str | None = Field(None, max_length=60)
    limit: int = Field(1_000, ge=1, le=desk.MOST_POINTS)


class SeriesPoint(Shape):
    """One value."""

    period: str | None
    by: dict[str, Any]
    value: Exact | None
    numerator: Exact | None
    denominator: Exact | None
    reason: str | None
    status: str | None


class SeriesAnswer(Shape):
    """Values in order of time."""

    kpi: str
    release: int
    points: list[SeriesPoint]
    is_whole: bool


@router.get("/kpis", response_model=Kpis)
def list_kpis(context: Context, at: At = None) -> Kpis:
    """List KPIs and how each stands."""
    with context.asking() as platform:
        release = _release(platform, at)
        rows = desk.load_standings(platform, release) if release is not None else {}
        items = [_item(kpi, rows.get(kpi.name)) for kpi in platform.project.kpis]
    if release is None:
        return Kpis(release=None, released_at=None, items=items)
    return Kpis(release=release.id, released_at=release.at, items=items)


@router.get("/kpis/{kpi}", response_model=KpiDetail)
def get_kpi(context: Context, kpi: KpiName, at: At = None) -> KpiDetail:
    """Show a KPI: definition, last periods, and whether it may be trusted."""
    with context.asking() as platform:
        found = _find(platform, kpi)
        release = _release(platform, at)
        row = desk.load_standings(platform, release).get(found.name) if release is not None else None
        rows = desk.load_periods(platform, release, found, limit=PERIODS) if release is not None else []
    periods = [_period(found, each) for each in reversed(rows)]
    standing = next((each for each in reversed(periods) if each.is_closed), None)
    bounds = found.thresholds
    return KpiDetail(
        **_item(found, row).model_dump(exclude={"standing"}),
        standing=standing or (None if row is None else _period(found, row)),
        definition=found.definition,
        formula=found.formula,
        model=str(found.model),
        grain=list(found.grain),
        is_rate=found.is_rate,
        has_total=found.has_total,
        format=found.format,
        target=write_exact(found.target),
        direction=found.direction,
        thresholds=None
        if bounds is None
        else Bounds(
            good=write_exact(bounds.good) or "", warning=write_exact(bounds.warning) or "", direction=bounds.direction
        ),
        edge_cases=list(found.edge_cases),
        also=list(found.also),
        periods=periods,
        trust=None if release is None else _trust(context, found, release, periods),
    )


@router.post("/kpis/{kpi}/series", response_model=SeriesAnswer)
def read_kpi_series(context: Context, kpi: KpiName, wanted: SeriesWanted, request: Request) -> SeriesAnswer:
    """Read a KPI's values over time, by any columns of its grain; rates and distinct counts are computed anew for each point."""
    asked = desk.SeriesQuestion(wanted.since, wanted.until, tuple(wanted.by), wanted.filters, wanted.limit)
    with context.asking() as platform:
        found = _find(platform, kpi)
        release = _release(platform, wanted.at)
        if release is None:
            raise UsageError("there is no release yet.", hint="Publish one with: POST /api/v1/runs")
        running = answers_of(request).running
        series = desk.load_series(platform, release, found, asked, running, seconds=context.sql_seconds)
    points = [_point(found, row, wanted.by) for row in series.rows]
    return SeriesAnswer(kpi=found.name, release=release.id, points=points, is_whole=series.is_whole)


def _find(platform: Platform, name: str) -> Kpi:
    found = desk.find_kpi(platform.project.kpis, name)
    if found is None:
        raise NotThere(f"there is no KPI {name!r}.", hint="See: GET /api/v1/kpis")
    return found


def _release(platform: Platform, at: str | None) -> Release | None:
    if not platform.lake_exists():
        return None
    return platform.release_for(at) if at is not None else platform.state.latest_release()


def _item(kpi: Kpi, row: Mapping[str, Any] | None) -> KpiItem:
    return KpiItem(
        kpi=kpi.name,
        title=kpi.title,
        unit=kpi.unit,
        owner=kpi.owner,
        every=kpi.every.value,
        dataset=str(kpi.dataset),
        standing=None if row is None else _period(kpi, row),
    )


def _period(kpi: Kpi, row: Mapping[str, Any]) -> PeriodValue:
    exact = {
        name: write_exact(row[name])
        for name in ("value", "previous", "change", "change_percent", "numerator", "denominator", "target")
    }
    start = row["period"] if "every" in row else row[kpi.period]
    return PeriodValue(
        period=str(write_value(start)),
        name=name_period(start, kpi.every),
        shown=format_number(row["value"] if exact["value"] is not None else None, kpi.format),
        reason=row["reason"],
        trend=row["trend"],
        status=row["status"],
        is_closed=bool(row["is_closed"]),
        **exact,
    )


def _trust(context: Context, kpi: Kpi, release: Release, periods: list[PeriodValue]) -> Trust:
    facts = context.facts.get()
    behind = {str(kpi.model), *facts.lineage.up(str(kpi.dataset))}
    balances = [entry.figures.balance for entry in facts.entries if entry.name in behind and entry.figures is not None]
    held = release.held.get(str(kpi.dataset)) or release.held.get(str(kpi.model))
    return Trust(
        release=release.id,
        released_at=release.at,
        complete_to=next((each.name for each in reversed(periods) if each.is_closed), None),
        held=held,
        rejected=sum(balance.rejected for balance in balances if balance is not None),
    )


def _point(kpi: Kpi, row: Mapping[str, Any], by: list[str]) -> SeriesPoint:
    period, bounds = row[kpi.period], kpi.thresholds
    judged = bounds is not None and (not kpi.adds_up or not by)
    return SeriesPoint(
        period=None if period is None else str(write_value(period)),
        by={name: write_value(row[name]) for name in by},
        value=write_exact(row["value"]),
        numerator=write_exact(row["numerator"]),
        denominator=write_exact(row["denominator"]),
        reason=row["reason"],
        status=bounds.judge(row["value"]).value if judged and bounds is not None else None,
    )
