"""The files of `sources/`: where data come from, and which datasets they become."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from entrepot.contracts.model import Contract
from entrepot.flow.flow import Supersedes
from entrepot.flow.modes import WRITE_KINDS
from entrepot.flow.supersede import GRAINS
from entrepot.kernel.documents import Document, KeyPath, check_keys, load_document
from entrepot.kernel.durations import parse_duration
from entrepot.kernel.errors import Place, UsageError
from entrepot.kernel.names import parse_dataset

SOURCE_KEYS = ("name", "connector", "dataset", "datasets", "write", "options", "system", "every", "description")
PART_KEYS = ("write", "options")
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Source:
    """One file of `sources/`: where data come from and which dataset they become.

    A file that names several `datasets` gives one of these for each: they share what they take.
    """

    name: str
    connector: str
    dataset: str
    write: str
    options: Mapping[str, Any]
    document: Document
    supersedes: Supersedes = field(default_factory=Supersedes)
    group: str = ""
    """The name of the file, where it names several datasets."""
    members: tuple[str, ...] = ()
    """The names of all that came of the same file, where it names several datasets."""
    system: str = ""
    """The outside system that it uses: `limits:` of entrepot.yaml says how many flows may use it at once."""
    every_s: float | None = None
    """How often `entrepot up` asks it; None: streams and files as they come, others when a run or a trigger says so."""

    def place(self, path: KeyPath) -> Place:
        """Where an option stands: at the dataset, else with the options that all share."""
        own = ("datasets", self.dataset, "options", *path)
        return self.document.place(*(own if own in self.document.marks else ("options", *path)))


def load_source(path: Path, contracts: Mapping[str, Contract]) -> list[Source]:
    """Read one file: a source for each dataset that it names.

    Raises: ProjectError with the place of what is wrong.
    """
    document = load_document(path)
    value = document.value
    check_keys(document, (), value, SOURCE_KEYS)
    if not isinstance(value.get("connector"), str):
        raise document.error("the key connector is missing.", hint="Add `connector: …`; see: entrepot connectors list.")
    _require_connector(document, value["connector"])
    name = str(value.get("name") or path.stem)
    if not _NAME.match(name):
        raise document.error(
            f"{name!r} is not a name for a source; allowed are lower-case letters, digits and _, a letter first.",
            "name",
        )
    if "datasets" not in value:
        if not isinstance(value.get("dataset"), str):
            raise document.error(
                "the key dataset is missing.",
                hint="Add `dataset: bronze.NAME`, or `datasets:` with one entry for each dataset that the source feeds.",
            )
        return [_Reading(document, ("dataset",), (), contracts).source(name, value["dataset"], value)]
    return _load_parts(document, name, contracts)


def _require_connector(document: Document, name: str) -> None:
    from entrepot.connectors import load_connector

    try:
        load_connector(name)
    except UsageError as error:
        raise document.error(error.message, "connector", hint=error.hint) from error


def _load_parts(document: Document, name: str, contracts: Mapping[str, Contract]) -> list[Source]:
    parts = document.value["datasets"]
    if "dataset" in document.value:
        raise document.error("dataset and datasets are both there; allowed is one of them.", "dataset")
    if not isinstance(parts, Mapping) or not parts:
        raise document.error(
            "datasets is not a mapping; allowed is a dataset's name with options of its own, several times.",
            "datasets",
            hint="Write: datasets: {bronze.prices: {options: {excel: {sheet: Prices}}}}",
        )
    members = tuple(f"{name}.{dataset}" for dataset in parts)
    found = []
    for dataset, part in parts.items():
        at = ("datasets", dataset)
        if part is not None and not isinstance(part, Mapping):
            raise document.error(f"{dataset} is not a mapping; allowed are {', '.join(PART_KEYS)}.", *at)
        check_keys(document, at, part or {}, PART_KEYS)
        reading = _Reading(document, at, at, contracts)
        found.append(reading.source(f"{name}.{dataset}", str(dataset), part or {}, group=name, members=members))
    return found


@dataclass(frozen=True, slots=True)
class _Reading:
    """Reads one dataset's part of a file. `named` is where the dataset is named, `at` where its keys stand."""

    document: Document
    named: KeyPath
    at: KeyPath
    contracts: Mapping[str, Contract]

    def source(
        self, name: str, dataset_name: str, part: Mapping[str, Any], *, group: str = "", members: tuple[str, ...] = ()
    ) -> Source:
        """The source of one dataset."""
        contract = self._find_contract(dataset_name)
        write = self._read_write(part, contract)
        options = _merge(self._options(("options",), self.document.value), self._options((*self.at, "options"), part))
        supersedes = self._read_supersedes(options, contract)
        if supersedes.by is not None and write != "append":
            raise self.document.error(
                f"supersedes is for sources that append; write is {write}.",
                *self._option("supersedes"),
                hint="A replace takes the whole table's place, a merge updates by key: take supersedes out, or write: append.",
            )
        connector = self.document.value["connector"]
        return Source(
            name,
            connector,
            str(contract.dataset),
            write,
            options,
            self.document,
            supersedes,
            group,
            members,
            self._read_system(),
            self._read_every(),
        )

    def _read_every(self) -> float | None:
        value = self.document.value.get("every")
        if value is None:
            return None
        try:
            seconds = parse_duration(str(value)).total_seconds()
        except ValueError as error:
            raise self.document.error(f"every: {error}.", "every") from error
        if seconds < 1:
            raise self.document.error(f"every is {value}; allowed is 1s and longer.", "every")
        return seconds

    def _read_system(self) -> str:
        system = self.document.value.get("system", "")
        if not isinstance(system, str):
            raise self.document.error(f"system is {system!r}; allowed is a name.", "system")
        return system

    def _find_contract(self, name: str) -> Contract:
        try:
            dataset = parse_dataset(name)
        except ValueError as error:
            raise self.document.error(str(error), *self.named) from error
        if str(dataset) not in self.contracts:
            raise self.document.error(
                f"there is no contract for {dataset}; every source needs one.",
                *self.named,
                hint=f"Write contracts/{dataset.name}.odcs.yaml with `physicalName: {dataset}`; a draft from a file: entrepot contract infer FILE",
            )
        return self.contracts[str(dataset)]

    def _read_write(self, part: Mapping[str, Any], contract: Contract) -> str:
        write = part.get("write", self.document.value.get("write", "append"))
        at = (*self.at, "write") if "write" in part else ("write",)
        if write not in WRITE_KINDS:
            raise self.document.error(f"write is {write!r}; allowed are {', '.join(WRITE_KINDS)}.", *at)
        if write == "merge" and not contract.key:
            raise self.document.error(
                f"write is merge, but the contract of {contract.dataset} names no primary key.",
                *at,
                hint="Mark the key's columns with `primaryKey: true` in the contract.",
            )
        return str(write)

    def _options(self, at: KeyPath, value: Mapping[str, Any]) -> Mapping[str, Any]:
        options = value.get("options") or {}
        if not isinstance(options, Mapping):
            raise self.document.error("options is a mapping of names to values.", *at)
        return options

    def _option(self, name: str) -> KeyPath:
        own = (*self.at, "options", name)
        return own if own in self.document.marks else ("options", name)

    def _read_supersedes(self, options: Mapping[str, Any], contract: Contract) -> Supersedes:
        value = options.get("supersedes")
        if value is None:
            return Supersedes()
        at = self._option("supersedes")
        if not isinstance(value, Mapping) or value.get("by") not in ("name", "period"):
            raise self.document.error("supersedes needs `by: name` or `by: period`.", *at)
        check_keys(self.document, at, value, ("by", "column", "grain"))
        grain = value.get("grain", "day")
        if grain not in GRAINS:
            raise self.document.error(f"grain is {grain!r}; allowed are {', '.join(GRAINS)}.", *at, "grain")
        if value["by"] == "period":
            names = [column.name for column in contract.columns]
            if value.get("column") not in names:
                raise self.document.error(
                    f"supersedes by period needs a date or timestamp column of {contract.dataset}; "
                    f"column is {value.get('column')!r}.",
                    *at,
                    hint=f"Columns are: {', '.join(names)}.",
                )
        return Supersedes(value["by"], value.get("column"), grain)


def _merge(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Options that all share, with a dataset's own over them, also inside mappings."""
    merged = dict(shared)
    for name, value in own.items():
        below = merged.get(name)
        merged[name] = _merge(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged
