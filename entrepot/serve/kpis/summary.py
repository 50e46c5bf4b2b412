"""The queries behind what people are shown of KPIs: the scorecard, one KPI's periods, the rows that stand out."""

from __future__ import annotations

from entrepot.serve.kpis.kpi import SCORECARD, Direction, Kpi
from entrepot.serve.kpis.scorecard import render_totals
from entrepot.sql.expressions import quote_name


def select_scorecard() -> str:
    """Each KPI's newest closed period, or its newest one when none is closed yet.

    Shape: one row per KPI; the columns of `gold.kpi_scorecard`.
    """
    return (
        f"SELECT * FROM {SCORECARD}\n"
        "QUALIFY row_number() OVER (PARTITION BY kpi ORDER BY is_closed DESC, period DESC) = 1\nORDER BY kpi"
    )


def select_periods(kpi: Kpi, *, limit: int) -> str:
    """The KPI over all groups: its newest periods, newest first, with its further aggregates."""
    return f"SELECT * FROM (\n{render_totals(kpi)}\n) AS totals\nORDER BY {quote_name(kpi.period)} DESC\nLIMIT {limit}"


def select_outstanding(kpi: Kpi, *, rows: int = 5) -> str:
    """Rows of the newest closed period that stand out: the worst first where a direction says what is bad, else the largest."""
    period, keys = quote_name(kpi.period), ", ".join(quote_name(name) for name in kpi.grain)
    order = "ASC" if kpi.direction is Direction.HIGHER and not kpi.adds_up else "DESC"
    newest = (
        f"SELECT {period} FROM {kpi.dataset} WHERE {period} IS NOT NULL ORDER BY is_closed DESC, {period} DESC LIMIT 1"
    )
    return (
        f"SELECT * FROM {kpi.dataset}\nWHERE {period} = ({newest})\n"
        f"ORDER BY value {order} NULLS LAST, {keys}\nLIMIT {rows}"
    )
