"""One nested column compiled to a function over its values: typed values come out, and a report of what is wrong where.

The report names each place by its path, `lines[2].price`; items are counted from 0, as JSON does. All that is wrong is reported, not
the first. Keys that the contract does not know are left out and named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from entrepot.adapters.embedded.nested.checks import Check, Mark, Pattern, make_check
from entrepot.adapters.embedded.nested.json_text import write_json
from entrepot.adapters.embedded.nested.scalars import BAD, typer
from entrepot.adapters.embedded.zones import changing_hours
from entrepot.contracts.model import Column
from entrepot.contracts.row_rules import AnyRule, Required, Severity
from entrepot.contracts.types import NESTED, ColumnType, Kind, Property

Path = tuple[str | int | tuple[Any], ...]
"""Steps from the column: a property's name, an item's number, or a map's key in a tuple of one."""

LONGEST_VALUE = 200
"""Characters of a value in a reason; the whole row stands beside it."""


@dataclass(slots=True)
class Report:
    """What is wrong with the rows of one call."""

    column: str
    row: int = 0
    errors: defaultdict[int, list[dict[str, str | None]]] = field(default_factory=lambda: defaultdict(list))
    warnings: defaultdict[int, list[dict[str, str | None]]] = field(default_factory=lambda: defaultdict(list))
    later: defaultdict[Pattern, list[tuple[int, Path, str]]] = field(default_factory=lambda: defaultdict(list))
    unknown: set[str] = field(default_factory=set)

    def add(self, mark: Mark, path: Path, value: Any, row: int | None = None) -> None:
        """Note a broken rule."""
        at = self.row if row is None else row
        reason = {
            "rule": mark.rule,
            "column": self.column,
            "value": show(value),
            "expected": mark.expected,
            "at": say_path(self.column, path) if path else None,
        }
        (self.errors if mark.rejects else self.warnings)[at].append(reason)

    def judge_patterns(self) -> None:
        """Judge the texts that were kept for RE2."""
        for pattern, kept in self.later.items():
            bad = pattern.misfits([text for _, _, text in kept])
            for row, path, text in kept if bad else ():
                if text in bad:
                    self.add(pattern.mark, path, text, row)


Walk = Callable[[Any, Path, Report], Any]
"""Types one value, null too, and reports what is wrong; null for what could not be typed."""


def say_path(column: str, path: Path) -> str:
    """A path as people read it."""
    said = column
    for step in path:
        match step:
            case int():
                said += f"[{step}]"
            case str():
                said += f".{step}"
            case (key,):
                said += f"[{write_json(key)}]"
    return said


def show(value: Any) -> str | None:
    """A value as a reason shows it."""
    if value is None:
        return None
    text = write_json(value) if isinstance(value, bool | list | dict | float) else str(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def compile_column(column: Column, rules: Sequence[AnyRule], zone: str, *, only_warn: bool) -> Walk:
    """The function for a nested column.

    Args: rules: those of the column itself, without `Required`; only_warn: a person approved what breaks rules, though never types.
    """
    root = Property(column.name, column.type, rules=tuple(rules))
    return _Compiler(zone, only_warn).value(root, column.name)


class _Compiler:
    """Makes one function for each place of a type."""

    def __init__(self, zone: str, only_warn: bool) -> None:
        self._zone = zone
        self._only_warn = only_warn

    def value(self, prop: Property, path: str) -> Walk:
        """The function of one place: null, type, rules."""
        convert, typed, mark = self._type(prop.type, path)
        required = next((self._mark(rule, "a value") for rule in prop.rules if isinstance(rule, Required)), None)
        made = [self._check(rule, prop.type) for rule in prop.rules if not isinstance(rule, Required)]
        checks = [check for check in made if isinstance(check, Check)]
        patterns = [check for check in made if isinstance(check, Pattern)]

        def walk(value: Any, path: Path, report: Report) -> Any:
            if value is None:
                if required is not None:
                    report.add(required, path, None)
                return None
            if convert is not None:
                found = convert(value)
                if found is BAD:
                    report.add(mark, path, value)
                    return None
            else:
                found = typed(value, path, report)
                if found is None:
                    return None
            for check in checks:
                if check.broken(value, found):
                    report.add(check.mark, path, value)
            for pattern in patterns:
                report.later[pattern].append((report.row, path, found))
            return found

        return walk

    def _mark(self, rule: AnyRule, expected: str) -> Mark:
        return Mark(rule.id, expected, rule.severity is Severity.ERROR and not self._only_warn)

    def _check(self, rule: AnyRule, column_type: ColumnType) -> Check | Pattern:
        return make_check(rule, column_type, rejects=rule.severity is Severity.ERROR and not self._only_warn)

    def _type(self, column_type: ColumnType, path: str) -> tuple[Callable[[Any], Any] | None, Walk, Mark]:
        """How a value is typed: a single one by a function of its own, which saves two calls for each."""
        mark = Mark(f"type:{path}", self._say_type(column_type), True)
        if column_type.kind in NESTED:
            return None, self._nested(column_type, path, mark), mark
        return typer(column_type, self._zone), _nothing, mark

    def _say_type(self, column_type: ColumnType) -> str:
        if column_type.kind in NESTED:
            return "a JSON list" if column_type.kind is Kind.ARRAY else "a JSON object"
        words = f"{column_type} written as {column_type.format}" if column_type.format else str(column_type)
        zone = column_type.zone or self._zone
        if column_type.kind is Kind.TIMESTAMP and zone != "UTC" and changing_hours(zone):
            return f"{words}; without an offset, a time that the clocks of {zone} show once"
        return words

    def _nested(self, column_type: ColumnType, path: str, mark: Mark) -> Walk:
        if column_type.is_json:
            return _any_json(list if column_type.kind is Kind.ARRAY else dict, mark)
        if column_type.kind is Kind.OBJECT:
            inner = [(each, self.value(each, f"{path}.{each.name}")) for each in column_type.properties]
            return _object(inner, path, mark)
        if column_type.keys and column_type.items:
            keys = self.value(column_type.keys, f"{path}{{key}}")
            return _map(keys, column_type.keys.type, self.value(column_type.items, f"{path}{{}}"), mark)
        if column_type.items:
            return _array(self.value(column_type.items, f"{path}[]"), mark)
        raise ValueError(column_type)


def _nothing(value: Any, path: Path, report: Report) -> Any:
    raise TypeError("a single value is typed by its own function")


def _any_json(kind: type, mark: Mark) -> Walk:
    def walk(value: Any, path: Path, report: Report) -> Any:
        if type(value) is not kind:
            report.add(mark, path, value)
            return None
        return write_json(value)

    return walk


def _array(item: Walk, mark: Mark) -> Walk:
    def walk(value: Any, path: Path, report: Report) -> Any:
        if type(value) is not list:
            report.add(mark, path, value)
            return None
        return [item(each, (*path, number), report) for number, each in enumerate(value)]

    return walk


def _object(inner: Sequence[tuple[Property, Walk]], template: str, mark: Mark) -> Walk:
    known = frozenset(key for prop, _ in inner for key in (prop.name, *prop.headers))
    steps = [(prop.name, prop.headers, walk) for prop, walk in inner]

    def walk(value: Any, path: Path, report: Report) -> Any:
        if type(value) is not dict:
            report.add(mark, path, value)
            return None
        if not known.issuperset(value):
            report.unknown.update(f"{template}.{key}" for key in value if key not in known)
        found = {}
        for name, headers, step in steps:
            came = value.get(name)
            if came is None and headers:
                came = next((value[key] for key in headers if value.get(key) is not None), None)
            found[name] = step(came, (*path, name), report)
        return found

    return walk


def _map(key: Walk, key_type: ColumnType, item: Walk, mark: Mark) -> Walk:
    is_whole = key_type.kind is Kind.INTEGER

    def walk(value: Any, path: Path, report: Report) -> Any:
        if type(value) is not dict:
            report.add(mark, path, value)
            return None
        found = []
        for name, each in value.items():
            step = (*path, (name,))
            found.append((key(_as_number(name) if is_whole else name, step, report), item(each, step, report)))
        if len({name for name, _ in found}) < len(found):
            report.add(mark, path, value)  # "1" and "01" are one integer
        return found

    return walk


def _as_number(name: Any) -> Any:
    """A key of JSON is always text."""
    is_number = isinstance(name, str) and name.isascii() and name.removeprefix("-").isdigit() and len(name) < 40
    return int(name) if is_number else name
