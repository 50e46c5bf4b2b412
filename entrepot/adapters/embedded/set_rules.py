"""Rules over a whole dataset as SQL: counts of one scan, duplicates, and the rows behind a count."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from entrepot.adapters.embedded.quoting import ident, idents
from entrepot.adapters.embedded.rules import Rendering, render_rule
from entrepot.contracts.set_rules import AnySetRule, CountBroken, CountDuplicates
from entrepot.kernel.errors import ContractError, UsageError
from entrepot.kernel.rows import ORIGIN, RECORD_ID
from entrepot.sql.functions import safe_functions

_NAME = re.compile(r"\w+")


def columns_of_rule(rule: AnySetRule) -> tuple[str, ...]:
    """The columns that a rule counts over; none for those that count rows or give a number of their own."""
    match rule:
        case CountBroken():
            return (rule.column,)
        case CountDuplicates():
            return rule.columns
    return ()


def count_sql(context: Rendering, rule: CountBroken) -> str:
    """An aggregate: how many rows break the rule. Raises: ContractError for what makes no sense."""
    return f"count(*) FILTER (WHERE {broken_sql(context, rule)})"


def broken_sql(context: Rendering, rule: CountBroken) -> str:
    """True where a row breaks one of the rule's row rules; never null."""
    predicates = (render_rule(context, each).broken for each in rule.rules)
    return f"coalesce({' OR '.join(predicates)}, false)"


def duplicates_sql(relation: str, rule: CountDuplicates) -> str:
    """How many rows are too many: of each group of equal rows all but one. The engine spills groups that do not fit."""
    return f"SELECT coalesce(sum(n - 1), 0)::BIGINT FROM (SELECT count(*) AS n {_groups(relation, rule)})"


def rows_sql(context: Rendering, relation: str, rule: AnySetRule, there: tuple[str, ...]) -> str:
    """The rows that break a rule, the system's identity first. `there` are the relation's columns.

    Raises: UsageError for a rule that no single row breaks.
    """
    own = [column.name for column in context.contract.columns if column.name in there]
    names = [name for name in (RECORD_ID, ORIGIN) if name in there]
    order = [RECORD_ID] if RECORD_ID in there else []
    match rule:
        case CountBroken():
            source = f"{relation} WHERE {broken_sql(context, rule)}"
        case CountDuplicates():
            groups = f"SELECT {idents(rule.columns)} {_groups(relation, rule)}"
            source = f"{relation} SEMI JOIN ({groups}) USING ({idents(rule.columns)})"
            order = [*rule.columns, *order]
        case _:
            raise UsageError(
                f"the rule {rule.id} is broken by the dataset as a whole, not by single rows.",
                hint="Its number and its limit: entrepot quality DATASET",
            )
    by = f" ORDER BY {idents(order)}" if order else ""
    return f"SELECT {idents([*names, *own])} FROM {source}{by}"


def _groups(relation: str, rule: CountDuplicates) -> str:
    there = " AND ".join(f"{ident(column)} IS NOT NULL" for column in rule.columns)
    return f"FROM {relation} WHERE {there} GROUP BY {idents(rule.columns)} HAVING count(*) > 1"


def check_functions(rule: str, tree: str) -> None:
    """Look at what the engine itself understands of a SELECT (`json_serialize_sql`): only safe functions are called.

    Raises: ContractError.
    """
    for name in _functions(tree):
        if _NAME.fullmatch(name) and name.lower() not in safe_functions():
            raise ContractError(f"rule {rule}: {name}() may not stand in a rule.")


def _functions(tree: str) -> Iterator[str]:
    found: list[str] = []

    def note(node: dict[str, Any]) -> None:
        if node.get("class") in ("FUNCTION", "WINDOW"):
            found.append(str(node.get("function_name", "")))

    json.loads(tree, object_hook=note)
    yield from found
