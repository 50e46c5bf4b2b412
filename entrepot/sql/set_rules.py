"""A rule's SQL: placeholders and the contract's own names become datasets; what could leak, write or read outside is refused.

In comes the text of the contract, out goes one SELECT over `layer.name`, or every fault with its place. The engine looks again at
what it is given, and runs it without access to files, settings and network: this is the first of three locks.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp

from entrepot.contracts.set_rules import MeasureSql
from entrepot.kernel.errors import ContractError, Place, ProjectError
from entrepot.kernel.names import Dataset
from entrepot.sql.checks import find_faults
from entrepot.sql.expressions import quote_name
from entrepot.sql.functions import find_unsafe_calls
from entrepot.sql.query import Query, find_offset, parse_query
from entrepot.sql.tables import find_cte, find_tables

_PLACEHOLDER = re.compile(
    r"(?:\$?\{schema\}\s*\.\s*)?\$?\{(?P<object>object|table|model)\}|(?P<quote>\"?)\$?\{(?P<property>property|column|field)\}(?P=quote)"
    r"|\$?\{(?P<other>\w+)\}"
)
_ALLOWED = "${object} (also table, model) and, on a property, ${property} (also column, field)"


@dataclass(frozen=True, slots=True)
class RuleQuery:
    """A rule's SELECT as it runs: the datasets in it are named `layer.name`."""

    sql: str
    reads: tuple[Dataset, ...]
    """Datasets in it, the rule's own among them where it stands in the text."""


def compile_rule(rule: MeasureSql, own: Dataset, datasets: Collection[Dataset] | None = None) -> RuleQuery:
    """Check a rule's SQL and name its datasets.

    Args:
        own: the dataset that is judged.
        datasets: all of the project, to refuse others; None: not known here.

    Raises: ContractError at the line of the first fault.
    """
    query, faults = _look(rule, own, datasets)
    if faults:
        raise faults[0]
    assert query is not None
    return RuleQuery(query.body, find_tables(query))


def find_rule_faults(rule: MeasureSql, own: Dataset, datasets: Collection[Dataset]) -> tuple[ContractError, ...]:
    """Everything that is wrong with a rule's SQL, each with its line in the contract."""
    return _look(rule, own, datasets)[1]


def _look(
    rule: MeasureSql, own: Dataset, datasets: Collection[Dataset] | None
) -> tuple[Query | None, tuple[ContractError, ...]]:
    try:
        text = _fill(rule, own)
        query = parse_query(_name_datasets(parse_query(text), _names(rule, own)))
        calls = tuple(_find_calls(query))
        faults = [*(calls or find_faults(query)), *_find_strangers(query, datasets)]
        return query, tuple(_placed(rule, fault) for fault in faults)
    except ProjectError as error:
        return None, (_placed(rule, error),)


def _fill(rule: MeasureSql, own: Dataset) -> str:
    """The text with its placeholders replaced."""

    def replace(match: re.Match[str]) -> str:
        if match["object"]:
            return str(own)
        if match["property"] and rule.column is not None:
            return quote_name(rule.column)
        line = rule.query.count("\n", 0, match.start()) + 1
        why = "the rule stands on no property" if match["property"] else f"allowed are {_ALLOWED}"
        raise ProjectError(f"the placeholder {match[0]} means nothing here: {why}. (line {line}, column 1)")

    return _PLACEHOLDER.sub(replace, rule.query)


def _names(rule: MeasureSql, own: Dataset) -> Mapping[str, str]:
    """The contract's own names; those of the rule's object mean the dataset that is judged, which a model may have made."""
    if not rule.names:
        return {}
    first = rule.names[0][1]
    return {name: str(own) if dataset == first else dataset for name, dataset in rule.names}


def _name_datasets(query: Query, names: Mapping[str, str]) -> str:
    """The text with each of the contract's own names replaced by `layer.name`; where columns are called by it, it stays as alias."""
    text = query.text
    found = [
        (offset, table) for table in query.tree.find_all(exp.Table) if (offset := _own_name(table, names)) is not None
    ]
    for offset, table in sorted(found, key=lambda pair: pair[0], reverse=True):
        end = table.this.meta["end"] + 1
        alias = "" if table.alias else f" AS {quote_name(table.name)}"
        text = text[:offset] + names[table.name.lower()] + alias + text[end:]
    return text


def _own_name(table: exp.Table, names: Mapping[str, str]) -> int | None:
    plain = isinstance(table.this, exp.Identifier) and not table.args.get("db") and find_cte(table) is None
    if not plain or table.name.lower() not in names or "end" not in table.this.meta:
        return None
    return find_offset(table.this)


def _find_calls(query: Query) -> Iterator[ProjectError]:
    for token in find_unsafe_calls(query.tokens):
        yield query.error(
            f"{token.text}() may not stand in a rule: allowed are functions whose value follows from their arguments, "
            "not what reads files, settings, the catalog or the clock.",
            token.start,
        )


def _find_strangers(query: Query, datasets: Collection[Dataset] | None) -> Iterator[ProjectError]:
    for name in find_tables(query) if datasets is not None else ():
        if name not in (datasets or ()):
            yield query.error(
                f"the project has no dataset {name}.", hint="A rule reads datasets of the project, as layer.name."
            )


_AT = re.compile(r" \(line (\d+), column \d+\)\Z")


def _placed(rule: MeasureSql, error: ProjectError) -> ContractError:
    """The error with its place in the contract file."""
    found = _AT.search(error.message)
    message = error.message[: found.start()] if found else error.message
    place = rule.place
    if place is not None and found and place.line is not None:
        place = Place(place.path, place.line + int(found[1]) - 1)
    text = message.replace("A model", "A rule").replace("a model", "a rule")
    return ContractError(f"rule {rule.id}: {text}", place=place, hint=error.hint)
