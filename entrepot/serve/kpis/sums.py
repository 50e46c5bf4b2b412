"""The aggregates of a KPI over its gold model, as SQL: for each row of its grain, or for whole periods."""

from __future__ import annotations

from entrepot.serve.kpis.kpi import Kpi
from entrepot.sql.expressions import Aggregate, quote_name

_REASON = (
    "CASE WHEN denominator IS NULL THEN 'the denominator is unknown' "
    "WHEN denominator = 0 THEN 'the denominator is zero' "
    "WHEN numerator IS NULL THEN 'the numerator is unknown' END"
)


def render_sums(kpi: Kpi, grain: tuple[str, ...]) -> str:
    """A SELECT with the columns of `grain`, value, numerator, denominator, reason and the further aggregates.

    With fewer columns than the KPI's grain the same aggregates are taken over more rows of the model, so that also rates,
    medians and distinct counts are right for the whole.
    """
    keys = [quote_name(name) for name in grain]
    return _render_rate(kpi, keys) if kpi.is_rate else _render_measure(kpi, keys)


def _render_measure(kpi: Kpi, keys: list[str]) -> str:
    assert kpi.measure is not None
    lines = [
        *keys,
        f"{kpi.measure.text} AS value",
        "CAST(NULL AS DOUBLE) AS numerator",
        "CAST(NULL AS DOUBLE) AS denominator",
        f"CASE WHEN ({kpi.measure.text}) IS NULL THEN 'there is nothing to measure' END AS reason",
        *(_named(name, part) for name, part in kpi.also.items()),
    ]
    return f"SELECT\n  {_join(lines)}\nFROM {kpi.model}\nGROUP BY {', '.join(keys)}"


def _render_rate(kpi: Kpi, keys: list[str]) -> str:
    """The sums first, then the ratio, so that the denominator is looked at before it divides."""
    assert kpi.numerator is not None
    assert kpi.denominator is not None
    sums = {"numerator": kpi.numerator, "denominator": kpi.denominator}
    if kpi.measure is not None:
        sums["measure"] = kpi.measure
    inner = [*keys, *(_named(name, part) for name, part in {**sums, **kpi.also}.items())]
    ratio = "measure" if kpi.measure is not None else "numerator / denominator"
    outer = [
        *keys,
        f"CASE WHEN denominator <> 0 THEN {ratio} END AS value",
        "numerator",
        "denominator",
        f"{_REASON} AS reason",
        *map(quote_name, kpi.also),
    ]
    grouped = f"SELECT\n    {_join(inner, 4)}\n  FROM {kpi.model}\n  GROUP BY {', '.join(keys)}"
    return f"SELECT\n  {_join(outer)}\nFROM (\n  {grouped}\n) AS sums"


def _named(name: str, aggregate: Aggregate) -> str:
    return f"{aggregate.text} AS {quote_name(name)}"


def _join(lines: list[str], indent: int = 2) -> str:
    return f",\n{' ' * indent}".join(lines)
