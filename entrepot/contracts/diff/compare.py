"""Two contracts, compared: in come two files as read, out go all changes with verdict and reason, and the version they ask for.

A contract that is not ours is compared as well: what cannot be compiled is judged by its text, and by the side of caution.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from entrepot.contracts.diff.change import Change, ChangeKind, Judgement, Verdict, harmless, join
from entrepot.contracts.diff.effects import Pairing, find_effects
from entrepot.contracts.diff.judge import (
    Effects,
    judge_contract_key,
    judge_object,
    judge_object_key,
    judge_property,
)
from entrepot.contracts.diff.pairs import name_items, pair_items
from entrepot.contracts.diff.tree import Difference, compare_roots
from entrepot.contracts.diff.versions import VersionAdvice, advise_version
from entrepot.contracts.findings import Concern, ContractErrors, Findings
from entrepot.contracts.load import judge_document
from entrepot.contracts.model import Contract
from entrepot.contracts.odcs.document import Document, Listing, Node, Section, plain
from entrepot.contracts.odcs.standard import check_version
from entrepot.contracts.row_rules import Severity


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: the text, and what its schema objects compile to, by name."""

    document: Document
    contracts: Mapping[str, Contract]
    problems: int
    """How often the file breaks the standard; what that touches is compared by its text."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs, and the version it asks for."""

    changes: tuple[Change, ...]
    version: VersionAdvice

    @property
    def verdict(self) -> Verdict:
        """The worst of all changes."""
        order = list(Verdict)
        return max((change.verdict for change in self.changes), key=order.index, default=Verdict.COMPATIBLE)


def read_side(document: Document, *, default_time_zone: str = "UTC") -> Side:
    """Compile what can be compiled of a document.

    Raises: ContractErrors when it is no contract of a version that is read.
    """
    found = Findings()
    if not check_version(document.root, found):
        raise ContractErrors(found.errors)
    compiled = judge_document(document, default_time_zone, Severity.WARNING, found)
    names = [name for item in document.root.sections("schema") if (name := item.text("name")) is not None]
    contracts: dict[str, Contract] = {}
    for name, contract in zip(names, compiled.contracts, strict=True):
        contracts.setdefault(name, contract)
    problems = [item for item in found.errors if item.concern is Concern.STANDARD]
    return Side(document, contracts, len(problems))


def compare_contracts(old: Side, new: Side) -> Comparison:
    """Every change from the old contract to the new one, judged."""
    effects = _find_all_effects(old, new)
    differences = list(compare_roots(old.document.root, new.document.root))
    changes = [_to_change(difference, _judge(difference, effects)) for difference in differences]
    changes += _tell_rest(effects)
    first, second = (side.document.root.scalar("version") for side in (old, new))
    return Comparison(tuple(changes), advise_version(_say(first), _say(second), changes))


def _say(value: object) -> str:
    return "" if value is None else str(value)


def _find_all_effects(old: Side, new: Side) -> dict[str, Effects]:
    """The effects for each schema object that both contracts have, by its name in the new one."""
    return {
        after.text("name") or "": _find_effects_of(before, after, old, new)
        for before, after in _pairs("schema", old.document.root, new.document.root)
    }


def _find_effects_of(before: Section, after: Section, old: Side, new: Side) -> Effects:
    first, second = old.contracts.get(before.text("name") or ""), new.contracts.get(after.text("name") or "")
    keeps_place = before.text("physicalName") is not None and before.text("physicalName") == after.text("physicalName")
    if first is None or second is None:
        return Effects([], known=False, keeps_place=keeps_place)
    columns = {one.text("name") or "": two.text("name") or "" for one, two in _pairs("properties", before, after)}
    known = {column.name for column in first.columns}, {column.name for column in second.columns}
    pairing = {one: two for one, two in columns.items() if one in known[0] and two in known[1]}
    return Effects(
        find_effects(first, second, Pairing(pairing)),
        known=True,
        uncompiled=frozenset(two for one, two in columns.items() if one not in pairing),
        keeps_place=keeps_place,
    )


def _pairs(key: str, old: Section, new: Section) -> Iterator[tuple[Section, Section]]:
    first, second = (Listing(side.sections(key), side.place) for side in (old, new))
    for before, after in pair_items(key, name_items(first), name_items(second)):
        if before and after and isinstance(before.node, Section) and isinstance(after.node, Section):
            yield before.node, after.node


def _judge(difference: Difference, effects: Mapping[str, Effects]) -> Judgement:
    steps = difference.steps
    if steps[:2] == ("customProperties", "entrepot.timeZone"):
        found = [judgement for own in effects.values() for judgement in own.take(None, ("time_zone",))]
        return join(found) if found else harmless("No column holds a time that goes by it.")
    if steps[0] != "schema" or len(steps) == 1:
        return judge_contract_key(difference)
    own = effects.get(steps[1]) or Effects([], known=False)
    if len(steps) == 2:
        return judge_object(difference, own)
    if steps[2] == "properties" and len(steps) > 3:
        return judge_property(difference, own)
    return judge_object_key(difference, own)


def _to_change(difference: Difference, judgement: Judgement) -> Change:
    dataset = difference.steps[1] if difference.steps[0] == "schema" and len(difference.steps) > 1 else None
    return Change(
        path=".".join(difference.steps),
        old_path=".".join(difference.old_steps),
        kind=difference.kind,
        old=_value(difference.old),
        new=_value(difference.new),
        judgement=judgement,
        dataset=dataset,
        place=difference.node.place,
    )


def _value(node: Node | None) -> Any:
    return None if node is None else plain(node)


def _tell_rest(effects: Mapping[str, Effects]) -> Iterator[Change]:
    """What changed for rows though no text beside it did: a default of another version of the standard, a rule that hangs on another."""
    for dataset, own in effects.items():
        for effect in own.left():
            if effect.judgement.readers is Verdict.COMPATIBLE and effect.judgement.senders is Verdict.COMPATIBLE:
                continue
            tail = f".properties.{effect.columns[0].replace('.', '.properties.')}" if len(effect.columns) == 1 else ""
            path = f"schema.{dataset}{tail}"
            yield Change(path, path, ChangeKind.CHANGED, None, None, effect.judgement, dataset)
