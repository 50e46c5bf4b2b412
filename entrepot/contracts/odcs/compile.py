"""From a document to contracts: one for each schema object. In comes a checked document, out go `Contract` values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from entrepot.contracts.findings import Findings
from entrepot.contracts.model import Contract
from entrepot.contracts.odcs.columns import Draft, key_columns, read_columns
from entrepot.contracts.odcs.custom import (
    DATASET,
    EXPECT,
    TIME_ZONE,
    check_custom_properties,
    find_custom,
    read_custom_text,
    read_max_rejects,
)
from entrepot.contracts.odcs.document import Section
from entrepot.contracts.odcs.expectations import read_expectations
from entrepot.contracts.odcs.nested import nest_rules
from entrepot.contracts.odcs.quality import Scope, read_quality
from entrepot.contracts.odcs.relationships import Table, read_property_relationships, read_relationships
from entrepot.contracts.odcs.rules import add_key_rules, add_property_rules
from entrepot.contracts.odcs.ruleset import DeferredRule, RuleSet
from entrepot.contracts.odcs.time_zones import check_zone
from entrepot.contracts.row_rules import Required, Severity
from entrepot.contracts.types import Kind
from entrepot.kernel.ids import hash_json
from entrepot.kernel.names import Dataset, parse_dataset

NO_LAYER = "?"
"""Layer of an object whose dataset is wrong: it never leaves this module, for the contract is refused."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a document gives: contracts, and the rules that rows are not judged by."""

    contracts: tuple[Contract, ...]
    deferred: tuple[DeferredRule, ...]


def compile_document(root: Section, default_time_zone: str, unknown_keys: tuple[str, ...], found: Findings) -> Compiled:
    """Compile all schema objects; what is wrong is reported and leaves its contract out."""
    with found.within("contract.custom_property"):
        check_custom_properties(root, found)
        zone = _contract_zone(root, default_time_zone, found)
    objects = root.sections("schema")
    with found.within("contract.dataset"):
        if not root.items("schema"):
            text = "the contract describes no dataset: schema is missing or empty; allowed is a list of one object or more."
            found.error(root.place_of("schema"), text)
        pairs = [(item, table) for item in objects if (table := _read_table(item, found))]
        _check_objects(pairs, found)
    tables = _name_tables([table for _, table in pairs])
    contracts: list[Contract] = []
    deferred: list[DeferredRule] = []
    for item, table in pairs:
        rules = RuleSet(table.dataset)
        contract = _compile(root, item, table, tables, zone, rules, found)
        contract = replace(contract, unknown_keys=unknown_keys, hash=hash_contract(contract))
        contracts.append(replace(contract, set_hash=hash_set_rules(contract)))
        deferred.extend(rules.deferred)
    return Compiled(tuple(contracts), tuple(deferred))


def hash_contract(contract: Contract) -> str:
    """Hash what changes how rows are read and judged; descriptions, owner, version and classification don't."""
    return hash_json(
        {
            "dataset": str(contract.dataset),
            "columns": [
                {
                    "name": column.name,
                    "type": asdict(column.type),
                    "required": column.required,
                    "headers": column.headers,
                }
                for column in contract.columns
            ],
            "rules": [
                {"kind": type(rule).__name__, **{k: v for k, v in asdict(rule).items() if k != "description"}}
                for rule in contract.rules
            ],
            "time_zone": contract.time_zone,
        }
    )


def hash_set_rules(contract: Contract) -> str:
    """Hash what judges the whole dataset: its set rules and, since they speak of its columns, the contract's own hash."""
    rules = [{"kind": type(rule).__name__, **_without_words(asdict(rule))} for rule in contract.set_rules]
    return hash_json({"contract": contract.hash, "rules": rules})


def _without_words(value: Any) -> Any:
    """The same without what is only for people, at any depth."""
    if isinstance(value, dict):
        said = ("description", "dimension", "place")
        return {key: _without_words(each) for key, each in value.items() if key not in said}
    return [_without_words(each) for each in value] if isinstance(value, list | tuple) else value


def _compile(
    root: Section,
    item: Section,
    table: Table,
    tables: Mapping[str, Table],
    zone: str,
    rules: RuleSet,
    found: Findings,
) -> Contract:
    zone = _dataset_zone(table, zone)
    with found.within("contract.key"):
        key = key_columns(table.drafts, found)
        _check_positions(table.drafts, found)
        add_key_rules(key, table.drafts, rules, found)
    scope = Scope(table.drafts, zone, rules, found, name_objects(item, table, tables))
    for draft in table.drafts:
        with found.within("contract.rule"):
            add_property_rules(draft, key, zone, rules, found)
        with found.within("contract.quality"):
            read_quality(draft.section, draft, scope)
        with found.within("contract.relationship"):
            read_property_relationships(draft, tables, rules, found)
    with found.within("contract.quality"):
        read_quality(item, None, scope)
    with found.within("contract.relationship"):
        read_relationships(table, item, tables, rules, found)
    with found.within("contract.expectation"):
        expectations = read_expectations(root, item, _element_names(item, table), table.drafts, found)
    required = {r.column for r in rules.rules if isinstance(r, Required) and r.severity is Severity.ERROR}
    compiled = (draft.compile(required=draft.name in required) for draft in table.drafts)
    columns, row_rules = nest_rules([column for column in compiled if column is not None], rules.rules)
    return Contract(
        dataset=table.dataset,
        columns=columns,
        rules=row_rules,
        time_zone=zone,
        version=root.text("version") or "",
        description=item.text("description") or root.section("description").text("purpose"),
        owner=_owner(root),
        set_rules=tuple(rules.set_rules),
        max_rejects=read_max_rejects(item, found),
        expectations=expectations,
        says_expect=find_custom(item, EXPECT) is not None,
    )


def _element_names(item: Section, table: Table) -> tuple[str, ...]:
    """How a service level's `element` may call a schema object."""
    return tuple(filter(None, (table.name, item.text("physicalName"), str(table.dataset), item.text("id"))))


def _check_positions(drafts: tuple[Draft, ...], found: Findings) -> None:
    """Positions of the key leave no gap: where one is missing a column may have been forgotten."""
    places = {
        position: draft.section.place_of("primaryKeyPosition")
        for draft in drafts
        if draft.is_key and (position := draft.section.whole("primaryKeyPosition")) is not None and position > 0
    }
    wrong = [position for position in sorted(places) if position > sum(draft.is_key for draft in drafts)]
    if wrong:
        text = f"primaryKeyPosition is {wrong[0]}, but the key has {len(places)}; allowed is 1 to {len(places)}, each once."
        found.error(places[wrong[0]], text, "Is a column of the key missing?")


def _read_table(item: Section, found: Findings) -> Table | None:
    name = item.text("name")
    if name is None:
        return None
    # An object without a usable dataset is compiled all the same, so that its other problems are told with it.
    dataset = _read_dataset(item, found) or Dataset(NO_LAYER, name)
    with found.within("contract.column"):
        return Table(name, item.text("id"), dataset, read_columns(name, item, found))


def _read_dataset(item: Section, found: Findings) -> Dataset | None:
    physical = item.text("physicalName")
    own = read_custom_text(item, DATASET, found)
    from_physical = _parse(physical)
    if own is None:
        if from_physical is None:
            label = item.text("name") or "this object"
            came = f"its physicalName is {physical!r}" if physical else "it has no physicalName"
            found.error(
                item.place_of("physicalName"),
                f"the object {label} does not say which dataset it is: {came}; "
                "allowed is layer.name with layer bronze, silver or gold and a name of lower-case letters, digits and _.",
                f"Write physicalName: bronze.NAME, or a custom property {DATASET} where the physical name is taken.",
            )
        return from_physical
    dataset = _parse(own.text)
    if dataset is None:
        text = f"{DATASET} is {own.text!r}; allowed is layer.name with layer bronze, silver or gold and a name of a-z, 0-9 and _."
        found.error(own.place, text)
    elif from_physical not in (None, dataset):
        found.error(own.place, f"{DATASET} is {dataset}, but physicalName is {from_physical}; allowed is one dataset.")
    return dataset


def _parse(text: str | None) -> Dataset | None:
    try:
        return parse_dataset(text or "")
    except ValueError:
        return None


def _check_objects(pairs: list[tuple[Section, Table]], found: Findings) -> None:
    datasets: dict[Dataset, Section] = {}
    names: dict[str, Section] = {}
    for item, table in pairs:
        other = datasets.setdefault(table.dataset, item)
        if other is not item and table.dataset.layer != NO_LAYER:
            text = f"the dataset {table.dataset} stands twice, first in line {other.place.line}; allowed is one object for each dataset."
            found.error(item.place, text, code="contract.duplicate")
        twin = names.setdefault(table.name, item)
        if twin is not item and other is item:
            line = twin.place_of("name").line
            text = f"the object name {table.name} stands twice, first in line {line}; allowed is each name once, references name it."
            found.error(item.place_of("name"), text, code="contract.duplicate")


def name_objects(item: Section, table: Table, tables: Mapping[str, Table]) -> tuple[tuple[str, str], ...]:
    """Names by which the queries of an object's checks may call datasets of the file, in lower case, the object's own first."""
    physical = item.text("physicalName") or table.name
    named = {table.name.lower(): str(table.dataset), physical.lower(): str(table.dataset)}
    for name, other in tables.items():
        named.setdefault(name.lower(), str(other.dataset))
    return tuple((name, dataset) for name, dataset in named.items() if "." not in name)


def _name_tables(tables: list[Table]) -> dict[str, Table]:
    by_name = {table.name: table for table in tables}
    for table in tables:
        if table.dataset.layer != NO_LAYER:
            by_name.setdefault(str(table.dataset), table)
    return by_name


def _contract_zone(root: Section, default: str, found: Findings) -> str:
    own = read_custom_text(root, TIME_ZONE, found)
    return default if own is None else check_zone(own, TIME_ZONE, default, found)


def _dataset_zone(table: Table, zone: str) -> str:
    """The zone of the dataset's instants where all columns agree; where they differ, the contract's, and columns keep their own."""
    types = (draft.type for draft in table.drafts)
    zones = {found.zone or zone for found in types if found is not None and found.kind is Kind.TIMESTAMP}
    return zones.pop() if len(zones) == 1 else zone


def _owner(root: Section) -> str | None:
    """The team's name, else the member whose role is owner."""
    team = root.section("team")
    members = team.sections("members") or root.sections("team")
    owners = [member for member in members if (member.text("role") or "").lower() == "owner"]
    named = [owner.text("name") or owner.text("username") for owner in owners]
    return team.text("name") or next(iter(named), None)
