"""How the twelve KPIs of the retail example are asked for, and held against what plain Python has worked out.

Whether the events came in files, by polling or by push makes no difference: `ask_streams` and `find_differences` fit all three.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from retail_streams import TOTAL, Rows

ABOUT = {"hours": 0.006, "value": 0.0051, "p90_hours": 0.0051, "median_age_of_open_hours": 0.0051, "oldest_open_hours": 0.0051,
         "median_duration_s": 0.0006, "mean_duration_s": 0.0006, "share_good": 0.000001, "denominator": 0.0001}  # fmt: skip
"""What the KPI rounds its columns to; `value` only of those in `ROUNDED`."""
ROUNDED = ("time_to_resolution",)

HOUR = "strftime(timezone('UTC', hour), '%Y-%m-%dT%H:%MZ')"
STREAM_QUESTIONS = {
    "session_duration_bounce_rate": (HOUR, "channel", "value numerator denominator median_duration_s mean_duration_s bot_sessions events_too_late"),
    "interaction_volume": (HOUR, "concat_ws('/', type, channel)", "value"),
    "feedback_score": ("day::VARCHAR", "channel", "value numerator denominator good_ratings share_good"),
    "time_to_resolution": (
        "day::VARCHAR", "concat_ws('/', type, priority)",
        "value p90_hours resolved open_contacts resolved_after_reopening median_age_of_open_hours oldest_open_hours",
    ),
    "loyalty_activity_rate": ("month::VARCHAR", "tier", "value numerator denominator joined members_left active_before_leaving"),
    "customer_engagement_score": ("day::VARCHAR", "concat_ws('/', customer_id, segment)", "value"),
}  # fmt: skip
"""KPI → SQL of its period, SQL of its group, its columns."""
TILL_QUESTIONS = {
    "total_sales": ("day::VARCHAR", "concat_ws('/', region, product_id, product)", "value units baskets"),
    "stock_availability": ("day::VARCHAR", "concat_ws('/', store_id, product_id)", "value numerator denominator hours_unknown hours_negative"),
    "stockout_alerts": (
        "day::VARCHAR",
        "concat_ws('/', store_id, product_id, severity, epoch(CAST(split_part(episode, '/', 4) AS TIMESTAMPTZ))::BIGINT::VARCHAR, state, coalesce(late_change, 'None'))",
        "value hours",
    ),
    "product_turnover_rate": ("week::VARCHAR", "product_id", "value numerator denominator"),
    "inventory_turnover": ("month::VARCHAR", "concat_ws('/', store_id, category)", "value numerator denominator"),
    "restock_frequency": ("week::VARCHAR", "concat_ws('/', store_id, product_id)", "value numerator denominator"),
}  # fmt: skip
Ask = Callable[[str], Iterable[Mapping[str, Any]]]
"""Runs a SELECT over the newest release: rows by column name."""


def ask_kpis(ask: Ask, questions: Mapping[str, tuple[str, str, str]]) -> Rows:
    """All rows of some KPIs, in one query; and their totals from the scorecard."""
    parts = [
        f"SELECT '{kpi}' AS kpi, {period} AS period, {group} AS \"group\", {_as_json(columns)} AS columns FROM gold.kpi_{kpi}"
        for kpi, (period, group, columns) in questions.items()
    ]
    names = ", ".join(f"'{kpi}'" for kpi in questions)
    period = "CASE every WHEN 'hour' THEN strftime(timezone('UTC', CAST(period AS TIMESTAMPTZ)), '%Y-%m-%dT%H:%MZ') ELSE CAST(period AS DATE)::VARCHAR END"
    parts.append(
        f"SELECT kpi, {period}, '{TOTAL}', {_as_json('value numerator denominator')} FROM gold.kpi_scorecard WHERE kpi IN ({names})"
    )
    return {
        (row["kpi"], row["period"], row["group"]): json.loads(row["columns"])
        for row in ask("\nUNION ALL\n".join(parts))
    }


def find_differences(found: Rows, expected: Rows) -> list[str]:
    """Every row and column that differs, in words; none when all are the same to the last digit that is kept."""
    told = [f"missing: {key}" for key in sorted(expected.keys() - found.keys())]
    told += [f"not expected: {key}" for key in sorted(found.keys() - expected.keys())]
    for key in sorted(found.keys() & expected.keys()):
        for column, wanted in expected[key].items():
            came = found[key].get(column)
            if not _is_same(key[0], column, came, wanted):
                told.append(f"{key} {column}: {came}, expected {wanted}")
    return told


def _is_same(kpi: str, column: str, came: float | None, wanted: float | None) -> bool:
    if came is None or wanted is None:
        return came is wanted
    within = ABOUT.get(column, 0.0) if column != "value" or kpi in ROUNDED else 0.0
    return (
        abs(came - wanted)
        <= within + 1e-4 * (kpi in ("product_turnover_rate", "inventory_turnover")) * abs(wanted) + 1e-7
    )


def _as_json(columns: str) -> str:
    pairs = ", ".join(f"'{name}', CAST({name} AS DOUBLE)" for name in columns.split())
    return f"CAST(json_object({pairs}) AS VARCHAR)"
