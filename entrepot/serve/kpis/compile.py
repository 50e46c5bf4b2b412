"""From a KPI to the model that computes it."""

from __future__ import annotations

from collections.abc import Sequence

from entrepot.lake.models.model import Model, ModelKind, make_model
from entrepot.serve.kpis.kpi import Kpi
from entrepot.serve.kpis.scorecard import compile_scorecard
from entrepot.serve.kpis.sums import render_sums
from entrepot.serve.kpis.trends import add_trend
from entrepot.sql.checks import check_select
from entrepot.sql.query import parse_query


def compile_kpis(kpis: Sequence[Kpi]) -> tuple[Model, ...]:
    """The models of all KPIs, and the scorecard over them when there are any."""
    return (*map(compile_kpi, kpis), *([compile_scorecard(kpis)] if kpis else []))


def compile_kpi(kpi: Kpi) -> Model:
    """The full model `gold.kpi_<name>`: grain columns, value, numerator, denominator, reason, further columns, trend columns.

    Shape: one row per combination of the grain's columns that the gold model has.
    Raises: ProjectError when an aggregate holds what a model may not.
    """
    query = parse_query(add_trend(kpi, render_sums(kpi, kpi.grain), kpi.grain[1:], is_total=False))
    check_select(query)
    return make_model(kpi.dataset, ModelKind.FULL, query, kpi.path, description=f"{kpi.title}: {kpi.definition}")
