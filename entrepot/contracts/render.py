"""A contract for people: rows of a table, rules in words."""

from __future__ import annotations

from dataclasses import dataclass

from entrepot.contracts.model import (
    AnyRule,
    Column,
    Contract,
    ForeignKey,
    Length,
    Matches,
    Multiple,
    OneOf,
    Range,
    Required,
    Severity,
    Unique,
)


@dataclass(frozen=True, slots=True)
class ColumnRow:
    """One line of a contract's table."""

    column: str
    type: str
    required: bool
    rules: tuple[str, ...]
    description: str | None = None


def describe_contract(contract: Contract) -> tuple[ColumnRow, ...]:
    """One row for each column, with its rules in words; rules of several columns stand at each of them."""
    return tuple(
        ColumnRow(column.name, _say_type(column), column.required, _say_rules(contract, column), column.description)
        for column in contract.columns
    )


def describe_rule(rule: AnyRule) -> str:
    """A rule in a few words, `1 to 5`, `one of A, B`, with its severity where it only warns."""
    text = _describe(rule)
    return text if rule.severity is Severity.ERROR else f"{text} (warning)"


def _say_type(column: Column) -> str:
    return f"{column.type} ({column.type.format})" if column.type.format else str(column.type)


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
        case OneOf():
            return f"one of {', '.join(map(str, rule.values))}"
        case Matches():
            return f"matches {rule.pattern}"
        case Length():
            return f"{_between(rule.at_least, rule.at_most)} characters"
        case Range():
            limits = [_between(rule.at_least, rule.at_most)] if (rule.at_least, rule.at_most) != (None, None) else []
            limits += [f"above {rule.above}"] if rule.above is not None else []
            return ", ".join(limits + ([f"below {rule.below}"] if rule.below is not None else []))
        case Multiple():
            return f"multiple of {rule.of}"
        case Unique():
            together = f" ({', '.join(rule.columns)})" if len(rule.columns) > 1 else ""
            return f"{'key' if rule.is_key else 'unique'}{together}"
        case ForeignKey():
            return f"in {rule.dataset} ({', '.join(rule.to_columns)})"


def _between(low: object, high: object) -> str:
    if low is None:
        return f"at most {high}"
    return f"at least {low}" if high is None else f"{low} to {high}"
