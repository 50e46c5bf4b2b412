"""The queries behind a KPI's few printed lines: how it stands, how it stood, which rows stand out."""

from __future__ import annotations

from dataclasses import dataclass

from entrepot.serve.kpis.kpi import Direction, Kpi
from entrepot.sql.expressions import quote_name


@dataclass(frozen=True, slots=True)
class Summary:
    """SELECTs over the KPI's own table `gold.kpi_<name>`."""

    headline: str | None
    """Shape: at most two rows, newest period first: period, value, numerator, denominator. None where groups do not add up."""
    top: str
    """Shape: rows of the newest period that stand out most, worst first where thresholds say what is bad; all columns."""


def summarise(kpi: Kpi, *, rows: int = 5) -> Summary:
    """Write the summary's queries for a KPI; each has a total order."""
    period = quote_name(kpi.period)
    keys = ", ".join(quote_name(name) for name in kpi.grain)
    worst_is_low = kpi.thresholds is not None and kpi.thresholds.direction is Direction.UP
    top = (
        f"SELECT * FROM {kpi.dataset}\n"
        f"WHERE {period} = (SELECT max({period}) FROM {kpi.dataset})\n"
        f"ORDER BY value {'ASC' if worst_is_low else 'DESC'} NULLS LAST, {keys}\nLIMIT {rows}"
    )
    return Summary(_headline(kpi, period), top)


def _headline(kpi: Kpi, period: str) -> str | None:
    if kpi.is_rate:
        parts = (kpi.numerator, kpi.denominator)
        if kpi.measure is not None or not all(part is not None and part.is_additive for part in parts):
            return None
        value = "CASE WHEN sum(denominator) <> 0 THEN sum(numerator) / sum(denominator) END"
    elif kpi.measure is not None and kpi.measure.is_additive:
        value = "sum(value)"
    else:
        return None
    return (
        f"SELECT {period} AS period, {value} AS value, sum(numerator) AS numerator, sum(denominator) AS denominator\n"
        f"FROM {kpi.dataset}\nWHERE {period} IS NOT NULL\nGROUP BY {period}\nORDER BY {period} DESC\nLIMIT 2"
    )
