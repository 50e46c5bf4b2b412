"""Making flows: of each source and of each model, ready for the loop."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import partial

import pyarrow as pa

from entrepot.app.findings import find_findings, merge_sheets
from entrepot.app.model_flows import ModelFlows
from entrepot.app.project import Project
from entrepot.app.sources import Source
from entrepot.app.stores import Stores
from entrepot.app.targets import Targets
from entrepot.contracts.model import Contract, table_schema
from entrepot.flow.commit import counts_from_json
from entrepot.flow.flow import Flow, Supersedes
from entrepot.flow.rejects import DatasetRejects, Rejects
from entrepot.kernel.errors import DataError
from entrepot.kernel.events import Emit
from entrepot.kernel.ids import hash_json
from entrepot.kernel.positions import FileSet
from entrepot.ports.clock import Clock
from entrepot.ports.engine import Engine
from entrepot.ports.reader import Reader, ReplayingReader
from entrepot.ports.relations import QueryScan
from entrepot.ports.state import Plan, PlanStatus, State
from entrepot.ports.tables import Tables
from entrepot.runner.graph import Node, NodeKind


class FlowBuilder:
    """Knows how a source or a model of the project becomes a flow."""

    def __init__(
        self,
        project: Project,
        state: State,
        tables: Tables,
        engine: Engine,
        rejects: Rejects,
        clock: Clock,
        emit: Emit,
        *,
        stores: Stores,
        describe: Callable[[QueryScan], pa.Schema],
        share: Callable[[QueryScan], QueryScan],
    ) -> None:
        self._project = project
        self._stores = stores
        self._state = state
        self._tables = tables
        self._engine = engine
        self._rejects = rejects
        self._clock = clock
        self._emit = emit
        self._targets = Targets(state, tables)
        self.models = ModelFlows(
            project, self._targets, engine, emit, describe=describe, share=share, is_allowed=self.is_allowed
        )
        self.again: dict[str, dict[str, str]] = {}
        """flow → contents to take although they were taken before, with the reason."""
        self.allow: tuple[str, ...] = ()
        """Datasets (also `gold.*`) whose columns may go, or that may go themselves."""

    def nodes(self) -> list[Node]:
        """All sources, then all models in dependency order; views need no flow."""
        sources = [
            Node(
                source.name,
                NodeKind.SOURCE,
                source.dataset,
                partial(self.source_flow, source),
                prefers=frozenset(map(str, self._project.contracts[source.dataset].references)),
                group=source.group,
                system=source.system,
            )
            for source in self._project.sources
        ]
        models = [
            Node(
                str(model.name),
                NodeKind.KPI if model.name.name.startswith("kpi_") else NodeKind.MODEL,
                str(model.name),
                partial(self.models.flow, model),
                needs=frozenset(self.models.base_tables(model)),
                prefers=self.models.references(model),
                waits_for=partial(self.models.missing_inputs, model),
            )
            for model in self._project.graph.ordered()
            if model.kind != "view"
        ]
        return [*sources, *models]

    def reader(self, source: Source) -> Reader:
        """The reader of one source."""
        from entrepot.connectors import ReaderContext, build_reader

        contract = self._project.contracts[source.dataset]
        context = ReaderContext(
            flow=source.name,
            source=source.group,
            members=source.members,
            root=self._project.root,
            clock=self._clock,
            emit=self._emit,
            is_taken=partial(self._taken_by, source.name),
            columns=contract.columns,
            known_claims=partial(self._known_claims, source.name),
            secret=self._stores.secrets.get,
            inbox=self._stores.inbox,
            bus=self._stores.bus,
        )
        return build_reader(source.connector, source.options, context, source.place)

    def source_flow(self, source: Source) -> Flow:
        """The flow of one source."""
        contract = self._project.contracts[source.dataset]
        self._engine.require(contract)
        reader = self.reader(source)
        return Flow(
            name=source.name,
            target=source.dataset,
            reader=reader,
            writer=self._targets.writer(source.dataset, table_schema(contract), contract.description),
            engine=self._engine,
            contract=contract,
            quarantine=self._targets.quarantine(source.dataset),
            rejects=DatasetRejects(self._rejects, source.dataset, tuple(column.name for column in contract.columns)),
            write=source.write,
            supersedes=_replays(reader, source),
            transform_hash=hash_json({"connector": source.connector, "options": source.options, "write": source.write}),
            pin=partial(self._targets.pins, source.dataset, contract),
            on_acknowledged=partial(self._leave_receipts, reader, contract),
            again=self.again.get(source.name, {}),
        )

    def is_allowed(self, name: str) -> bool:
        """True when a person permitted that something of a dataset, or all of it, is taken away."""
        return any(fnmatchcase(name, pattern) for pattern in self.allow)

    def versions(self) -> dict[str, int]:
        """Every table of the project with its newest settled version."""
        names = {node.target for node in self.nodes()}
        found = ((name, self._state.durable_version(name)) for name in sorted(names))
        return {name: version for name, version in found if version >= 0}

    def views(self) -> dict[str, str]:
        """Every view of the project: name → SQL, each after those it reads."""
        return {str(model.name): model.sql for model in self._project.graph.ordered() if model.kind == "view"}

    def _leave_receipts(self, reader: Reader, contract: Contract, plan: Plan) -> None:
        """Receipts beside files that lost rows to quarantine; old files into the archive."""
        from entrepot.intake.sources.files import FilesReader

        if not isinstance(reader, FilesReader) or not isinstance(plan.draft.position, FileSet):
            return
        places = {place: counts_from_json(value) for place, value in plan.details.get("places", {}).items()}
        findings = {}
        if any(count.rejected for count in places.values()):
            found = find_findings(self._engine, self._tables, contract, plan.batch)
            findings = {item.name: merge_sheets(found, item.name) for item in plan.draft.position.files}
        with contextlib.suppress(DataError):  # somebody took the file away meanwhile: then it needs no receipt
            reader.write_receipts(
                plan.draft.position, f"batch {plan.sequence}", places, plan.details.get("reasons", {}), findings
            )
        reader.tidy()

    def _taken_by(self, flow: str, sha256: str) -> str | None:
        if sha256 in self.again.get(flow, {}):
            return None
        plan = self._state.live_content(flow, sha256)
        return None if plan is None else f"batch {plan.sequence}"

    def _known_claims(self, flow: str) -> set[str]:
        """Claimed files that a plan names and that still have to be moved on."""
        plans = [*self._state.plans(flow=flow, status=PlanStatus.OPEN), *self._state.unacknowledged(flow)]
        positions = [plan.draft.position for plan in plans if plan.status is not PlanStatus.VOIDED]
        return {item.claimed for position in positions if isinstance(position, FileSet) for item in position.files}


def _replays(reader: Reader, source: Source) -> Supersedes:
    """What replayed records gave before goes; where rows are updated by their key, the key says what is replaced."""
    if isinstance(reader, ReplayingReader) and source.write == "append":
        return Supersedes("record")
    return source.supersedes
