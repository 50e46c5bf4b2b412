"""From a KPI to the model that computes it."""

from __future__ import annotations

from entrepot.lake.models.model import Model, ModelKind, make_model
from entrepot.serve.kpis.kpi import Kpi
from entrepot.sql.checks import check_select
from entrepot.sql.expressions import Aggregate, quote_name
from entrepot.sql.query import parse_query

_REASON = (
    "CASE WHEN denominator IS NULL THEN 'the denominator is unknown' "
    "WHEN denominator = 0 THEN 'the denominator is zero' "
    "WHEN numerator IS NULL THEN 'the numerator is unknown' END"
)


def compile_kpi(kpi: Kpi) -> Model:
    """The full model `gold.kpi_<name>`: grain columns, value, numerator, denominator, reason, further columns.

    Shape: one row per combination of the grain's columns that the gold model has.
    Raises: ProjectError when an aggregate holds what a model may not.
    """
    query = parse_query(_render_rate(kpi) if kpi.is_rate else _render_measure(kpi))
    check_select(query)
    return make_model(kpi.dataset, ModelKind.FULL, query, kpi.path, description=f"{kpi.title}: {kpi.definition}")


def _render_measure(kpi: Kpi) -> str:
    assert kpi.measure is not None
    lines = [
        *_grain(kpi),
        f"{kpi.measure.text} AS value",
        "CAST(NULL AS DOUBLE) AS numerator",
        "CAST(NULL AS DOUBLE) AS denominator",
        f"CASE WHEN ({kpi.measure.text}) IS NULL THEN 'there is nothing to measure' END AS reason",
        *(f"{aggregate.text} AS {quote_name(name)}" for name, aggregate in kpi.also.items()),
    ]
    return f"SELECT\n  {_join(lines)}\nFROM {kpi.model}\nGROUP BY {', '.join(_grain(kpi))}"


def _render_rate(kpi: Kpi) -> str:
    """The sums first, then the ratio, so that the denominator is looked at before it divides."""
    assert kpi.numerator is not None
    assert kpi.denominator is not None
    sums = {"numerator": kpi.numerator, "denominator": kpi.denominator}
    if kpi.measure is not None:
        sums["measure"] = kpi.measure
    inner = [*_grain(kpi), *(_named(name, part) for name, part in {**sums, **kpi.also}.items())]
    ratio = "measure" if kpi.measure is not None else "numerator / denominator"
    outer = [
        *_grain(kpi),
        f"CASE WHEN denominator <> 0 THEN {ratio} END AS value",
        "numerator",
        "denominator",
        f"{_REASON} AS reason",
        *map(quote_name, kpi.also),
    ]
    grouped = f"SELECT\n    {_join(inner, 4)}\n  FROM {kpi.model}\n  GROUP BY {', '.join(_grain(kpi))}"
    return f"SELECT\n  {_join(outer)}\nFROM (\n  {grouped}\n) AS sums"


def _grain(kpi: Kpi) -> list[str]:
    return [quote_name(name) for name in kpi.grain]


def _named(name: str, aggregate: Aggregate) -> str:
    return f"{aggregate.text} AS {quote_name(name)}"


def _join(lines: list[str], indent: int = 2) -> str:
    return f",\n{' ' * indent}".join(lines)
