"""Types before and after: which values of the old one the new one takes, and what a reader gets."""

from __future__ import annotations

from collections.abc import Iterator

from entrepot.contracts.diff.change import Judgement, Level, Verdict, breaking
from entrepot.contracts.diff.families import Effect
from entrepot.contracts.diff.inner import are_nested, compare_rules, pair_inner
from entrepot.contracts.model import Column
from entrepot.contracts.odcs.draft import say_format
from entrepot.contracts.types import ColumnType, Kind

_DIGITS = {32: 10, 64: 19}
"""Decimal digits of the largest integer."""


def compare_types(old: Column, new: Column, old_zone: str, new_zone: str) -> Iterator[Effect]:
    """What another type, another way of writing it or another time zone does to a column and to what is in it."""
    yield from _compare(new.name, old.type, new.type, (old_zone, new_zone))


def _compare(path: str, old: ColumnType, new: ColumnType, zones: tuple[str, str]) -> Iterator[Effect]:
    if are_nested(old, new):
        pairs, effects = pair_inner(path, old, new)
        yield from effects
        for at, one, two in pairs:
            yield from _compare(at, one.type, two.type, zones)
            yield from compare_rules(at, one, two)
        return
    if str(old) != str(new):
        yield Effect((path,), "type", _judge(path, old, new))
    if old.format != new.format:
        yield Effect((path,), "format", _judge_format(path, old, new))
    before, after = old.zone or zones[0], new.zone or zones[1]
    if before != after and Kind.TIMESTAMP in (old.kind, new.kind):
        text = f"A time without offset in {path} was read in {before} and is read in {after}: the same text is another instant."
        yield Effect((path,), "time_zone", breaking(text))


def _judge(name: str, old: ColumnType, new: ColumnType) -> Judgement:
    said = f"{name} was {old} and is {new}"
    if _holds_all(old, new):
        text = f"{said}: every value that came still fits, but readers get another type."
        return Judgement(Verdict.BREAKING, Verdict.COMPATIBLE, text, Level.MAJOR)
    if old.kind is new.kind:
        return breaking(f"{said}: values that came may not fit, and readers get another type.")
    return breaking(f"{said}: values are read otherwise or not at all, and readers get another type.")


def _holds_all(old: ColumnType, new: ColumnType) -> bool:
    """True when every value of the old type is one of the new type, written as before."""
    match (old.kind, new.kind):
        case (Kind.INTEGER, Kind.INTEGER) | (Kind.DOUBLE, Kind.DOUBLE):
            return old.bits <= new.bits and old.kind is Kind.INTEGER
        case (Kind.DECIMAL, Kind.DECIMAL):
            return new.scale >= old.scale and new.precision - new.scale >= old.precision - old.scale
        case (Kind.INTEGER, Kind.DECIMAL):
            return new.precision - new.scale >= _DIGITS[old.bits]
    return False


def _judge_format(name: str, old: ColumnType, new: ColumnType) -> Judgement:
    before, after = (say_format(type.format) if type.format else "ISO 8601" for type in (old, new))
    text = f"{name} was written as {before} and is read as {after}: values are refused, or day and month change places."
    return Judgement(Verdict.COMPATIBLE, Verdict.BREAKING, text, Level.MAJOR)
