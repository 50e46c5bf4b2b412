"""What is asked of KPIs: how each stands, and its values over time by any of its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from entrepot.app.querying import RunningQueries, query_release, read_records, scan_release
from entrepot.app.wiring import Platform
from entrepot.kernel.errors import UsageError
from entrepot.ports.relations import QueryScan, TableVersion
from entrepot.ports.state import Release
from entrepot.serve.kpis import SCORECARD, Kpi, select_periods, select_scorecard
from entrepot.serve.kpis.sums import render_sums
from entrepot.sql.expressions import quote_name

INPUT = "silver.kpi_series_input"
"""Under which name the model's rows stand where a filter goes between."""
MOST_POINTS = 5_000
MOST_FILTER_VALUES = 100

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SeriesQuestion:
    """A KPI's values: from (included) to (excluded), for each value of some columns of its grain, of some rows only."""

    since: date | datetime | None = None
    until: date | datetime | None = None
    by: tuple[str, ...] = ()
    filters: Mapping[str, Sequence[str]] | None = None
    """Column of the grain → values, as text."""
    limit: int = MOST_POINTS


@dataclass(frozen=True, slots=True)
class Series:
    """The points in order of time, and whether these are all."""

    rows: Sequence[Row]
    is_whole: bool


def find_kpi(kpis: Sequence[Kpi], name: str) -> Kpi | None:
    """The KPI of that name; its dataset's name is right too."""
    return next((kpi for kpi in kpis if name in (kpi.name, str(kpi.dataset), kpi.dataset.name)), None)


def load_standings(platform: Platform, release: Release) -> dict[str, Row]:
    """KPI → its newest closed period in a release; those that the release does not hold yet are missing."""
    if str(SCORECARD) not in release.tables:
        return {}
    rows = read_records(query_release(platform, release, select_scorecard(release.at)).read_all())
    return {row["kpi"]: row for row in rows}


def load_periods(platform: Platform, release: Release, kpi: Kpi, *, limit: int) -> list[Row]:
    """A KPI's newest periods over all groups with every digit, newest first; none where groups cannot be put together."""
    if not kpi.has_total or str(kpi.dataset) not in release.tables:
        return []
    found = query_release(platform, release, select_periods(kpi, release.at, limit=limit))
    return list[Row](read_records(found.read_all()))


def load_series(
    platform: Platform, release: Release, kpi: Kpi, asked: SeriesQuestion, running: RunningQueries, *, seconds: float
) -> Series:
    """A KPI's values, the aggregates taken anew over the rows of each point, so that rates and distinct counts are right.

    Raises: UsageError for a column that is not in the grain; TooLong.
    """
    _check(kpi, asked)
    scan = _filtered(scan_release(release, _render(kpi, asked)), kpi, asked.filters or {})
    found = running.ask(platform, scan, id=f"series-{kpi.name}-{id(asked)}", limit=asked.limit, seconds=seconds)
    return Series(read_records(found.rows), found.is_whole)


def _check(kpi: Kpi, asked: SeriesQuestion) -> None:
    groups = kpi.grain[1:]
    for name in (*asked.by, *(asked.filters or {})):
        if name not in groups:
            listed = ", ".join(groups) or "none"
            raise UsageError(f"{kpi.name} has no column {name!r} to look at it by; it has: {listed}.")
    if not asked.by and not kpi.has_total:
        raise UsageError(
            f"{kpi.name} has no value over all groups: their kinds differ.", hint=f"Add by: {', '.join(groups)}."
        )
    if any(len(values) > MOST_FILTER_VALUES for values in (asked.filters or {}).values()):
        raise UsageError(f"a filter has too many values; allowed are {MOST_FILTER_VALUES}.")


def _render(kpi: Kpi, asked: SeriesQuestion) -> str:
    period = quote_name(kpi.period)
    grain = (kpi.period, *dict.fromkeys(asked.by))
    bounds = [f"{period} IS NOT NULL"]
    if asked.since is not None:
        bounds.append(f"{period} >= {_literal(asked.since)}")
    if asked.until is not None:
        bounds.append(f"{period} < {_literal(asked.until)}")
    order = ", ".join([period, *(quote_name(name) for name in grain[1:])])
    return f"SELECT * FROM (\n{render_sums(kpi, grain)}\n) AS points\nWHERE {' AND '.join(bounds)}\nORDER BY {order}"


def _literal(value: date | datetime) -> str:
    if not isinstance(value, datetime):
        return f"DATE '{value:%Y-%m-%d}'"
    return f"TIMESTAMP '{value.replace(tzinfo=None).isoformat(sep=' ')}'"


def _filtered(scan: QueryScan, kpi: Kpi, filters: Mapping[str, Sequence[str]]) -> QueryScan:
    """The same question over the model's rows that fulfil the filters: a view stands in the model's place."""
    if not filters:
        return scan
    model = str(kpi.model)
    conditions = " AND ".join(
        f"CAST({quote_name(name)} AS VARCHAR) IN ({', '.join(map(_text, values)) or 'NULL'})"
        for name, values in filters.items()
    )
    view = f"SELECT * FROM {INPUT} WHERE {conditions}"
    tables = {name: table for name, table in scan.tables.items() if name != model}
    views = {name: sql for name, sql in scan.views.items() if name != model}
    if model in scan.views:
        return replace(scan, views=views | {INPUT: scan.views[model], model: view})
    table = scan.tables.get(model)
    if not isinstance(table, TableVersion):
        raise UsageError(f"the release does not hold {model}.", hint="Compute it with: entrepot run")
    return replace(scan, tables=tables | {INPUT: table}, views={model: view} | views)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
