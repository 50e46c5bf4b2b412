"""Everything that can be said of a contract file: is it a contract of the standard, and is it a dataset of ours?

The two are told apart. A file that names no dataset of ours is measured by the standard alone; what would have to change before it could be
taken here becomes a note.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from entrepot.contracts.findings import Concern, ContractErrors, Finding, Findings
from entrepot.contracts.load import judge_document
from entrepot.contracts.odcs.compile import NO_LAYER, Compiled
from entrepot.contracts.odcs.document import Document, Listing, Node, Section
from entrepot.contracts.odcs.models import check_models
from entrepot.contracts.odcs.reading import read_document
from entrepot.contracts.odcs.ruleset import DeferredRule
from entrepot.contracts.row_rules import Severity
from entrepot.kernel.names import LAYERS

_LAYERS = tuple(f"{layer}." for layer in LAYERS)


class Verdict(StrEnum):
    """What a contract file is worth."""

    GOOD = "good"
    """A contract of the standard and a dataset of ours."""
    FOREIGN = "foreign"
    """A contract of the standard that names no dataset of ours."""
    REFUSED = "refused"
    """Not a contract of the standard, or one for us that cannot be used."""


@dataclass(frozen=True, slots=True)
class LintReport:
    """All findings of one file, sorted by what follows from them."""

    path: Path
    version: str | None
    """What the file claims as apiVersion; None when that is not even text."""
    is_ours: bool
    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    notes: tuple[Finding, ...]
    """What would have to change before a foreign contract could be a dataset here."""

    @property
    def verdict(self) -> Verdict:
        """What the file is worth."""
        if self.errors:
            return Verdict.REFUSED
        return Verdict.GOOD if self.is_ours else Verdict.FOREIGN


def lint_file(path: Path, *, default_time_zone: str = "UTC", is_ours: bool | None = None) -> LintReport:
    """Judge a contract file by the standard's JSON schema, by its Pydantic models and by what a dataset needs.

    Args: is_ours: whether the file must be usable as a dataset; None: it must when it says so, by a dataset's name or a custom property
        of ours.
    """
    found = Findings()
    try:
        document = read_document(path)
    except ContractErrors as error:
        return LintReport(path, None, bool(is_ours), error.findings, (), ())
    compiled = judge_document(document, default_time_zone, Severity.ERROR, found)
    check_models(document, found)
    ours = _is_ours(document, compiled) if is_ours is None else is_ours
    errors = [item for item in found.errors if ours or item.concern is Concern.STANDARD]
    notes = [item for item in found.errors if not ours and item.concern is Concern.DATASET]
    waiting = [_say_deferred(rule) for rule in compiled.deferred] if ours else []
    warnings = sorted([*found.warnings, *waiting], key=lambda item: (item.place.line or 0, item.place.column or 0))
    return LintReport(path, document.root.text("apiVersion"), ours, tuple(errors), tuple(warnings), tuple(notes))


def find_contract_files(folder: Path) -> list[Path]:
    """The YAML files of a folder and the folders below, without those that begin with a dot."""
    found = (path for path in folder.rglob("*") if path.suffix in (".yaml", ".yml") and path.is_file())
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def _is_ours(document: Document, compiled: Compiled) -> bool:
    named = any(contract.dataset.layer != NO_LAYER for contract in compiled.contracts)
    meant = any(
        (item.text("physicalName") or "").lower().startswith(_LAYERS) for item in document.root.sections("schema")
    )
    return named or meant or any(name.startswith("entrepot.") for name in _custom_names(document.root))


def _custom_names(node: Node) -> Iterable[str]:
    if isinstance(node, Listing):
        for item in node.items:
            yield from _custom_names(item)
    elif isinstance(node, Section):
        for item in node.sections("customProperties"):
            yield item.text("property") or ""
        for child in node.entries.values():
            yield from _custom_names(child)


def _say_deferred(rule: DeferredRule) -> Finding:
    text = f"the rule {rule.id} of {rule.dataset} is not evaluated: {rule.why}"
    return Finding(Severity.WARNING, rule.place, text, None, "contract.not_evaluated", Concern.DATASET)
