"""Rows that came against rows that were expected, as multisets: a table has no order."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from entrepot.app.model_tests.definition import WantedReject
from entrepot.app.model_tests.workbench import RejectedRow

Row = Mapping[str, Any]
_MOST_PAIRS = 250_000


@dataclass(frozen=True, slots=True)
class Pair:
    """Two rows that stand for each other and differ in `columns`; one of them is None where nothing is near."""

    expected: Row | None
    actual: Row | None
    columns: tuple[str, ...]
    number: int | None = None
    """Of the expected row, from 0."""


@dataclass(frozen=True, slots=True)
class RowDiff:
    """What differs, in the columns that were compared."""

    columns: tuple[str, ...]
    expected: int
    actual: int
    pairs: tuple[Pair, ...]

    @property
    def equal(self) -> bool:
        """True when nothing differs."""
        return not self.pairs


@dataclass(frozen=True, slots=True)
class RejectDiff:
    """Rejects that were expected and did not come, and those that came and were not expected."""

    missing: tuple[WantedReject, ...]
    unexpected: tuple[RejectedRow, ...]

    @property
    def equal(self) -> bool:
        """True when nothing differs."""
        return not self.missing and not self.unexpected


def compare_rows(expected: Sequence[Row], actual: Sequence[Row], columns: Sequence[str], key: Sequence[str]) -> RowDiff:
    """Match rows by value: first those that are equal, then those with one key, then those that share most cells."""
    left = dict(enumerate(expected))
    right = dict(enumerate(actual))
    _match_equal(left, right, columns)
    _match(left, right, lambda a, b: all(same(a[name], b[name]) for name in columns))
    pairs: list[Pair] = []
    by_key = [name for name in key if name in columns]
    if by_key and len(by_key) == len(key):
        found = _match(left, right, lambda a, b: all(same(a[name], b[name]) for name in by_key))
        pairs += [_pair(expected[i], actual[j], columns, i) for i, j in found]
    pairs += [_pair(expected[i], actual[j], columns, i) for i, j in _match_nearest(left, right, columns)]
    pairs += [Pair(row, None, tuple(columns), i) for i, row in left.items()]
    pairs.sort(key=lambda pair: pair.number if pair.number is not None else len(expected))
    pairs += [Pair(None, row, tuple(columns)) for row in right.values()]
    return RowDiff(tuple(columns), len(expected), len(actual), tuple(pairs))


def compare_rejects(wanted: Sequence[WantedReject], came: Sequence[RejectedRow]) -> RejectDiff:
    """Match each wanted reject with one that came: those that say most first."""
    left = list(came)
    missing = []
    for each in sorted(wanted, key=lambda item: (-len(item.row), -len(item.rules))):
        found = next((reject for reject in left if _fits(each, reject)), None)
        if found is None:
            missing.append(each)
        else:
            left.remove(found)
    return RejectDiff(tuple(missing), tuple(left))


def same(a: Any, b: Any) -> bool:
    """Equal by value: 1.50 is 1.5, an instant is the same in any zone, doubles may differ in the last digits, null is only null."""
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12) or (math.isnan(a) and math.isnan(b))
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return type(a) is type(b) and bool(a == b)


def _match_equal(left: dict[int, Row], right: dict[int, Row], columns: Sequence[str]) -> None:
    """Take out rows that are equal to the last digit; quick for many rows."""
    waiting: defaultdict[object, list[int]] = defaultdict(list)
    for number, row in right.items():
        waiting[_frozen(row, columns)].append(number)
    for number, row in list(left.items()):
        numbers = waiting.get(_frozen(row, columns))
        if numbers:
            del left[number], right[numbers.pop()]


def _match(left: dict[int, Row], right: dict[int, Row], fits: Callable[[Row, Row], bool]) -> list[tuple[int, int]]:
    """Take out the pairs that fit."""
    found: list[tuple[int, int]] = []
    if len(left) * len(right) > _MOST_PAIRS:
        return found
    for i, row in list(left.items()):
        j = next((j for j, other in right.items() if fits(row, other)), None)
        if j is not None:
            found.append((i, j))
            del left[i], right[j]
    return found


def _match_nearest(left: dict[int, Row], right: dict[int, Row], columns: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs that share at least half of their cells, the nearest first."""
    if len(left) * len(right) > _MOST_PAIRS:
        return []
    near = [(sum(same(a[n], b[n]) for n in columns), -i, -j) for i, a in left.items() for j, b in right.items()]
    found = []
    for shared, i, j in sorted(near, reverse=True):
        if 2 * shared >= len(columns) and -i in left and -j in right:
            found.append((-i, -j))
            del left[-i], right[-j]
    return found


def _pair(expected: Row, actual: Row, columns: Sequence[str], number: int) -> Pair:
    different = tuple(name for name in columns if not same(expected[name], actual[name]))
    return Pair(expected, actual, different, number)


def _fits(wanted: WantedReject, came: RejectedRow) -> bool:
    return set(wanted.rules) <= set(came.rules) and all(
        name in came.row and came.row[name] == text for name, text in wanted.row.items()
    )


def _frozen(row: Row, columns: Sequence[str]) -> object:
    return tuple(_freeze(row[name]) for name in columns)


def _freeze(value: Any) -> object:
    match value:
        case list():
            return ("list", *map(_freeze, value))
        case dict():
            return ("dict", *((key, _freeze(each)) for key, each in value.items()))
        case tuple():
            return ("tuple", *map(_freeze, value))
        case Decimal():
            return ("decimal", value)  # equal decimals have one hash, whatever their scale
        case _:
            return (type(value).__name__, value)
