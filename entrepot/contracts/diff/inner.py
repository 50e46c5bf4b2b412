"""What stands inside of arrays, objects and maps, before and after: each inner property is compared like a column, under its path."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from entrepot.contracts.diff.change import Level, breaking, harmless, loosened, tightened
from entrepot.contracts.diff.families import ONE_COLUMN, Effect, compare_others
from entrepot.contracts.odcs.nested import items_path, keys_path, values_path
from entrepot.contracts.row_rules import AnyRule, Required, Severity
from entrepot.contracts.types import NESTED, ColumnType, Kind, Property

Same = tuple[str, Property, Property]


def are_nested(old: ColumnType, new: ColumnType) -> bool:
    """True when both hold others in the same way, so that what is inside can be compared one by one."""
    return old.kind is new.kind and old.kind in NESTED and not old.is_json and not new.is_json


def find_path(steps: Sequence[str]) -> tuple[str, list[str]]:
    """The path of the innermost property that the steps lead to, and the steps left: `lines`, `items`, `properties`, `price`, `required`."""
    path, rest = steps[0], list(steps[1:])
    while rest:
        match rest:
            case ["properties", name, *more]:
                path = f"{path}.{name}"
            case ["items", *more]:
                path = items_path(path)
            case ["map", "key", *more]:
                path = keys_path(path)
            case ["map", "value", *more]:
                path = values_path(path)
            case _:
                break
        rest = more
    return path, rest


def pair_inner(path: str, old: ColumnType, new: ColumnType) -> tuple[list[Same], list[Effect]]:
    """What both hold under one path, and what came or went."""
    if old.kind is not Kind.OBJECT:
        pairs = [(items_path(path) if old.kind is Kind.ARRAY else values_path(path), old.items, new.items)]
        pairs += [(keys_path(path), old.keys, new.keys)] if old.kind is Kind.MAP else []
        return [(at, one, two) for at, one, two in pairs if one and two], []
    before = {inner.name: inner for inner in old.properties}
    after = {inner.name: inner for inner in new.properties}
    both = [(f"{path}.{name}", before[name], inner) for name, inner in after.items() if name in before]
    return both, [*_tell_new(path, before, after), *_tell_gone(path, before, after)]


def compare_rules(path: str, old: Property, new: Property) -> Iterator[Effect]:
    """What is demanded of an inner property, and under which keys it may come."""
    first, second = _errors(old), _errors(new)
    for family, compare in ONE_COLUMN.items():
        judgement = compare(path, first, second)
        if judgement is not None:
            yield Effect((path,), family, judgement)
    for effect in compare_others(first, second):
        yield Effect((path,), effect.family, effect.judgement)
    if old.headers != new.headers:
        lost = set(old.headers) - set(new.headers)
        text = f"{path} may come under other keys."
        yield Effect((path,), "headers", breaking(text) if lost else harmless(text, Level.MINOR))


def _tell_new(path: str, before: dict[str, Property], after: dict[str, Property]) -> Iterator[Effect]:
    for name, inner in after.items():
        if name in before:
            continue
        at = f"{path}.{name}"
        if any(isinstance(rule, Required) for rule in _errors(inner)):
            judgement = tightened(f"Rows without the new {at} are rejected.")
        else:
            judgement = harmless(f"Rows without the new {at} have null there.", Level.MINOR)
        yield Effect((at,), "column", judgement)


def _tell_gone(path: str, before: dict[str, Property], after: dict[str, Property]) -> Iterator[Effect]:
    for name in before:
        if name not in after:
            at = f"{path}.{name}"
            yield Effect(
                (at,), "column", loosened(f"Queries that name {at} fail; what sources bring in it is left out.")
            )


def _errors(inner: Property) -> list[AnyRule]:
    return [rule for rule in inner.rules if rule.severity is Severity.ERROR]
