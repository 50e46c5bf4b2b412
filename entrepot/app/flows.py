"""Making flows: of each source and of each model, ready for the loop."""

from __future__ import annotations

import contextlib
from functools import partial

import pyarrow as pa

from entrepot.app.findings import find_findings, merge_sheets
from entrepot.app.project import Project
from entrepot.app.sources import Source
from entrepot.contracts.inferred import contract_of_schema
from entrepot.contracts.model import Contract, table_schema
from entrepot.flow.commit import counts_from_json
from entrepot.flow.flow import Flow
from entrepot.flow.plan import last_plan_of_source
from entrepot.flow.rejects import DatasetRejects, Rejects, quarantine_name
from entrepot.kernel.errors import DataError, ProjectError
from entrepot.kernel.events import Emit
from entrepot.kernel.ids import hash_json
from entrepot.kernel.positions import FileSet
from entrepot.lake.models import Model
from entrepot.lake.models.reader import BatchRange, ModelReader
from entrepot.ports.clock import Clock
from entrepot.ports.engine import REJECT_SCHEMA, Engine
from entrepot.ports.reader import Reader
from entrepot.ports.relations import QueryScan, TableVersion
from entrepot.ports.state import Plan, PlanStatus, State
from entrepot.ports.tables import Tables
from entrepot.ports.writer import Writer
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
    ) -> None:
        self._project = project
        self._state = state
        self._tables = tables
        self._engine = engine
        self._rejects = rejects
        self._clock = clock
        self._emit = emit
        self.again: dict[str, dict[str, str]] = {}
        """flow → contents to take although they were taken before, with the reason."""

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
            )
            for source in self._project.sources
        ]
        models = [
            Node(
                str(model.name),
                NodeKind.KPI if model.name.name.startswith("kpi_") else NodeKind.MODEL,
                str(model.name),
                partial(self.model_flow, model),
                needs=frozenset(self._base_tables(model)),
                waits_for=partial(self._missing_inputs, model),
            )
            for model in self._project.graph.ordered()
            if model.kind != "view"
        ]
        return [*sources, *models]

    def source_flow(self, source: Source) -> Flow:
        """The flow of one source."""
        from entrepot.connectors import ReaderContext, build_reader

        contract = self._project.contracts[source.dataset]
        self._engine.require(contract)
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
        )
        reader = build_reader(source.connector, source.options, context, source.place)
        return Flow(
            name=source.name,
            target=source.dataset,
            reader=reader,
            writer=self._writer(source.dataset, table_schema(contract), contract.description),
            engine=self._engine,
            contract=contract,
            quarantine=self._quarantine(source.dataset),
            rejects=DatasetRejects(self._rejects, source.dataset, tuple(column.name for column in contract.columns)),
            write=source.write,
            supersedes=source.supersedes,
            transform_hash=hash_json({"connector": source.connector, "options": source.options, "write": source.write}),
            pin=partial(self._pins, source.dataset, contract),
            on_acknowledged=partial(self._leave_receipts, reader, contract),
            again=self.again.get(source.name, {}),
        )

    def model_flow(self, model: Model) -> Flow:
        """The flow of one model: reader over its inputs' versions, contract written or inferred."""
        name = str(model.name)
        driving = str(model.driving) if model.driving else None
        reader = ModelReader(
            name=name,
            sql=model.sql,
            inputs=partial(self._versions, self._base_tables(model)),
            views=self._views(model),
            driving=driving,
            batches=partial(self._batches, self._follows_updates(model)),
            is_redefined=partial(self._is_redefined, model),
        )
        contract = self._model_contract(model)
        self._engine.require(contract)
        carries = driving is not None
        schema = (
            table_schema(contract)
            if carries
            else pa.schema([pa.field(c.name, c.type.arrow()) for c in contract.columns])
        )
        return Flow(
            name=name,
            target=name,
            reader=reader,
            writer=self._writer(name, schema, model.description),
            engine=self._engine,
            contract=contract,
            quarantine=self._quarantine(name),
            write="replace" if model.kind == "full" else str(model.kind),
            transform_hash=self._transform_hash(model),
            system_columns=carries,
            pin=partial(self._model_pins, model, contract),
            rebuild_reason=reader.rebuild_reason,
        )

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

    def _writer(self, name: str, schema: pa.Schema, description: str | None) -> Writer:
        from entrepot.adapters.embedded.delta import DeltaTables, DeltaWriter

        assert isinstance(self._tables, DeltaTables)
        return DeltaWriter(
            self._tables, name, schema, description, durable_version=partial(self._state.durable_version, name)
        )

    def _quarantine(self, name: str) -> Writer:
        return self._writer(quarantine_name(name), REJECT_SCHEMA, f"Rejected records of {name}")

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

    def _pins(self, dataset: str, contract: Contract) -> dict[str, int]:
        names = [dataset, *map(str, contract.references)]
        return {name: self._state.durable_version(name) for name in names}

    def _model_pins(self, model: Model, contract: Contract) -> dict[str, int]:
        return self._pins(str(model.name), contract) | self._versions(self._base_tables(model))

    def _versions(self, names: tuple[str, ...]) -> dict[str, int]:
        return {name: self._state.durable_version(name) for name in names}

    def _base_tables(self, model: Model) -> tuple[str, ...]:
        return tuple(map(str, self._project.graph.tables(model)))

    def _views(self, model: Model) -> dict[str, str]:
        return {str(name): sql for name, sql in self._project.graph.views(model).items()}

    def _transform_hash(self, model: Model) -> str:
        """What the model says and the zone in which it is computed, apart, so that `plan` can tell which of them changed."""
        return f"{model.hash}@{self._project.time_zone}"

    def _is_redefined(self, model: Model) -> bool:
        """True when text, kind, written contract or time zone of the model are not those of its last range."""
        plan = last_plan_of_source(str(model.name), self._state)
        if plan is None:
            return False
        written = self._project.contracts.get(str(model.contract or model.name))
        return plan.draft.transform_hash != self._transform_hash(model) or (
            written is not None and plan.draft.contract_hash != written.hash
        )

    def _follows_updates(self, model: Model) -> bool:
        written = self._project.contracts.get(str(model.contract or model.name))
        below = self._project.contracts.get(str(model.driving)) if model.driving else None
        return model.kind == "merge" and written is not None and below is not None and written.key == below.key

    def _batches(self, follows_updates: bool, table: str, after: int, upto: int) -> BatchRange:
        """Batches of a table between two versions. A merge by the same key follows updates; otherwise they count as removals."""
        first = last = 0
        removed = False
        for plan in self._state.plans(target=table, status=PlanStatus.SETTLED):
            if plan.version is None or plan.version > upto:
                continue
            if plan.version <= after:
                first = max(first, plan.batch)
            elif plan.superseded_rows and not (plan.draft.mode.get("kind") == "merge" and follows_updates):
                removed = True
            last = max(last, plan.batch)
        return BatchRange(first, last, removed and first > 0)

    def _model_contract(self, model: Model) -> Contract:
        written = self._project.contracts.get(str(model.contract or model.name))
        if written is not None:
            return written
        return contract_of_schema(model.name, self._describe(model), self._project.time_zone)

    def _missing_inputs(self, model: Model) -> str | None:
        missing = [name for name, version in self._versions(self._base_tables(model)).items() if version < 0]
        return f"{', '.join(missing)}, which is not there yet" if missing else None

    def _describe(self, model: Model) -> pa.Schema:
        versions = self._versions(self._base_tables(model))
        tables = {name: TableVersion(name, version) for name, version in versions.items()}
        try:
            return self._engine.describe(QueryScan(model.sql, tables, self._views(model)))
        except ProjectError as error:
            raise ProjectError(f"{model.name}: {error.message}", place=model.place, hint=error.hint) from error
