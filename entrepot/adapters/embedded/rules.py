"""A contract's rules as SQL over typed columns: when a row breaks one, and in which words.

Each predicate is true when the rule is broken; null counts as kept, so a row is judged by one OR of them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from entrepot.adapters.embedded.casts import cast_text, sql_type, step
from entrepot.adapters.embedded.quoting import literal
from entrepot.contracts.model import Contract
from entrepot.contracts.row_rules import (
    AnyRule,
    Distinct,
    ForeignKey,
    Has,
    Length,
    Matches,
    Multiple,
    NotOneOf,
    OneOf,
    Range,
    Required,
    Severity,
    Size,
    Unique,
)
from entrepot.contracts.types import ColumnType, Kind
from entrepot.kernel.errors import ContractError

if TYPE_CHECKING:
    import duckdb

_NUMBERS = (Kind.INTEGER, Kind.DECIMAL, Kind.DOUBLE)
INSIDE = Size | Distinct | Has
"""Rules on nested columns, which the columns' own functions judge (`nested`)."""
Bound = Decimal | int | float | str | bool


@dataclass(frozen=True, slots=True)
class Judgement:
    """One rule over one row: SQL that is true when it is broken, and what the reason says."""

    rule: str
    columns: tuple[str, ...]
    broken: str
    expected: str
    severity: Severity = Severity.ERROR
    reasons: str | None = None
    """SQL of a list of reasons, where the row has them ready; then `rule` and `expected` are empty."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """What rendering needs: the contract, an open connection to try expressions on, and the typed columns' names."""

    contract: Contract
    connection: duckdb.DuckDBPyConnection
    typed: Mapping[str, str]
    failed: Mapping[str, str]
    """column → SQL that is true when its value could not be typed; absent when that cannot be."""
    hits: Mapping[str, str]
    """rule id of a foreign key → name of the column that is null where nothing is referred to; absent: no rows there."""


def render_rules(context: Rendering) -> list[Judgement]:
    """All row rules. Unique rules are not among them: they are judged over the whole batch.

    Raises: ContractError for a pattern or a bound that makes no sense.
    """
    rendered = [render_rule(context, rule) for rule in context.contract.rules if not isinstance(rule, Unique | INSIDE)]
    with_rule = {rule.column for rule in context.contract.rules if isinstance(rule, Required)}
    implied = [column for column in context.contract.columns if column.required and column.name not in with_rule]
    return [render_rule(context, Required(id=f"required:{c.name}", column=c.name)) for c in implied] + rendered


def render_rule(context: Rendering, rule: AnyRule) -> Judgement:
    """One row rule. Raises: as `render_rules`."""
    columns = rule.columns if isinstance(rule, ForeignKey | Unique) else (rule.column,)
    broken, expected = _predicate(context, rule)
    return Judgement(rule.id, columns, broken, expected, rule.severity)


def _predicate(context: Rendering, rule: AnyRule) -> tuple[str, str]:
    if isinstance(rule, ForeignKey):
        return _foreign_key(context, rule)
    if isinstance(rule, Unique | INSIDE):
        raise TypeError(f"the rule {rule.id} has no predicate over single values")
    typed, column_type = context.typed[rule.column], context.contract.column(rule.column).type
    match rule:
        case Required():
            failed = context.failed.get(rule.column)
            return f"({typed} IS NULL" + (f" AND NOT {failed})" if failed else ")"), "a value"
        case OneOf():
            values = ", ".join(_bound(context, rule.id, column_type, value) for value in rule.values)
            words = ", ".join(_text(value) for value in rule.values)
            return f"({typed} NOT IN ({values}))" if rule.values else f"({typed} IS NOT NULL)", f"one of {words}"
        case NotOneOf():
            values = ", ".join(_bound(context, rule.id, column_type, value) for value in rule.values)
            words = ", ".join(_text(value) for value in rule.values)
            return f"({typed} IN ({values}))" if rule.values else "false", f"none of {words}"
        case Matches():
            _check_pattern(context, rule)
            return f"(NOT regexp_full_match({typed}::VARCHAR, {literal(rule.pattern)}))", f"a text like {rule.pattern}"
        case Length():
            return _length(rule, typed)
        case Range():
            return _range(context, rule, typed, column_type)
        case Multiple():
            return _multiple(rule, typed, column_type)


def _length(rule: Length, typed: str) -> tuple[str, str]:
    size, broken, words = f"length({typed}::VARCHAR)", [], []
    if rule.at_least is not None:
        broken.append(f"{size} < {rule.at_least}")
        words.append(f"at least {rule.at_least}")
    if rule.at_most is not None:
        broken.append(f"{size} > {rule.at_most}")
        words.append(f"at most {rule.at_most}")
    return _any(broken), f"{' and '.join(words)} characters"


def _range(context: Rendering, rule: Range, typed: str, column_type: ColumnType) -> tuple[str, str]:
    sides = (
        ("at least", "<", rule.at_least),
        ("at most", ">", rule.at_most),
        ("above", "<=", rule.above),
        ("below", ">=", rule.below),
    )
    broken = [f"isnan({typed})"] if column_type.kind is Kind.DOUBLE else []
    words = []
    for word, operator, bound in sides:
        if bound is not None:
            broken.append(f"{typed} {operator} {_bound(context, rule.id, column_type, bound)}")
            words.append(f"{word} {_text(bound)}")
    return _any(broken), " and ".join(words)


def _multiple(rule: Multiple, typed: str, column_type: ColumnType) -> tuple[str, str]:
    if not rule.of:
        raise ContractError(f"rule {rule.id}: no number is a multiple of 0.", hint="Write another number.")
    of = format(rule.of, "f")
    if column_type.kind is Kind.DOUBLE:
        ratio = f"({typed} / {of}::DOUBLE)"
        return (
            f"(abs({ratio} - round({ratio})) > 1e-9 * greatest(abs({ratio}), 1) OR NOT isfinite({typed}))",
            f"a multiple of {of}",
        )
    return f"({typed} % {of} <> 0)", f"a multiple of {of}"


def _foreign_key(context: Rendering, rule: ForeignKey) -> tuple[str, str]:
    present = " AND ".join(f"{context.typed[column]} IS NOT NULL" for column in rule.columns)
    hit = context.hits.get(rule.id)
    expected = f"a value of {', '.join(rule.to_columns)} in {rule.dataset}"
    return f"({present}" + (f" AND {hit} IS NULL)" if hit else ")"), expected


def _any(predicates: list[str]) -> str:
    return f"({' OR '.join(predicates)})" if predicates else "false"


def _text(value: Bound) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _bound(context: Rendering, rule: str, column_type: ColumnType, value: Bound) -> str:
    """A value of a rule as SQL of the column's type; numbers keep digits that the column could not hold."""
    text = _text(value)
    if column_type.kind in _NUMBERS:
        return _number(rule, column_type, text)
    if column_type.kind is Kind.STRING:
        return literal(text)
    iso = ColumnType(column_type.kind)
    found = _cast_literal(context, iso, text)
    if found is None:
        raise ContractError(
            f"rule {rule}: {text!r} is not a value of type {iso}.", hint="Write dates and timestamps as ISO 8601 text."
        )
    return f"{literal(found)}::{sql_type(iso)}"


def _number(rule: str, column_type: ColumnType, text: str) -> str:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise ContractError(
            f"rule {rule}: {text!r} is not a number, and its column is {column_type}.", hint="Write a number."
        )
    plain = format(number, "f")
    return f"{plain}::DOUBLE" if column_type.kind is Kind.DOUBLE else plain


def _cast_literal(context: Rendering, column_type: ColumnType, text: str) -> str | None:
    query = f"SELECT {literal(text)} AS r"
    steps = cast_text(column_type, "r", "c", context.contract.time_zone)
    for number, expression in enumerate(steps):
        query = f"SELECT *, {expression} AS {step('c', number)} FROM ({query})"
    row = context.connection.execute(f"SELECT {step('c', len(steps) - 1)}::VARCHAR FROM ({query})").fetchone()
    return None if row is None or row[0] is None else str(row[0])


def _check_pattern(context: Rendering, rule: Matches) -> None:
    import duckdb

    try:
        context.connection.execute("SELECT regexp_full_match('', ?)", [rule.pattern]).fetchone()
    except duckdb.Error as error:
        raise ContractError(
            f"rule {rule.id}: the pattern {rule.pattern!r} is not a regular expression that RE2 takes: {error}.",
            hint="RE2 has no look-around and no back-references.",
        ) from error
