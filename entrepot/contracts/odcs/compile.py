"""From a document to contracts: one for each schema object. In comes a checked document, out go `Contract` values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from zoneinfo import ZoneInfo, available_timezones

from entrepot.contracts.findings import Findings, suggest
from entrepot.contracts.model import Contract, Kind, Required, Severity
from entrepot.contracts.odcs.columns import Draft, key_columns, read_columns
from entrepot.contracts.odcs.custom import DATASET, TIME_ZONE, check_custom_properties, read_custom_text
from entrepot.contracts.odcs.document import Scalar, Section
from entrepot.contracts.odcs.quality import Scope, read_quality
from entrepot.contracts.odcs.relationships import Table, read_property_relationships, read_relationships
from entrepot.contracts.odcs.rules import add_key_rules, add_property_rules
from entrepot.contracts.odcs.ruleset import DeferredRule, RuleSet
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
    check_custom_properties(root, found)
    zone = _contract_zone(root, default_time_zone, found)
    objects = root.sections("schema")
    if not root.items("schema"):
        text = "the contract describes no dataset: schema is missing or empty; allowed is a list of one object or more."
        found.error(root.place_of("schema"), text)
    pairs = [(item, table) for item in objects if (table := _read_table(item, found))]
    _check_datasets(pairs, found)
    tables = _name_tables([table for _, table in pairs])
    contracts: list[Contract] = []
    deferred: list[DeferredRule] = []
    for item, table in pairs:
        rules = RuleSet(table.dataset)
        contract = _compile(root, item, table, tables, zone, rules, found)
        contracts.append(replace(contract, unknown_keys=unknown_keys, hash=hash_contract(contract)))
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


def is_time_zone(name: str) -> bool:
    """True for a name that the time zone database knows."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return False
    return True


def _compile(
    root: Section,
    item: Section,
    table: Table,
    tables: Mapping[str, Table],
    zone: str,
    rules: RuleSet,
    found: Findings,
) -> Contract:
    zone = _dataset_zone(table, zone, found)
    key = key_columns(table.drafts, found)
    add_key_rules(key, table.drafts, rules, found)
    scope = Scope(table.drafts, zone, rules, found)
    for draft in table.drafts:
        add_property_rules(draft, key, zone, rules, found)
        read_quality(draft.section, draft, scope)
        read_property_relationships(draft, tables, rules, found)
    read_quality(item, None, scope)
    read_relationships(table, item, tables, rules, found)
    required = {r.column for r in rules.rules if isinstance(r, Required) and r.severity is Severity.ERROR}
    columns = (draft.compile(required=draft.name in required) for draft in table.drafts)
    return Contract(
        dataset=table.dataset,
        columns=tuple(column for column in columns if column is not None),
        rules=rules.rules,
        time_zone=zone,
        version=root.text("version") or "",
        description=item.text("description") or root.section("description").text("purpose"),
        owner=_owner(root),
    )


def _read_table(item: Section, found: Findings) -> Table | None:
    name = item.text("name")
    if name is None:
        return None
    # An object without a usable dataset is compiled all the same, so that its other problems are told with it.
    dataset = _read_dataset(item, found) or Dataset(NO_LAYER, name)
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


def _check_datasets(pairs: list[tuple[Section, Table]], found: Findings) -> None:
    seen: dict[Dataset, Section] = {}
    for item, table in pairs:
        other = seen.setdefault(table.dataset, item)
        if other is not item and table.dataset.layer != NO_LAYER:
            text = f"the dataset {table.dataset} stands twice, first in line {other.place.line}; allowed is one object for each dataset."
            found.error(item.place, text)


def _name_tables(tables: list[Table]) -> dict[str, Table]:
    by_name = {table.name: table for table in tables}
    for table in tables:
        if table.dataset.layer != NO_LAYER:
            by_name.setdefault(str(table.dataset), table)
    return by_name


def _contract_zone(root: Section, default: str, found: Findings) -> str:
    own = read_custom_text(root, TIME_ZONE, found)
    return default if own is None else _check_zone(own, TIME_ZONE, default, found)


def _dataset_zone(table: Table, zone: str, found: Findings) -> str:
    """The one zone in which zone-less instants of the dataset are read; columns that disagree are reported."""
    zones: dict[str, tuple[Draft, Scalar | None]] = {}
    for draft in table.drafts:
        if draft.type is None or draft.type.kind not in (Kind.TIMESTAMP, Kind.TIMESTAMP_LOCAL):
            continue
        node = draft.section.section("logicalTypeOptions").get("defaultTimezone")
        own = node if isinstance(node, Scalar) and isinstance(node.value, str) else None
        if draft.type.kind is Kind.TIMESTAMP_LOCAL:
            if own:
                found.error(
                    own.place, f"{draft.name} has a defaultTimezone, but no time zone; allowed is one of the two."
                )
            continue
        name = _check_zone(own, f"defaultTimezone of {draft.name}", zone, found) if own else zone
        zones.setdefault(name, (draft, own))
    if len(zones) > 1:
        said = " and ".join(f"{name} for {draft.name}" for name, (draft, _) in zones.items())
        place = next(own.place for _, own in zones.values() if own)
        found.error(
            place,
            f"{table.name} has two time zones, {said}; allowed is one for all timestamps of a dataset.",
            f"Give all of them the same defaultTimezone, or set {TIME_ZONE} for the contract.",
        )
    return next(iter(zones), zone)


def _check_zone(node: Scalar, label: str, default: str, found: Findings) -> str:
    if is_time_zone(node.text):
        return node.text
    near = suggest(node.text, available_timezones())
    found.error(
        node.place, f"{label} is {node.text!r}; allowed is a name of the time zone database, as Europe/Berlin.", near
    )
    return default


def _owner(root: Section) -> str | None:
    """The team's name, else the member whose role is owner."""
    team = root.section("team")
    members = team.sections("members") or root.sections("team")
    owners = [member for member in members if (member.text("role") or "").lower() == "owner"]
    named = [owner.text("name") or owner.text("username") for owner in owners]
    return team.text("name") or next(iter(named), None)
