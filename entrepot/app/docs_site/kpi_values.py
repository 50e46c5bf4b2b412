"""The KPIs' values over all groups, period by period, from the scorecard of a release. No group is named."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from entrepot.app.docs_site.facts import PeriodFigures
from entrepot.app.wiring import Platform
from entrepot.ports.relations import QueryScan, TableVersion
from entrepot.ports.state import Release
from entrepot.serve.kpis import SCORECARD, Every, name_period, select_history, select_scorecard

PERIODS = 40
"""How many are read; charts show them all, tables the newest."""

Periods = dict[str, tuple[PeriodFigures, ...]]


def read_periods(platform: Platform, release: Release | None) -> tuple[Periods, dict[str, PeriodFigures]]:
    """KPI → its newest periods, oldest first; KPI → how it stands."""
    if release is None or str(SCORECARD) not in release.tables:
        return {}, {}
    newest = {row["kpi"]: _period(row) for row in _rows(platform, release, select_scorecard(release.at))}
    periods: dict[str, list[PeriodFigures]] = {}
    for row in _rows(platform, release, select_history(release.at, limit=PERIODS)):
        periods.setdefault(row["kpi"], []).append(_period(row))
    return {kpi: tuple(sorted(found, key=lambda each: each.start)) for kpi, found in periods.items()}, newest


def _rows(platform: Platform, release: Release, sql: str) -> list[dict[str, Any]]:
    tables = {str(SCORECARD): TableVersion(str(SCORECARD), release.tables[str(SCORECARD)])}
    found: list[dict[str, Any]] = platform.engine.query(QueryScan(sql, tables)).batches().read_all().to_pylist()
    return found


def _period(row: Mapping[str, Any]) -> PeriodFigures:
    return PeriodFigures(
        start=row["period"],
        name=name_period(row["period"], Every(row["every"])),
        value=_finite(row["value"]),
        previous=_finite(row["previous"]),
        change=_finite(row["change"]),
        change_percent=_finite(row["change_percent"]),
        numerator=_finite(row["numerator"]),
        denominator=_finite(row["denominator"]),
        target=_finite(row["target"]),
        reason=row["reason"],
        trend=row["trend"],
        status=row["status"],
        is_closed=bool(row["is_closed"]),
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
