"""From what was measured to a verdict: does the limit hold, and what is said when it does not."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from fractions import Fraction

from entrepot.contracts.limits import Unit
from entrepot.contracts.set_rules import AnySetRule, CountBroken, CountDuplicates, MeasureSql
from entrepot.ports.quality import Acceptance, Judgement, Measured, RuleResult


def judge_rule(rule: AnySetRule, measured: Measured) -> RuleResult:
    """Hold a measured number against the rule's limit, exactly; what could not be measured has failed."""
    number, unit = measured.number, _unit(rule)
    bad_rows = int(number) if number is not None and isinstance(rule, CountBroken | CountDuplicates) else None
    if number is not None and unit == Unit.PERCENT and not isinstance(rule, MeasureSql):
        number = percent(number, measured.rows or 0)
    return RuleResult(
        rule=rule.id,
        severity=rule.severity,
        passed=number is not None and rule.limit.holds(number),
        measured=None if number is None else say_number(number),
        unit=unit,
        limit=str(rule.limit),
        bad_rows=bad_rows,
        rows=measured.rows,
        error=measured.error,
        dimension=rule.dimension,
        description=rule.description,
    )


def percent(bad: Fraction | int, rows: int) -> Fraction:
    """The share of bad rows in percent; of no rows none is bad: 0."""
    return Fraction(100 * bad, rows) if rows else Fraction(0)


def say_number(number: Fraction) -> str:
    """Whole numbers as they are, others with four places behind the point, or three digits where that would be 0."""
    if number.denominator == 1:
        return str(number.numerator)
    text = f"{float(number):.4f}".rstrip("0").rstrip(".")
    return text if text.strip("-0.") else f"{float(number):.3g}"


def say_result(result: RuleResult) -> str:
    """`0.8 percent (12 of 1500 rows), allowed <= 0.5`, why there is no number, or of an expectation the whole sentence."""
    if result.error is not None:
        return f"it cannot be evaluated: {result.error}"
    if result.detail is not None and result.unit is None:
        return result.detail
    of = f" ({result.bad_rows} of {result.rows} rows)" if result.bad_rows is not None and result.unit != "rows" else ""
    unit = f" {result.unit}" if result.unit else ""
    detail = f": {result.detail}" if result.detail else ""
    return f"{result.measured}{unit}{of}, allowed {result.limit}{detail}"


def find_failed(
    judgements: Iterable[Judgement], acceptances: Collection[Acceptance]
) -> list[tuple[Judgement, RuleResult]]:
    """Results that hold the release: error severity, and nobody accepted them as they were judged."""
    accepted = {(each.dataset, each.rule, each.version, each.basis) for each in acceptances}
    return [
        (judgement, result)
        for judgement in judgements
        for result in judgement.results
        if result.holds_release and (judgement.dataset, result.rule, judgement.version, judgement.basis) not in accepted
    ]


def say_held(failed: Sequence[tuple[Judgement, RuleResult]], since: datetime | None) -> str:
    """Why a dataset is held: its first failed rule in full, the number of others, since when, and where to look."""
    judgement, result = failed[0]
    others = len(failed) - 1
    more = f"; {others} more rule{'s' if others > 1 else ''} failed" if others else ""
    when = f", failing since {since:%Y-%m-%d %H:%M} UTC" if since else ""
    return (
        f"version {judgement.version} broke the rule {result.rule} ({say_result(result)}){more}{when}. "
        f"See: entrepot quality {judgement.dataset}"
    )


def _unit(rule: AnySetRule) -> str | None:
    match rule:
        case CountBroken() | CountDuplicates():
            return rule.unit.value
        case MeasureSql():
            return rule.unit
    return Unit.ROWS.value
