"""The scorecard: every KPI over all groups, period by period, with its trend and status."""

from __future__ import annotations

from collections.abc import Sequence

from entrepot.lake.models.model import Model, ModelKind, make_model
from entrepot.serve.kpis.kpi import SCORECARD, Kpi
from entrepot.serve.kpis.sums import render_sums
from entrepot.serve.kpis.trends import NO_TOTAL, add_trend, quote_text
from entrepot.sql.checks import check_select
from entrepot.sql.expressions import quote_name
from entrepot.sql.query import parse_query

_NUMBERS = ("value", "numerator", "denominator")
_COMPARED = ("previous", "change", "change_percent")


def render_totals(kpi: Kpi) -> str:
    """A SELECT with one row per period: the KPI over all groups, with the columns of its table but the further grain."""
    sums = f"SELECT * FROM (\n{render_sums(kpi, (kpi.period,))}\n) AS whole\nWHERE {quote_name(kpi.period)} IS NOT NULL"
    return add_trend(kpi, sums, (), is_total=True)


def compile_scorecard(kpis: Sequence[Kpi]) -> Model:
    """The full model `gold.kpi_scorecard`.

    Shape: one row per KPI and period. A KPI without a total has rows without a value, and the reason.
    """
    query = parse_query("\nUNION ALL\n".join(map(_render_rows, kpis)))
    check_select(query)
    description = "All KPIs over all groups, by period, with their trend and status."
    return make_model(SCORECARD, ModelKind.FULL, query, kpis[0].path.parent, description=description)


def _render_rows(kpi: Kpi) -> str:
    said = {"kpi": kpi.name, "title": kpi.title, "unit": kpi.unit, "owner": kpi.owner, "every": kpi.every.value}
    columns = [
        *(f"{quote_text(value)} AS {name}" for name, value in said.items()),
        f"CAST({quote_name(kpi.period)} AS TIMESTAMP) AS period",
        *(_nothing_or(kpi, f"CAST({name} AS DOUBLE)", "DOUBLE", name) for name in _NUMBERS),
        "reason" if kpi.has_total else f"{quote_text(NO_TOTAL)} AS reason",
        *(_nothing_or(kpi, f"CAST({name} AS DOUBLE)", "DOUBLE", name) for name in _COMPARED),
        "change_reason" if kpi.has_total else f"{quote_text(NO_TOTAL)} AS change_reason",
        _nothing_or(kpi, "trend", "VARCHAR", "trend"),
        "target",
        "direction",
        _nothing_or(kpi, "status", "VARCHAR", "status"),
        "is_closed",
    ]
    return f"SELECT\n  {', '.join(columns)}\nFROM (\n{render_totals(kpi)}\n) AS totals"


def _nothing_or(kpi: Kpi, sql: str, type: str, name: str) -> str:
    return f"{sql if kpi.has_total else f'CAST(NULL AS {type})'} AS {name}"
