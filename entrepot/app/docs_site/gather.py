"""From an opened project to what its pages say. What a project says of itself is always there; figures come with the first run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from entrepot.app.docs_site import columns
from entrepot.app.docs_site.facts import ColumnFacts, Entry, KpiEntry, ReleaseFacts, SiteFacts
from entrepot.app.docs_site.figures import Standing, read_standing
from entrepot.app.docs_site.origins import find_inherited, find_lineage, find_origins, read_test_names
from entrepot.app.docs_site.sources import describe_sources
from entrepot.app.project import PROJECT_FILE, Project
from entrepot.app.wiring import Platform
from entrepot.catalog.lineage import LineageGraph
from entrepot.contracts.docs.facts import collect_facts
from entrepot.contracts.model import Column, Contract
from entrepot.contracts.render import ColumnRow
from entrepot.kernel.documents import load_document
from entrepot.kernel.names import LAYERS
from entrepot.lake.models import Model
from entrepot.serve.kpis import SCORECARD, Kpi

KIND_WORDS = {
    "view": "view",
    "full": "model, computed as a whole",
    "append": "model, grows by new records",
    "merge": "model, updated by key",
    "partition": "model, computed by partition",
    "history": "model, keeps history",
}


def gather(platform: Platform) -> SiteFacts:
    """Everything that the pages say. Reads the newest release and what the state counts; changes nothing but a reader's pin."""
    project = platform.project
    standing = read_standing(platform) if platform.lake_exists() else Standing()
    release, lineage = standing.release, find_lineage(project)
    return SiteFacts(
        project=project.name,
        description=str(load_document(project.root / PROJECT_FILE).value.get("description") or ""),
        zone=project.time_zone,
        entries=tuple(_Definitions(project, standing, lineage).entries()),
        kpis=tuple(
            KpiEntry(
                kpi, _file(project.root, kpi.path), standing.periods.get(kpi.name, ()), standing.newest.get(kpi.name)
            )
            for kpi in sorted(project.kpis, key=lambda kpi: kpi.title.lower())
        ),
        sources=tuple(describe_sources(platform, standing)),
        contracts=tuple(collect_facts(project.contract_files)),
        release=None
        if release is None
        else ReleaseFacts(release.id, release.at, release.run, len(release.tables), len(release.views)),
        has_run=platform.lake_exists(),
        lineage=lineage,
    )


class _Definitions:
    """Makes the entries of a project."""

    def __init__(self, project: Project, standing: Standing, lineage: LineageGraph) -> None:
        self._project = project
        self._standing = standing
        self._models = {str(model.name): model for model in project.models}
        self._kpis: Mapping[str, Kpi] = {str(kpi.dataset): kpi for kpi in project.kpis}
        self._origins = find_origins(lineage)
        self._inherited = find_inherited(project, lineage)
        self._tests = read_test_names(project)

    def entries(self) -> list[Entry]:
        """One for each dataset that a source brings, a model makes or a contract promises; by layer and name."""
        known = (
            {source.dataset for source in self._project.sources} | self._models.keys() | self._project.contracts.keys()
        )
        return [
            self._entry(name) for name in sorted(known, key=lambda name: (LAYERS.index(name.partition(".")[0]), name))
        ]

    def _entry(self, name: str) -> Entry:
        project, model, kpi = self._project, self._models.get(name), self._kpis.get(name)
        contract_name = str(model.contract) if model is not None and model.contract else name
        contract = project.contracts.get(contract_name)
        sources = [source for source in project.sources if source.dataset == name]
        found, note = self._columns(name, model, kpi, contract)
        return Entry(
            name=name,
            layer=name.partition(".")[0],
            kind=_kind(name, model, kpi, [source.write for source in sources]),
            description=" ".join((_description(model, kpi, contract) or "").split()),
            owner=(contract.owner if contract is not None else None) or (kpi.owner if kpi is not None else "") or "",
            file=_file(project.root, model.path) if model is not None else self._contract_file(name),
            contract=contract,
            contract_name=contract_name if contract is not None else None,
            columns=found,
            columns_note=note,
            made_from=tuple(map(str, model.inputs)) if model is not None else (),
            read_by=tuple(sorted(str(m.name) for m in project.models if name in map(str, m.inputs))),
            refers_to=tuple(sorted(map(str, contract.references))) if contract is not None else (),
            referred_by=tuple(
                sorted(other for other, one in project.contracts.items() if name in map(str, one.references))
            ),
            sources=tuple(dict.fromkeys(source.group or source.name for source in sources)),
            kpis=tuple(sorted(each.name for each in project.kpis if str(each.model) == name)),
            kpi=kpi.name if kpi is not None else None,
            model=model,
            tests=self._tests.get(name, ()),
            figures=self._standing.figures.get(name),
            held=self._standing.held.get(name),
        )

    def _columns(
        self, name: str, model: Model | None, kpi: Kpi | None, contract: Contract | None
    ) -> tuple[tuple[ColumnFacts, ...], str]:
        note = ""
        if contract is not None:
            rows = columns.of_contract(contract)
        elif model is None:
            return (), ""
        elif name in self._standing.schemas:
            rows = columns.of_schema(model, self._standing.schemas[name], kpi)
        else:
            rows, note = columns.of_text(model, kpi)
        own = {column.name: column for column in contract.columns} if contract is not None else {}
        return tuple(self._column(name, row, own.get(row.column)) for row in rows), note

    def _column(self, dataset: str, row: ColumnRow, own: Column | None) -> ColumnFacts:
        at = f"{dataset}.{row.column}".lower()
        classification = own.classification if own is not None else None
        inherited = () if classification else self._inherited.get(at, ())
        return ColumnFacts(
            row, classification, own.unit if own is not None else None, self._origins.get(at, ()), inherited
        )

    def _contract_file(self, name: str) -> str:
        for file in self._project.contract_files:
            if name in (str(contract.dataset) for contract in file.contracts):
                return _file(self._project.root, file.path)
        return ""


def _kind(name: str, model: Model | None, kpi: Kpi | None, writes: list[str]) -> str:
    if kpi is not None:
        return "KPI"
    if name == str(SCORECARD) and model is not None:
        return "all KPIs"
    if model is not None:
        return KIND_WORDS.get(model.kind.value, f"model, {model.kind.value}")
    words = {"append": "appended", "replace": "replaced as a whole", "merge": "updated by key"}
    return f"source, {words.get(writes[0], writes[0])}" if writes else "promised by a contract, brought by nothing yet"


def _description(model: Model | None, kpi: Kpi | None, contract: Contract | None) -> str | None:
    if kpi is not None:
        return kpi.definition
    own = model.description if model is not None else None
    return own or (contract.description if contract is not None else None)


def _file(root: Path, path: Path) -> str:
    """Below the project's folder; never the machine's path."""
    try:
        return path.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return path.name
