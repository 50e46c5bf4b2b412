"""The columns that compare a KPI's value with the period before, with its target and with its thresholds, as SQL."""

from __future__ import annotations

from entrepot.serve.kpis.kpi import Direction, Every, Kpi, Status
from entrepot.serve.kpis.sums import finite, is_not_finite
from entrepot.sql.expressions import quote_name

NO_VALUE = "there is no value to compare"
FIRST_PERIOD = "there is no earlier period"
MISSING_PERIOD = "the period before is missing; an older one is not used"
NO_VALUE_BEFORE = "the period before has no value"
ZERO_BEFORE = "the period before was zero, so there is no percentage"
TOO_FAR = "the change is too large for a number"
NO_TOTAL = "a total over all groups would mean nothing"

SAME_PERIOD = "the row before lies in the same {every}: the model does not cut its periods"

STEPS: dict[Every, str] = {every: f"INTERVAL 1 {every.name}" for every in Every}
STEPS[Every.QUARTER] = "INTERVAL 3 MONTH"
_PERCENT = "(100 * (CAST(value AS DOUBLE) - CAST(previous AS DOUBLE)) / abs(CAST(previous AS DOUBLE)))"


def add_trend(kpi: Kpi, measured: str, series: tuple[str, ...], *, is_total: bool) -> str:
    """A SELECT that gives the rows of `measured` with the trend columns at their end.

    A value is compared with that of the period directly before it, of the same series. A period without a row is not
    skipped: then there is nothing to compare with, and `change_reason` says so. Which period a date lies in the calendar says: a month
    may be named by any of its days, its last one among them.

    Args: measured: a SELECT with the period, the series and the value columns. series: the further columns of the grain.
    """
    period = quote_name(kpi.period)
    before, here, step = _start("_before", kpi.every), _start(period, kpi.every), STEPS[kpi.every]
    partition = f"PARTITION BY {', '.join(map(quote_name, series))} " if series else ""
    return (
        f"WITH measured AS (\n{measured}\n),\n"
        "stood AS (\n"
        f"  SELECT\n    *,\n    lag({period}) OVER series AS _before,\n    lag(value) OVER series AS _stood\n"
        f"  FROM measured\n  WINDOW series AS ({partition}ORDER BY {period} NULLS LAST)\n),\n"
        "compared AS (\n"
        f"  SELECT\n    *,\n    {before} = {here} - {step} AS _adjoins,\n    {before} = {here} AS _repeats,\n"
        f"    CASE WHEN {before} = {here} - {step} THEN _stood END AS previous\n"
        "  FROM stood\n)\n"
        f"SELECT\n  * EXCLUDE (_before, _stood, _adjoins, _repeats),\n  {_columns(kpi, period, is_total=is_total)}\nFROM compared"
    )


def _start(moment: str, every: Every) -> str:
    """SQL: when the period begins in which a date or a time lies.

    Days and longer are dates of the calendar, so that no change of clocks comes between; hours of instants are exact as they are.
    """
    if every is Every.HOUR:
        return moment
    # the sum with nothing is refused for texts and numbers, which a cast to a date would take at face value
    return f"date_trunc('{every}', CAST({moment} + INTERVAL 0 DAY AS DATE))"


def _columns(kpi: Kpi, period: str, *, is_total: bool) -> str:
    judged = is_total or not kpi.adds_up
    columns = {
        "change": finite("(value - previous)"),
        "change_percent": f"CASE WHEN previous <> 0 THEN {finite(_PERCENT)} END",
        "change_reason": _change_reason(kpi.every),
        "trend": _trend(kpi),
        "target": _number(kpi.target if judged else None),
        "direction": f"CAST({quote_text(kpi.direction)} AS VARCHAR)",
        "status": _status(kpi) if judged else "CAST(NULL AS VARCHAR)",
        "is_closed": f"coalesce({period} < max({period}) OVER (), FALSE)",
    }
    return ",\n  ".join(f"{sql} AS {name}" for name, sql in columns.items())


def _change_reason(every: Every) -> str:
    cases = {
        "value IS NULL": NO_VALUE,
        "_before IS NULL": FIRST_PERIOD,
        "_repeats": SAME_PERIOD.format(every=every),
        "_adjoins IS NOT TRUE": MISSING_PERIOD,
        "previous IS NULL": NO_VALUE_BEFORE,
        "previous = 0": ZERO_BEFORE,
        is_not_finite("(value - previous)"): TOO_FAR,
    }
    return "CASE " + " ".join(f"WHEN {test} THEN {quote_text(said)}" for test, said in cases.items()) + " END"


def _trend(kpi: Kpi) -> str:
    """Better, worse or same; null where nobody said which way is better."""
    if kpi.direction is None:
        return "CAST(NULL AS VARCHAR)"
    up, down = ("better", "worse") if kpi.direction is Direction.HIGHER else ("worse", "better")
    return (
        f"CASE WHEN value > previous THEN '{up}' WHEN value < previous THEN '{down}' "
        "WHEN value = previous THEN 'same' END"
    )


def _status(kpi: Kpi) -> str:
    bounds = kpi.thresholds
    if bounds is None:
        return "CAST(NULL AS VARCHAR)"
    beyond = ">=" if bounds.direction is Direction.HIGHER else "<="
    return (
        f"CASE WHEN value IS NULL THEN '{Status.UNKNOWN}' "
        f"WHEN CAST(value AS DOUBLE) {beyond} {_number(bounds.good)} THEN '{Status.GOOD}' "
        f"WHEN CAST(value AS DOUBLE) {beyond} {_number(bounds.warning)} THEN '{Status.WARNING}' "
        f"ELSE '{Status.CRITICAL}' END"
    )


def _number(value: float | None) -> str:
    return f"CAST({'NULL' if value is None else repr(value)} AS DOUBLE)"


def quote_text(value: str | None) -> str:
    """A text, quoted for SQL."""
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"
