"""Quality checks over a whole dataset before and after: limits, arguments, severity. They hold releases; they reject no row."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from entrepot.contracts.diff.change import Judgement, Level, breaking, harmless, loosened, tightened, unclear
from entrepot.contracts.diff.tree import same
from entrepot.contracts.limits import Limit, Operator
from entrepot.contracts.odcs.document import Listing, Node, Scalar, Section
from entrepot.contracts.odcs.standard import METRICS

_ROW_METRICS = ("nullValues", "missingValues", "invalidValues", "duplicateValues")
_WORDS = ("description", "businessImpact", "dimension", "schedule", "scheduler", "tags", "method", "name", "id")
"""Keys of a check that change nothing in its judgement."""
_NONE = Limit(Operator.BE, Decimal(0))


def judges_rows(check: Section) -> bool:
    """True for a check that demands not one bad row: it became rules of single rows, which are compared as such."""
    limit = read_limit(check)
    return metric_of(check) in _ROW_METRICS and limit is not None and _compare_limits(limit, _NONE) == (True, True)


def metric_of(check: Section) -> str:
    """What the check measures, by the name of the newest standard."""
    word = check.text("metric") or check.text("rule") or ""
    return METRICS.get(word, word)


def judge_added(check: Section) -> Judgement:
    """A check that was not there."""
    if not _holds(check):
        return harmless("It only warns.", Level.MINOR)
    if _is_opaque(check):
        return unclear(f"What a check of type {_kind(check)} demands cannot be read from the contract.")
    return tightened("A delivery that breaks it was released and is held back now.")


def judge_removed(check: Section) -> Judgement:
    """A check that is gone."""
    if not _holds(check):
        return harmless("It only warned.", Level.MINOR)
    return loosened("Nothing holds back what broke it.")


def judge_changed(old: Section, new: Section) -> Judgement:
    """A check that is there in both."""
    if not _holds(old) and not _holds(new):
        return harmless("It only warns.")
    if _holds(old) != _holds(new):
        if _holds(new):
            return tightened("It warned, and holds the release back now.")
        return loosened("It held the release back, and only warns now.")
    if not _differs(old, new):
        return harmless("It measures and demands the same.")
    if _texts_differ(old, new):
        if _is_opaque(old) or _is_opaque(new):
            return unclear("What it measures changed; whether that is more or less cannot be read from the contract.")
        return breaking("It measures something else.")
    before, after = read_limit(old), read_limit(new)
    if before is None or after is None:
        return unclear("Its limit cannot be read.")
    return _judge_limits(before, after)


def read_limit(check: Section) -> Limit | None:
    """The limit that a check sets, None when it sets none or several."""
    found = [operator for operator in Operator if operator.value in check.entries]
    if len(found) != 1:
        return None
    node = check.get(found[0].value)
    nodes = node.items if isinstance(node, Listing) else (node,)
    numbers = [number for item in nodes if (number := _number(item)) is not None]
    if not numbers or len(numbers) != len(nodes) or len(numbers) > 2:
        return None
    return Limit(found[0], numbers[0], numbers[1] if len(numbers) > 1 else None)


def _number(node: Node | None) -> Decimal | None:
    if isinstance(node, Scalar) and isinstance(node.value, int | Decimal) and not isinstance(node.value, bool):
        return Decimal(node.value)
    return None


def _judge_limits(old: Limit, new: Limit) -> Judgement:
    said = f"The measured number had to be {old} and has to be {new}."
    stricter, looser = _compare_limits(new, old)
    if stricter and looser:
        return harmless("The limit is the same, said otherwise.")
    if stricter:
        return tightened(f"{said} What was released may be held back.")
    return loosened(said) if looser else breaking(said)


def _compare_limits(one: Limit, other: Limit) -> tuple[bool, bool]:
    """Does all that `one` allows pass `other`, and the reverse? Decided at the bounds, between them and beyond them."""
    bounds = {Fraction(bound) for limit in (one, other) for bound in (limit.value, limit.upto) if bound is not None}
    points = sorted(bounds)
    probes = [points[0] - 1, points[-1] + 1, *points]
    probes += [(low + high) / 2 for low, high in pairwise(points)]
    inside = all(other.holds(probe) for probe in probes if one.holds(probe))
    outside = all(one.holds(probe) for probe in probes if other.holds(probe))
    return inside, outside


def _differs(old: Section, new: Section) -> bool:
    return any(not _equal(old, new, key) for key in {*old.entries, *new.entries} - set(_WORDS))


def _texts_differ(old: Section, new: Section) -> bool:
    """True when what is measured changed, not only the limit."""
    limits = {operator.value for operator in Operator}
    keys = {*old.entries, *new.entries} - set(_WORDS) - limits - {"severity", "metric", "rule", "type"}
    kinds = (_kind(old), metric_of(old)) != (_kind(new), metric_of(new))
    return kinds or any(not _equal(old, new, key) for key in keys)


def _equal(old: Section, new: Section, key: str) -> bool:
    before, after = old.get(key), new.get(key)
    if before is None or after is None:
        return before is after
    return same(before, after)


def _holds(check: Section) -> bool:
    severity = check.scalar("severity")
    return _kind(check) != "text" and (severity is None or str(severity).strip().lower() == "error")


def _kind(check: Section) -> str:
    return check.text("type") or "library"


def _is_opaque(check: Section) -> bool:
    return _kind(check) in ("sql", "custom")
