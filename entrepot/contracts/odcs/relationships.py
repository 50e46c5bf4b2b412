"""Relationships as foreign keys: `to: products.product_id` becomes a rule that looks into another dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from entrepot.contracts.findings import Findings, say_allowed, suggest
from entrepot.contracts.odcs.columns import Draft
from entrepot.contracts.odcs.custom import read_severity
from entrepot.contracts.odcs.document import Listing, Node, Scalar, Section
from entrepot.contracts.odcs.ruleset import RuleSet
from entrepot.contracts.row_rules import ForeignKey, Severity
from entrepot.contracts.types import ColumnType, Kind
from entrepot.kernel.errors import Place
from entrepot.kernel.names import Dataset, parse_dataset


@dataclass(frozen=True, slots=True)
class Table:
    """One schema object of the file, as references may name it."""

    name: str
    id: str | None
    dataset: Dataset
    drafts: tuple[Draft, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """A column of a dataset; `draft` is None when the dataset stands in another file."""

    dataset: Dataset
    column: str
    draft: Draft | None


def read_relationships(
    table: Table, owner: Section, tables: Mapping[str, Table], rules: RuleSet, found: Findings
) -> None:
    """Read the relationships of the schema object itself, which name both sides."""
    for item in owner.sections("relationships"):
        sources = [reference for node in _nodes(item.get("from")) if (reference := _resolve(node, tables, found))]
        if len(sources) < len(_nodes(item.get("from"))):
            continue
        strangers = [reference for reference in sources if reference.dataset != table.dataset]
        if strangers:
            text = f"from names {strangers[0].dataset}.{strangers[0].column}; allowed are columns of {table.name}, where it stands."
            found.error(item.place_of("from"), text)
            continue
        _add(item, tuple(source.draft for source in sources if source.draft), tables, rules, found)


def read_property_relationships(draft: Draft, tables: Mapping[str, Table], rules: RuleSet, found: Findings) -> None:
    """Read the relationships of a property, which name the other side only."""
    for item in draft.section.sections("relationships"):
        _add(item, (draft,), tables, rules, found)


def _add(
    item: Section, sources: tuple[Draft, ...], tables: Mapping[str, Table], rules: RuleSet, found: Findings
) -> None:
    severity = read_severity(item, Severity.WARNING, found)
    nodes = _nodes(item.get("to"))
    targets = [reference for node in nodes if (reference := _resolve(node, tables, found))]
    if len(targets) < len(nodes) or not targets:
        return
    place = item.place_of("to")
    datasets = {target.dataset for target in targets}
    if len(datasets) > 1 or len(targets) != len(sources):
        came = f"{_count(len(targets))} of {say_allowed(sorted(map(str, datasets)))}"
        found.error(place, f"to names {came}; allowed are {_count(len(sources))} of one dataset, one for each of from.")
        return
    for source, target in zip(sources, targets, strict=True):
        _compare_types(source, target, item, found)
    columns = tuple(source.name for source in sources)
    rule = ForeignKey(
        id=f"foreign_key:{','.join(columns)}",
        columns=columns,
        dataset=targets[0].dataset,
        to_columns=tuple(target.column for target in targets),
        severity=severity,
    )
    rules.add(rule, item.text("id"))


def _count(number: int) -> str:
    return "1 column" if number == 1 else f"{number} columns"


def _compare_types(source: Draft, target: Reference, item: Section, found: Findings) -> None:
    if source.type is None or target.draft is None or target.draft.type is None:
        return
    if not are_comparable(source.type, target.draft.type):
        text = f"{source.name} is {source.type}, but {target.dataset}.{target.column} is {target.draft.type}"
        found.error(item.place_of("to"), f"{text}; allowed are columns of one type.")


def are_comparable(one: ColumnType, other: ColumnType) -> bool:
    """True when values of both types can be equal without being rounded or read as text."""
    exact = (Kind.INTEGER, Kind.DECIMAL)
    return one.kind is other.kind or (one.kind in exact and other.kind in exact)


def find_reference(node: Node, text: str) -> Place | None:
    """Where a relationship names this column under `to`, None when none does."""
    if isinstance(node, Section):
        for item in node.sections("relationships"):
            for target in _nodes(item.get("to")):
                if isinstance(target, Scalar) and target.text == text:
                    return target.place
    children = node.entries.values() if isinstance(node, Section) else node.items if isinstance(node, Listing) else ()
    return next((place for child in children if (place := find_reference(child, text))), None)


def _nodes(node: Node | None) -> tuple[Node, ...]:
    if isinstance(node, Listing):
        return node.items
    return () if node is None else (node,)


def _resolve(node: Node, tables: Mapping[str, Table], found: Findings) -> Reference | None:
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        return None
    try:
        if "/" in node.value or "#" in node.value:
            return _resolve_ids(node.value, tables)
        return _resolve_names(node.value, tables)
    except LookupError as error:
        hint = error.args[1] if len(error.args) > 1 else None
        found.error(node.place, str(error.args[0]), hint, code="contract.reference")
        return None


def _resolve_names(text: str, tables: Mapping[str, Table]) -> Reference | None:
    name, dot, column = text.rpartition(".")
    if not dot:
        return None
    table = tables.get(name)
    if table is not None:
        return _column(table, text, column)
    try:
        dataset = parse_dataset(name)
    except ValueError:
        near = suggest(name, tables)
        raise LookupError(
            f"the reference {text} names the object {name}, which this file does not have; "
            f"allowed is {say_allowed([*tables])}, or a dataset of another file as layer.name.column.",
            near,
        ) from None
    return Reference(dataset, column, None)


def _resolve_ids(text: str, tables: Mapping[str, Table]) -> Reference:
    parts = text.strip("/").split("/")
    if "#" in text or len(parts) != 4 or (parts[0], parts[2]) != ("schema", "properties"):
        raise LookupError(
            f"the reference {text} is not supported; allowed is object.column, layer.name.column or schema/ID/properties/ID of this file."
        )
    table = next((table for table in tables.values() if table.id == parts[1]), None)
    if table is None:
        ids = sorted({table.id for table in tables.values() if table.id})
        raise LookupError(f"the reference {text} names the object id {parts[1]}; allowed is {say_allowed(ids)}.")
    draft = next((draft for draft in table.drafts if draft.section.text("id") == parts[3]), None)
    if draft is None:
        ids = sorted(id for draft in table.drafts if (id := draft.section.text("id")))
        raise LookupError(f"the reference {text} names the property id {parts[3]}; allowed is {say_allowed(ids)}.")
    return Reference(table.dataset, draft.name, draft)


def _column(table: Table, text: str, column: str) -> Reference:
    known = {draft.name: draft for draft in table.drafts}
    if column not in known:
        raise LookupError(
            f"the reference {text} names the column {column}; {table.name} has {say_allowed(known)}.",
            suggest(column, known),
        )
    return Reference(table.dataset, column, known[column])
