"""The queries behind what people are shown of KPIs: the scorecard, one KPI's periods, the rows that stand out.

The tables say which periods are closed by the data alone, so that they can be computed again. What is shown is held against the release's
instant, too: one date far in the future must not close the month that runs.
"""

from __future__ import annotations

from datetime import UTC, datetime

from entrepot.serve.kpis.kpi import SCORECARD, Direction, Every, Kpi
from entrepot.serve.kpis.scorecard import render_totals
from entrepot.serve.kpis.trends import STEPS
from entrepot.sql.expressions import quote_name

_ENDS = "CASE every " + " ".join(f"WHEN '{every}' THEN {step}" for every, step in STEPS.items()) + " END"


def select_scorecard(at: datetime) -> str:
    """Each KPI's newest closed period at an instant, or its newest one when none is closed yet.

    Shape: one row per KPI; the columns of `gold.kpi_scorecard`.
    """
    closed = _closed("period", f"date_trunc(every, period) + {_ENDS}", at, "PARTITION BY kpi")
    return (
        f"SELECT * FROM (SELECT * REPLACE ({closed} AS is_closed) FROM {SCORECARD}) AS standing\n"
        f"QUALIFY row_number() OVER (PARTITION BY kpi ORDER BY {_newest('period', at)}) = 1\nORDER BY kpi"
    )


def select_history(at: datetime, *, limit: int) -> str:
    """Each KPI's newest periods over all groups that have begun at an instant, as the scorecard keeps them.

    Shape: one row per KPI and period; the columns of `gold.kpi_scorecard`. Without one that has begun, its newest ones all the same.
    """
    closed = _closed("period", f"date_trunc(every, period) + {_ENDS}", at, "PARTITION BY kpi")
    begun = _begun("period", at)
    return (
        f"SELECT * FROM (SELECT * REPLACE ({closed} AS is_closed) FROM {SCORECARD}) AS standing\n"
        f"QUALIFY ({begun} OR NOT bool_or({begun}) OVER (PARTITION BY kpi))\n"
        f"  AND row_number() OVER (PARTITION BY kpi ORDER BY {begun} DESC, period DESC) <= {limit}\nORDER BY kpi, period"
    )


def select_periods(kpi: Kpi, at: datetime, *, limit: int) -> str:
    """The KPI over all groups: its newest periods, newest first, with its further aggregates."""
    period = quote_name(kpi.period)
    totals = f"SELECT * REPLACE ({_closed_of(kpi, at)} AS is_closed) FROM (\n{render_totals(kpi)}\n) AS totals"
    return f"{totals}\nORDER BY {period} DESC\nLIMIT {limit}"


def select_outstanding(kpi: Kpi, at: datetime, *, rows: int = 5) -> str:
    """Rows of the newest closed period that stand out: the worst first where a direction says what is bad, else the largest."""
    period, keys = quote_name(kpi.period), ", ".join(quote_name(name) for name in kpi.grain)
    order = "ASC" if kpi.direction is Direction.HIGHER and not kpi.adds_up else "DESC"
    newest = f"SELECT {period} FROM standing WHERE {period} IS NOT NULL ORDER BY {_newest(period, at)} LIMIT 1"
    return (
        f"WITH standing AS (SELECT * REPLACE ({_closed_of(kpi, at)} AS is_closed) FROM {kpi.dataset})\n"
        f"SELECT * FROM standing\nWHERE {period} = ({newest})\n"
        f"ORDER BY value {order} NULLS LAST, {keys}\nLIMIT {rows}"
    )


def _closed_of(kpi: Kpi, at: datetime) -> str:
    period = quote_name(kpi.period)
    start = period if kpi.every is Every.HOUR else f"date_trunc('{kpi.every}', CAST({period} AS TIMESTAMP))"
    return _closed(period, f"CAST({start} + {STEPS[kpi.every]} AS TIMESTAMP)", at, "")


def _closed(period: str, end: str, at: datetime, partition: str) -> str:
    """SQL: whether the data go beyond a period that has ended. A clock that stands before all the data says nothing."""
    ended = f"coalesce({end} <= {_local(at)}, FALSE)"
    return f"(is_closed AND ({ended} OR NOT bool_or({_begun(period, at)}) OVER ({partition})))"


def _newest(period: str, at: datetime) -> str:
    """SQL: in which order periods come, the one to be shown first: a closed one, then one that has begun."""
    return f"is_closed DESC, {_begun(period, at)} DESC, {period} DESC"


def _begun(period: str, at: datetime) -> str:
    return f"coalesce(CAST({period} AS TIMESTAMP) <= {_local(at)}, FALSE)"


def _local(at: datetime) -> str:
    """SQL: the instant as the clocks of the session's zone show it, in which periods are cut."""
    return f"CAST(TIMESTAMPTZ '{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}+00' AS TIMESTAMP)"
