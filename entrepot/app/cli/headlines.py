"""KPIs in a few lines: how each stands, how it stood, which rows stand out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from entrepot.app.cli.output import print_table, say
from entrepot.app.session import RunReport
from entrepot.app.wiring import Platform
from entrepot.ports.relations import QueryScan, TableVersion
from entrepot.ports.state import Release
from entrepot.serve.kpis import Kpi, format_number, summarise


def print_kpis(platform: Platform, report: RunReport) -> None:
    """Print every KPI that the last release holds, when this run published one."""
    if report.release is None:
        return
    for kpi in platform.project.kpis:
        if str(kpi.dataset) in report.release.tables:
            _print_kpi(platform, kpi, report.release)
    say()


def _print_kpi(platform: Platform, kpi: Kpi, release: Release) -> None:
    summary = summarise(kpi)
    say(f"\n[bold]{kpi.title}[/] [dim]({kpi.unit}; {kpi.owner}; {kpi.dataset})[/]")
    if summary.headline is not None:
        periods = _rows(platform, summary.headline, release)
        if periods:
            say("  " + _headline(kpi, periods))
    rows = _rows(platform, summary.top, release)
    if rows:
        names = [name for name in rows[0] if name == "value" or any(row[name] is not None for row in rows)]
        shown = [[_show(kpi, name, row[name]) for name in names] for row in rows]
        print_table(None, names, shown, right=[name for name in names if name not in kpi.grain and name != "reason"])


def _headline(kpi: Kpi, periods: list[Mapping[str, Any]]) -> str:
    newest = periods[0]
    text = f"{newest['period']}: {_number(kpi, newest['value'])}"
    if newest["denominator"] is not None:
        text += f" ({newest['numerator']:,} of {newest['denominator']:,})"
    if len(periods) > 1:
        text += f", before ({periods[1]['period']}): {_number(kpi, periods[1]['value'])}"
    if kpi.thresholds is not None and newest["value"] is not None:
        text += f" — {kpi.thresholds.judge(float(newest['value'])).value}"
    return text


def _show(kpi: Kpi, name: str, value: Any) -> Any:
    return _number(kpi, value) if name == "value" else value


def _number(kpi: Kpi, value: Any) -> str:
    return format_number(value, kpi.format)


def _rows(platform: Platform, sql: str, release: Release) -> list[Mapping[str, Any]]:
    tables = {name: TableVersion(name, version) for name, version in release.tables.items()}
    rows: list[Mapping[str, Any]] = (
        platform.engine.query(QueryScan(sql, tables, release.views)).batches().read_all().to_pylist()
    )
    return rows
