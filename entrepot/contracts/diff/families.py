"""Rules of one kind before and after: does the new contract demand more, less, or something else?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from entrepot.contracts.diff.change import Judgement, breaking, loosened, tightened
from entrepot.contracts.findings import say_allowed
from entrepot.contracts.model import Contract
from entrepot.contracts.render import columns_of, describe_rule
from entrepot.contracts.row_rules import (
    AnyRule,
    ForeignKey,
    Length,
    Matches,
    Multiple,
    NotOneOf,
    OneOf,
    Range,
    Required,
    Unique,
)


@dataclass(frozen=True, slots=True)
class Effect:
    """One promise or demand that differs. `family` says of which kind; `columns` are the new names, none for the dataset."""

    columns: tuple[str, ...]
    family: str
    judgement: Judgement


Rules = Sequence[AnyRule]
Bound = tuple[Any, bool]
"""A limit and whether it is itself allowed."""


def _required(name: str, old: Rules, new: Rules) -> Judgement | None:
    before, after = (any(isinstance(rule, Required) for rule in rules) for rules in (old, new))
    if before == after:
        return None
    if after:
        return tightened(f"Rows without {name} were accepted and are rejected.")
    return loosened(f"{name} was always there and may be null.")


def _one_of(name: str, old: Rules, new: Rules) -> Judgement | None:
    before, after = _listed(old, OneOf), _listed(new, OneOf)
    if before == after:
        return None
    if before is None:
        return tightened(f"{name} could be anything and must be one of a list.")
    if after is None:
        return loosened(f"{name} was one of a list and may be anything.")
    return _compare_sets(name, before, after, grow=loosened, shrink=tightened)


def _not_one_of(name: str, old: Rules, new: Rules) -> Judgement | None:
    before = {v for rule in old if isinstance(rule, NotOneOf) for v in _values(rule.values)}
    after = {v for rule in new if isinstance(rule, NotOneOf) for v in _values(rule.values)}
    return None if before == after else _compare_sets(name, before, after, grow=tightened, shrink=loosened)


def _compare_sets(
    name: str,
    old: set[Any],
    new: set[Any],
    *,
    grow: Callable[[str], Judgement],
    shrink: Callable[[str], Judgement],
) -> Judgement:
    more, less = sorted(map(str, new - old)), sorted(map(str, old - new))
    allowed = grow is loosened
    came = f"{name} may {'' if allowed else 'not '}be {_few(more)} now."
    went = f"{name} may {'no longer' if allowed else 'now'} be {_few(less)}."
    if not less:
        return grow(came)
    return shrink(went) if not more else breaking(f"{came} {went}")


def _pattern(name: str, old: Rules, new: Rules) -> Judgement | None:
    before = {rule.pattern for rule in old if isinstance(rule, Matches)}
    after = {rule.pattern for rule in new if isinstance(rule, Matches)}
    if before == after:
        return None
    if before < after:
        return tightened(f"{name} must match a pattern that it did not have to match before.")
    if after < before:
        return loosened(f"{name} no longer has to match {_few(sorted(before - after))}.")
    return breaking(f"{name} matches another pattern: whether one contains the other cannot be told.")


def _low(name: str, old: Rules, new: Rules) -> Judgement | None:
    return _compare_bounds(name, "at least", _lowest(old), _lowest(new), upwards=True)


def _high(name: str, old: Rules, new: Rules) -> Judgement | None:
    return _compare_bounds(name, "at most", _highest(old), _highest(new), upwards=False)


def _shortest(name: str, old: Rules, new: Rules) -> Judgement | None:
    first, second = (
        _strictest([(r.at_least, True) for r in rules if isinstance(r, Length)], max) for rules in (old, new)
    )
    return _compare_bounds(f"the length of {name}", "at least", first, second, upwards=True)


def _longest(name: str, old: Rules, new: Rules) -> Judgement | None:
    first, second = (
        _strictest([(r.at_most, True) for r in rules if isinstance(r, Length)], min) for rules in (old, new)
    )
    return _compare_bounds(f"the length of {name}", "at most", first, second, upwards=False)


def _multiple(name: str, old: Rules, new: Rules) -> Judgement | None:
    before = {rule.of for rule in old if isinstance(rule, Multiple)}
    after = {rule.of for rule in new if isinstance(rule, Multiple)}
    if before == after:
        return None
    implied = all(any(step % other == 0 for step in after) for other in before)
    implies = all(any(step % other == 0 for step in before) for other in after)
    said = f"{name} was a multiple of {_few(sorted(before)) if before else 'nothing'}, and is of {_few(sorted(after)) if after else 'nothing'}."
    if implied == implies:
        return None if implied else breaking(said)
    return tightened(said) if implied else loosened(said)


ONE_COLUMN: dict[str, Callable[[str, Rules, Rules], Judgement | None]] = {
    "required": _required,
    "one_of": _one_of,
    "not_one_of": _not_one_of,
    "pattern": _pattern,
    "minimum": _low,
    "maximum": _high,
    "shortest": _shortest,
    "longest": _longest,
    "multiple": _multiple,
}
"""The rules of one column, each with its comparison: column, old rules, new rules → judgement, None when they demand the same."""

_COMPARED = (Required, OneOf, NotOneOf, Matches, Range, Length, Multiple, Unique, ForeignKey)


def compare_keys(old: Contract, new: Contract) -> Iterator[Effect]:
    """The primary key: readers join by it, a merge updates by it."""
    before, after = old.key, new.key
    if set(before) == set(after):
        return
    if not before:
        judgement = tightened(f"The dataset has a key now: rows that share {_few(after)} with another are rejected.")
    elif not after:
        judgement = loosened(f"The key {_few(before)} is gone: rows may stand there twice.")
    else:
        judgement = breaking(f"The key was {_few(before)} and is {_few(after)}: joins and updates go by it.")
    yield Effect(tuple(dict.fromkeys([*before, *after])), "key", judgement)


def compare_uniques(old: Rules, new: Rules) -> Iterator[Effect]:
    """Uniqueness, the key's included: that of fewer columns includes that of more."""
    before = [set(rule.columns) for rule in old if isinstance(rule, Unique)]
    after = [set(rule.columns) for rule in new if isinstance(rule, Unique)]
    for columns in after:
        if not any(known <= columns for known in before):
            text = f"Rows that share {_few(sorted(columns))} with another were accepted and are rejected."
            yield Effect(tuple(sorted(columns)), "unique", tightened(text))
    for columns in before:
        if not any(known <= columns for known in after):
            text = f"{_few(sorted(columns))} was unique and may stand there twice."
            yield Effect(tuple(sorted(columns)), "unique", loosened(text))


def compare_references(old: Rules, new: Rules) -> Iterator[Effect]:
    """Foreign keys that reject rows."""
    yield from _compare_plain(
        [rule for rule in old if isinstance(rule, ForeignKey)],
        [rule for rule in new if isinstance(rule, ForeignKey)],
        "foreign_key",
    )


def compare_others(old: Rules, new: Rules) -> Iterator[Effect]:
    """Rules of any other kind: there, or not there."""
    first, second = ([rule for rule in rules if not isinstance(rule, _COMPARED)] for rules in (old, new))
    yield from _compare_plain(first, second, "other")


def _compare_plain(old: Iterable[AnyRule], new: Iterable[AnyRule], family: str) -> Iterator[Effect]:
    before = {_bare(rule): rule for rule in old}
    after = {_bare(rule): rule for rule in new}
    for key, rule in after.items():
        if key not in before:
            text = f"{_few(columns_of(rule))} must be {describe_rule(rule)}, which was not asked before."
            yield Effect(columns_of(rule), family, tightened(text))
    for key, rule in before.items():
        if key not in after:
            text = f"{_few(columns_of(rule))} no longer has to be {describe_rule(rule)}."
            yield Effect(columns_of(rule), family, loosened(text))


def _bare(rule: AnyRule) -> str:
    """What a rule demands, without what it is called."""
    return repr(replace(rule, id="", description=None))


def _listed(rules: Rules, kind: type[OneOf]) -> set[Any] | None:
    lists = [_values(rule.values) for rule in rules if isinstance(rule, kind)]
    return set.intersection(*lists) if lists else None


def _values(values: Iterable[Any]) -> set[Any]:
    """Numbers by their value, so that another scale is no other list; what is written as text stays text."""
    return {("flag", value) if isinstance(value, bool) else _number(value) for value in values}


def _number(value: Any) -> Any:
    return value if isinstance(value, str) else Decimal(str(value))


def _lowest(rules: Rules) -> Bound | None:
    ranges = [rule for rule in rules if isinstance(rule, Range)]
    found = [(rule.at_least, True) for rule in ranges] + [(rule.above, False) for rule in ranges]
    return _strictest(found, max)


def _highest(rules: Rules) -> Bound | None:
    ranges = [rule for rule in rules if isinstance(rule, Range)]
    found = [(rule.at_most, True) for rule in ranges] + [(rule.below, False) for rule in ranges]
    return _strictest(found, min)


def _strictest(bounds: list[Bound], choose: Callable[..., Bound]) -> Bound | None:
    """The bound that decides; of two equal ones that which excludes itself."""
    there = [bound for bound in bounds if bound[0] is not None]
    if not there:
        return None
    limit = choose(bound[0] for bound in there)
    return (limit, all(inclusive for value, inclusive in there if value == limit))


def _compare_bounds(name: str, word: str, old: Bound | None, new: Bound | None, *, upwards: bool) -> Judgement | None:
    if old == new:
        return None
    said = f"{name[0].upper()}{name[1:]} was {_say(word, old)} and is {_say(word, new)}."
    if old is None or new is None:
        return tightened(said) if old is None else loosened(said)
    try:
        stricter = new[0] > old[0] if upwards else new[0] < old[0]
    except TypeError:  # the type changed with it
        return breaking(said)
    if new[0] == old[0]:
        stricter = not new[1]
    return tightened(said) if stricter else loosened(said)


def _say(word: str, bound: Bound | None) -> str:
    if bound is None:
        return "not limited"
    value, inclusive = bound
    return f"{word} {value}" if inclusive else f"{'above' if word == 'at least' else 'below'} {value}"


def _few(words: Iterable[Any]) -> str:
    listed = [str(word) for word in words]
    return say_allowed(listed) if len(listed) <= 4 else f"{', '.join(listed[:3])} and {len(listed) - 3} more"
