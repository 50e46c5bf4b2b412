"""What a page about a dataset says, taken from the compiled contract and from what only the file says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from entrepot.contracts.load import LoadedContracts
from entrepot.contracts.model import Contract
from entrepot.contracts.odcs.document import plain
from entrepot.contracts.render import ColumnRow, describe_contract, describe_set_rule

_DESCRIPTION = ("purpose", "usage", "limitations")
OPEN_CLASSES = frozenset({"public", "internal"})
"""Classifications whose columns may be described in full; of all others no value is shown, not even one that the contract lists."""
NOT_LISTED = "a list of values, not shown: the column is {classification}"


@dataclass(frozen=True, slots=True)
class Link:
    """A reference between two datasets, `store_id → bronze.stores (store_id)`."""

    text: str
    dataset: str


@dataclass(frozen=True, slots=True)
class DatasetFacts:
    """Everything on one page."""

    dataset: str
    title: str
    file: str
    facts: tuple[tuple[str, str], ...]
    paragraphs: tuple[tuple[str, str], ...]
    columns: tuple[ColumnRow, ...]
    classified: Mapping[str, str]
    """Column → classification."""
    key: tuple[str, ...]
    set_rules: tuple[tuple[str, str, str, str], ...]
    """(rule, what it demands, severity, description)."""
    not_run: tuple[tuple[str, str], ...]
    """(rule, why it is not judged)."""
    refers_to: tuple[Link, ...]
    referred_by: tuple[Link, ...]
    service_levels: tuple[tuple[str, str], ...]
    contacts: tuple[tuple[str, str], ...]


def collect_facts(files: Sequence[LoadedContracts]) -> list[DatasetFacts]:
    """One page for each dataset of the files, by name."""
    pages = [_facts(file, contract, files) for file in files for contract in file.contracts]
    return sorted(pages, key=lambda page: page.dataset)


def _facts(file: LoadedContracts, contract: Contract, files: Sequence[LoadedContracts]) -> DatasetFacts:
    raw = plain(file.document.root)
    name = str(contract.dataset)
    described = raw.get("description")
    paragraphs = [("", contract.description)] if contract.description else []
    if isinstance(described, Mapping):
        paragraphs += [(key.capitalize(), str(described[key])) for key in _DESCRIPTION if described.get(key)]
    return DatasetFacts(
        dataset=name,
        title=str(raw.get("name") or name),
        file=file.path.name,
        facts=tuple(_head(raw, contract)),
        paragraphs=tuple(dict.fromkeys(paragraphs)),
        columns=describe_columns(contract),
        classified={column.name: column.classification for column in contract.columns if column.classification},
        key=contract.key,
        set_rules=tuple(
            (rule.id, describe_set_rule(rule).removesuffix(" (warning)"), rule.severity.value, rule.description or "")
            for rule in contract.set_rules
        ),
        not_run=tuple((rule.id, rule.why) for rule in file.deferred_rules if rule.dataset == contract.dataset),
        refers_to=tuple(_links(contract)),
        referred_by=tuple(
            Link(f"{other.dataset} {link.text.partition(' → ')[0]}", str(other.dataset))
            for one in files
            for other in one.contracts
            for link in _links(other)
            if link.dataset == name
        ),
        service_levels=tuple(_service_levels(raw)),
        contacts=tuple(_contacts(raw)),
    )


def describe_columns(contract: Contract) -> tuple[ColumnRow, ...]:
    """The contract's columns with their rules in words, without the values that classified ones may have."""
    classes = {c.name: c.classification for c in contract.columns if is_classified(c.classification)}
    return tuple(_veil(row, classes) for row in describe_contract(contract))


def is_classified(classification: str | None) -> bool:
    """True when nothing that the column holds may be shown."""
    return classification is not None and classification.strip().lower() not in OPEN_CLASSES


def _veil(row: ColumnRow, classes: Mapping[str, str | None]) -> ColumnRow:
    at = next(
        (
            name
            for name in classes
            if row.column == name or row.column.startswith((f"{name}.", f"{name}[", f"{name}{{"))
        ),
        None,
    )
    if at is None:
        return row
    said = NOT_LISTED.format(classification=classes[at])
    return replace(row, rules=tuple(said if rule.startswith(("one of ", "none of ")) else rule for rule in row.rules))


def _head(raw: Mapping[str, Any], contract: Contract) -> Iterable[tuple[str, str]]:
    yield (
        "Contract",
        f"{raw.get('name') or raw.get('id')}, version {contract.version}, {raw.get('status', 'no status')}",
    )
    for key, word in (("domain", "Domain"), ("dataProduct", "Data product"), ("tenant", "Tenant")):
        if raw.get(key):
            yield word, str(raw[key])
    if contract.owner:
        yield "Owner", contract.owner
    if contract.key:
        yield "Key", ", ".join(contract.key)
    yield "Times without a zone", f"are read in {contract.time_zone}"
    if contract.max_rejects is not None:
        yield "Rejects", f"at most {contract.max_rejects} in a batch, else the release is held"
    if raw.get("tags"):
        yield "Tags", ", ".join(map(str, raw["tags"]))


def _links(contract: Contract) -> Iterable[Link]:
    from entrepot.contracts.row_rules import ForeignKey

    for rule in contract.rules:
        if isinstance(rule, ForeignKey):
            yield Link(f"{', '.join(rule.columns)} → {rule.dataset} ({', '.join(rule.to_columns)})", str(rule.dataset))


def _service_levels(raw: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for level in raw.get("slaProperties") or ():
        if isinstance(level, Mapping) and level.get("property"):
            said = [str(level[key]) for key in ("value", "unit") if level.get(key) is not None]
            of = f" of {level['element']}" if level.get("element") else ""
            note = f" — {level['description']}" if level.get("description") else ""
            yield str(level["property"]), f"{' '.join(said)}{of}{note}"


def _contacts(raw: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for channel in raw.get("support") or ():
        if isinstance(channel, Mapping):
            said = [str(channel[key]) for key in ("tool", "url", "description") if channel.get(key)]
            yield str(channel.get("channel", "")), ", ".join(said)
