"""The rules on values inside of arrays and objects, as functions: when a value breaks one, and in which words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from entrepot.contracts.row_rules import AnyRule, Distinct, Has, Length, Matches, Multiple, NotOneOf, OneOf, Range, Size
from entrepot.contracts.types import ColumnType, Kind


@dataclass(frozen=True, slots=True)
class Mark:
    """What a reason says of a rule. `rejects` is false for what only warns."""

    rule: str
    expected: str
    rejects: bool


@dataclass(frozen=True, slots=True)
class Check:
    """One rule: `broken` takes the value as it came and as it was typed."""

    mark: Mark
    broken: Callable[[Any, Any], bool]


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """A regular expression, judged for many values at once by RE2."""

    mark: Mark
    pattern: str

    def misfits(self, texts: Sequence[str]) -> set[str]:
        """Those of the texts that do not match as a whole."""
        import pyarrow as pa
        import pyarrow.compute as pc

        array = pa.array(list(dict.fromkeys(texts)), pa.string())
        matched = pc.match_substring_regex(array, rf"\A(?:{self.pattern})\z")
        return set(array.filter(pc.invert(matched)).to_pylist())


def make_check(rule: AnyRule, column_type: ColumnType, *, rejects: bool) -> Check | Pattern:
    """A rule other than `Required` as a function. Raises: ValueError for a rule that speaks of whole rows."""
    match rule:
        case OneOf() | NotOneOf():
            return _list_check(rule, column_type, rejects=rejects)
        case Matches():
            return Pattern(Mark(rule.id, rule.description or f"a text like {rule.pattern}", rejects), rule.pattern)
        case Length() | Size():
            return _size_check(rule, column_type, rejects=rejects)
        case Range():
            return _range_check(rule, column_type, rejects=rejects)
        case Multiple():
            of = Fraction(rule.of)
            mark = Mark(rule.id, f"a multiple of {rule.of:f}", rejects)
            return Check(mark, lambda _, typed: Fraction(typed) % of != 0)
        case Distinct():
            return Check(Mark(rule.id, "no item twice", rejects), lambda came, typed: _repeats(_items(came, typed)))
        case Has(names=names):
            mark = Mark(rule.id, f"a value under {', '.join(names)}", rejects)
            return Check(mark, lambda came, _: any(came.get(name) is None for name in names))
    raise ValueError(f"{type(rule).__name__} is no rule on a value inside of another")


def _list_check(rule: OneOf | NotOneOf, column_type: ColumnType, *, rejects: bool) -> Check:
    values = frozenset(_comparable(value, column_type) for value in rule.values)
    said, inside = ", ".join(_say(value) for value in rule.values), isinstance(rule, NotOneOf)
    mark = Mark(rule.id, f"{'none' if inside else 'one'} of {said}", rejects)
    return Check(mark, lambda _, typed: (typed in values) is inside)


def _size_check(rule: Length | Size, column_type: ColumnType, *, rejects: bool) -> Check:
    low, high = rule.at_least or 0, rule.at_most
    words = [f"at least {low}"] if low else []
    words += [f"at most {high}"] if high is not None else []
    if low == high:
        words = [f"exactly {low}"]
    unit = {Kind.OBJECT: "properties", Kind.STRING: "characters"}.get(column_type.kind, "items")
    count = _length if isinstance(rule, Length) else _size

    def broken(came: Any, typed: Any) -> bool:
        size = count(came, typed)
        return size < low or (high is not None and size > high)

    return Check(Mark(rule.id, f"{' and '.join(words)} {unit}", rejects), broken)


def _length(_: Any, typed: Any) -> int:
    return len(typed)


def _size(came: Any, _: Any) -> int:
    """Items, or properties that have a value: Parquet has null where JSON leaves a property out."""
    return sum(value is not None for value in came.values()) if isinstance(came, dict) else len(came)


def _range_check(rule: Range, column_type: ColumnType, *, rejects: bool) -> Check:
    low, high, above, below = (
        None if bound is None else _comparable(bound, column_type)
        for bound in (rule.at_least, rule.at_most, rule.above, rule.below)
    )
    said = (("at least", rule.at_least), ("at most", rule.at_most), ("above", rule.above), ("below", rule.below))
    words = " and ".join(f"{word} {_say(bound)}" for word, bound in said if bound is not None)

    def broken(_: Any, typed: Any) -> bool:
        return (
            (low is not None and typed < low)
            or (high is not None and typed > high)
            or (above is not None and typed <= above)
            or (below is not None and typed >= below)
        )

    return Check(Mark(rule.id, words, rejects), broken)


def _comparable(value: Any, column_type: ColumnType) -> Any:
    """A constant of the contract as a typed value."""
    match column_type.kind:
        case Kind.DATE:
            return date.fromisoformat(value)
        case Kind.TIMESTAMP | Kind.TIMESTAMP_LOCAL:
            return datetime.fromisoformat(value)
        case Kind.DECIMAL:
            return Decimal(str(value))
        case Kind.DOUBLE:
            return float(value)
    return value


def _say(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _items(came: Any, typed: Any) -> list[Any]:
    return typed if isinstance(typed, list) else came


def _repeats(items: list[Any]) -> bool:
    keys = [equality_key(item) for item in items]
    return len(set(keys)) < len(keys)


def equality_key(value: Any) -> Any:
    """Equal for equal values and hashable; true is not 1."""
    if isinstance(value, dict):
        return ("object", frozenset((key, equality_key(item)) for key, item in value.items()))
    if isinstance(value, list):
        return ("array", tuple(equality_key(item) for item in value))
    return (type(value) is bool, value)
