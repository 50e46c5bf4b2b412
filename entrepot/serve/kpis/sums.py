"""The aggregates of a KPI over its gold model, as SQL: for each row of its grain, or for whole periods."""

from __future__ import annotations

from collections.abc import Mapping

from entrepot.serve.kpis.kpi import Kpi
from entrepot.sql.expressions import Aggregate, quote_name

NOT_FINITE = "is not a finite number"
"""A sum that ran over, or a NaN among the values: nothing that can be shown, compared or judged."""


def is_not_finite(sql: str) -> str:
    """SQL: true for NaN and infinity; false or null for all other values of any type."""
    return f"isfinite(TRY_CAST({sql} AS DOUBLE)) IS FALSE"


def finite(sql: str) -> str:
    """SQL: the value in its own type, null in place of NaN and infinity."""
    return f"CASE WHEN {is_not_finite(sql)} THEN NULL ELSE {sql} END"


def _reasons(cases: Mapping[str, str]) -> str:
    return "CASE " + " ".join(f"WHEN {test} THEN '{said}'" for test, said in cases.items()) + " END"


_REASON_OF_MEASURE = _reasons(
    {"measure IS NULL": "there is nothing to measure", is_not_finite("measure"): f"the measure {NOT_FINITE}"}
)
_REASONS_OF_RATE = {
    "denominator IS NULL": "the denominator is unknown",
    is_not_finite("denominator"): f"the denominator {NOT_FINITE}",
    "denominator = 0": "the denominator is zero",
    "numerator IS NULL": "the numerator is unknown",
    is_not_finite("numerator"): f"the numerator {NOT_FINITE}",
}


def render_sums(kpi: Kpi, grain: tuple[str, ...]) -> str:
    """A SELECT with the columns of `grain`, value, numerator, denominator, reason and the further aggregates.

    With fewer columns than the KPI's grain the same aggregates are taken over more rows of the model, so that also rates,
    medians and distinct counts are right for the whole.
    """
    keys = [quote_name(name) for name in grain]
    return _render_rate(kpi, keys) if kpi.is_rate else _render_measure(kpi, keys)


def _render_measure(kpi: Kpi, keys: list[str]) -> str:
    assert kpi.measure is not None
    outer = [
        *keys,
        f"{finite('measure')} AS value",
        "CAST(NULL AS DOUBLE) AS numerator",
        "CAST(NULL AS DOUBLE) AS denominator",
        f"{_REASON_OF_MEASURE} AS reason",
        *map(quote_name, kpi.also),
    ]
    return _over_sums(kpi, keys, {"measure": kpi.measure}, outer)


def _render_rate(kpi: Kpi, keys: list[str]) -> str:
    """The sums first, then the ratio, so that the denominator is looked at before it divides."""
    assert kpi.numerator is not None
    assert kpi.denominator is not None
    sums = {"numerator": kpi.numerator, "denominator": kpi.denominator}
    if kpi.measure is not None:
        sums["measure"] = kpi.measure
    ratio = "measure" if kpi.measure is not None else "(numerator / denominator)"
    broken = " OR ".join(is_not_finite(sql) for sql in ("numerator", "denominator", ratio))
    reason = _reasons({**_REASONS_OF_RATE, is_not_finite(ratio): f"the value {NOT_FINITE}"})
    outer = [
        *keys,
        f"CASE WHEN denominator <> 0 AND NOT ({broken}) THEN {ratio} END AS value",
        f"{finite('numerator')} AS numerator",
        f"{finite('denominator')} AS denominator",
        f"{reason} AS reason",
        *map(quote_name, kpi.also),
    ]
    return _over_sums(kpi, keys, sums, outer)


def _over_sums(kpi: Kpi, keys: list[str], sums: Mapping[str, Aggregate], outer: list[str]) -> str:
    """The aggregates in a SELECT of their own, so that what stands around them can look at each."""
    inner = [*keys, *(_named(name, part) for name, part in {**sums, **kpi.also}.items())]
    grouped = f"SELECT\n    {_join(inner, 4)}\n  FROM {kpi.model}\n  GROUP BY {', '.join(keys)}"
    return f"SELECT\n  {_join(outer)}\nFROM (\n  {grouped}\n) AS sums"


def _named(name: str, aggregate: Aggregate) -> str:
    return f"{aggregate.text} AS {quote_name(name)}"


def _join(lines: list[str], indent: int = 2) -> str:
    return f",\n{' ' * indent}".join(lines)
