"""A contract for people: rows of a table, rules in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from entrepot.contracts.model import Column, Contract
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
from entrepot.contracts.set_rules import AnySetRule, CountBroken, CountDuplicates, CountRows, MeasureSql
from entrepot.contracts.types import NESTED, ColumnType, Kind


@dataclass(frozen=True, slots=True)
class ColumnRow:
    """One line of a contract's table."""

    column: str
    type: str
    required: bool
    rules: tuple[str, ...]
    description: str | None = None


def describe_contract(contract: Contract) -> tuple[ColumnRow, ...]:
    """One row for each column and each property inside of one, with its rules in words; rules of several columns stand at each."""
    rows: list[ColumnRow] = []
    for column in contract.columns:
        rules = _say_rules(contract, column)
        rows.append(ColumnRow(column.name, _say_type(column.type), column.required, rules, column.description))
        rows.extend(_describe_inner(column.name, column.type))
    return tuple(rows)


def _describe_inner(path: str, type: ColumnType) -> Iterator[ColumnRow]:
    items = f"{path}{{}}" if type.kind is Kind.MAP else f"{path}[]"
    below = [(f"{path}.{inner.name}", inner) for inner in type.properties]
    below += [(at, inner) for at, inner in ((f"{path}{{key}}", type.keys), (items, type.items)) if inner]
    for at, inner in below:
        rules = tuple(describe_rule(rule) for rule in inner.rules if not isinstance(rule, Required))
        required = any(isinstance(rule, Required) and rule.severity is Severity.ERROR for rule in inner.rules)
        yield ColumnRow(at, _say_type(inner.type), required, rules)
        yield from _describe_inner(at, inner.type)


def describe_rule(rule: AnyRule) -> str:
    """A rule in a few words, `1 to 5`, `one of A, B`, with its severity where it only warns."""
    text = _describe(rule)
    return text if rule.severity is Severity.ERROR else f"{text} (warning)"


def describe_set_rule(rule: AnySetRule) -> str:
    """A rule over the whole dataset in a few words, `nullValues of price < 5 percent`, with its severity where it only warns."""
    match rule:
        case CountBroken():
            text = f"{rule.metric} of {rule.column} {rule.limit} {rule.unit}"
        case CountDuplicates():
            text = f"duplicateValues of {', '.join(rule.columns)} {rule.limit} {rule.unit}"
        case CountRows():
            text = f"rowCount {rule.limit}"
        case MeasureSql():
            text = f"SQL {rule.limit}" + (f" {rule.unit}" if rule.unit else "")
    return text if rule.severity is Severity.ERROR else f"{text} (warning)"


def _say_type(type: ColumnType) -> str:
    if type.kind in NESTED and not type.is_json:
        return type.kind.value
    return f"{type} ({type.format})" if type.format else str(type)


def _say_rules(contract: Contract, column: Column) -> tuple[str, ...]:
    own = (rule for rule in contract.rules if column.name in columns_of(rule))
    return tuple(describe_rule(rule) for rule in own if not (isinstance(rule, Required) and column.required))


def columns_of(rule: AnyRule) -> tuple[str, ...]:
    """The columns that a rule judges."""
    return rule.columns if isinstance(rule, Unique | ForeignKey) else (rule.column,)


def _describe(rule: AnyRule) -> str:
    match rule:
        case Required():
            return "required"
        case OneOf() | NotOneOf():
            word = "one of" if isinstance(rule, OneOf) else "none of"
            return f"{word} {', '.join(map(str, rule.values))}"
        case Matches():
            by_format = rule.id.startswith("format:") and rule.description is not None
            return str(rule.description) if by_format else f"matches {rule.pattern}"
        case Length():
            return f"{_between(rule.at_least, rule.at_most)} characters"
        case Range():
            limits = [_between(rule.at_least, rule.at_most)] if (rule.at_least, rule.at_most) != (None, None) else []
            limits += [f"above {rule.above}"] if rule.above is not None else []
            return ", ".join(limits + ([f"below {rule.below}"] if rule.below is not None else []))
        case Multiple():
            return f"multiple of {rule.of}"
        case Size():
            return f"{_between(rule.at_least, rule.at_most)} items or properties"
        case Distinct():
            return "no item twice"
        case Has():
            return f"has {', '.join(rule.names)}"
        case Unique():
            together = f" ({', '.join(rule.columns)})" if len(rule.columns) > 1 else ""
            return f"{'key' if rule.is_key else 'unique'}{together}"
        case ForeignKey():
            return f"in {rule.dataset} ({', '.join(rule.to_columns)})"


def _between(low: object, high: object) -> str:
    if low is None:
        return f"at most {high}"
    return f"at least {low}" if high is None else f"{low} to {high}"
