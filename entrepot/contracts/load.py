"""Read contract files: in comes a path, out come compiled contracts, or every problem with its line.

Unknown keys are kept when the file is written again; they are an error in `lint_contract` and a warning in `load_contracts`.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from entrepot.contracts.findings import Concern, ContractErrors, Finding, Findings, say_allowed, suggest
from entrepot.contracts.model import Contract
from entrepot.contracts.odcs.compile import Compiled, compile_document
from entrepot.contracts.odcs.document import Document
from entrepot.contracts.odcs.reading import read_document
from entrepot.contracts.odcs.relationships import are_comparable, find_reference
from entrepot.contracts.odcs.ruleset import DeferredRule
from entrepot.contracts.odcs.standard import check_structure, check_version
from entrepot.contracts.odcs.time_zones import is_time_zone
from entrepot.contracts.row_rules import ForeignKey, Severity
from entrepot.kernel.errors import Place, ProjectError


@dataclass(frozen=True, slots=True)
class LoadedContracts:
    """One contract file: what it compiles to, what is doubtful in it, its bytes as read and what stands where."""

    path: Path
    contracts: tuple[Contract, ...]
    warnings: tuple[Finding, ...]
    deferred_rules: tuple[DeferredRule, ...]
    document: Document
    sound: str | None = None
    """The text's hash, when the standard's schema finds nothing wrong or doubtful in it."""

    @property
    def source(self) -> bytes:
        """The file's bytes as read."""
        return self.document.source


def load_contracts(path: Path, *, default_time_zone: str, sound: Collection[str] = ()) -> LoadedContracts:
    """Compile a contract file.

    Args:
        default_time_zone: the project's, for zone-less timestamps where the contract names none.
        sound: hashes of texts that the standard's schema is known to find nothing in: it need not be asked again.
    Raises: ContractErrors with all problems of the file; ProjectError for an unknown default time zone.
    """
    if not is_time_zone(default_time_zone):
        raise ProjectError(
            f"the project's time zone is {default_time_zone!r}; allowed is a name of the time zone database, as Europe/Berlin."
        )
    found = Findings()
    document = read_document(path)
    digest = hashlib.sha256(document.source).hexdigest()
    is_sound = digest in sound
    unknown_keys: tuple[str, ...] = ()
    compiled = Compiled((), ())
    if check_version(document.root, found):
        unknown_keys = () if is_sound else check_structure(document, found, Severity.WARNING)
        is_sound = not found.all
        compiled = compile_document(document.root, default_time_zone, unknown_keys, found)
    if found.errors:
        raise ContractErrors(found.errors)
    sound_text = digest if is_sound else None
    return LoadedContracts(path, compiled.contracts, tuple(found.warnings), compiled.deferred, document, sound_text)


def lint_contract(path: Path, *, default_time_zone: str = "UTC") -> list[Finding]:
    """Say everything that is wrong or doubtful in a contract file, in the order of the file; empty when it is fine."""
    found = Findings()
    try:
        document = read_document(path)
    except ContractErrors as error:
        return list(error.findings)
    judge_document(document, default_time_zone, Severity.ERROR, found)
    return found.all


def check_references(files: Iterable[LoadedContracts]) -> list[Finding]:
    """Compare foreign keys between files: what a contract refers to must be a column of a comparable type.

    Datasets without a contract among these files are left out: a model may make them.
    """
    known = {contract.dataset: (file, contract) for file in files for contract in file.contracts}
    return [
        finding
        for file, contract in known.values()
        for rule in contract.rules
        if isinstance(rule, ForeignKey) and rule.dataset in known
        for finding in _compare(file, contract, rule, known[rule.dataset][1])
    ]


def _compare(file: LoadedContracts, contract: Contract, rule: ForeignKey, target: Contract) -> Iterator[Finding]:
    columns = {column.name: column for column in target.columns}
    for source, name in zip(rule.columns, rule.to_columns, strict=True):
        hint = None
        if name not in columns:
            reason = f"refers to the column {name} of {target.dataset}; allowed is {say_allowed(columns)}"
            hint = suggest(name, columns)
        elif not are_comparable(own := contract.column(source).type, columns[name].type):
            other = f"{target.dataset}.{name} is {columns[name].type}"
            reason = f"compares {source}, which is {own}, though {other}; allowed are columns of one type"
        else:
            continue
        place = find_reference(file.document.root, f"{rule.dataset}.{name}") or Place(file.path)
        text = f"the rule {rule.id} of {contract.dataset} {reason}."
        yield Finding(Severity.ERROR, place, text, hint, "contract.reference", Concern.DATASET)


def write_contract(loaded: LoadedContracts | Document, path: Path) -> None:
    """Write a contract file byte for byte as it was read; durable when this returns."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    aside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(loaded.source)
            file.flush()
            os.fsync(file.fileno())
        aside.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def judge_document(document: Document, default_time_zone: str, unknown: Severity, found: Findings) -> Compiled:
    """Judge a document by the standard and compile it; what is wrong is noted.

    Args: unknown: the severity of a key that the standard does not know.
    """
    if not check_version(document.root, found):
        return Compiled((), ())
    unknown_keys = check_structure(document, found, unknown)
    return compile_document(document.root, default_time_zone, unknown_keys, found)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
