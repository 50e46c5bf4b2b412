"""Making the flow of a model: its reader, the contract it has or is given, and what its table would lose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import pyarrow as pa

from entrepot.app.project import Project
from entrepot.app.targets import Targets
from entrepot.contracts.inferred import contract_of_schema
from entrepot.contracts.model import Contract, table_schema
from entrepot.flow.flow import Flow
from entrepot.flow.plan import last_plan_of_source
from entrepot.kernel.errors import ProjectError
from entrepot.kernel.events import Emit, Event
from entrepot.kernel.names import Dataset
from entrepot.kernel.positions import Versions
from entrepot.kernel.rows import SYSTEM_COLUMNS
from entrepot.lake.models import Model
from entrepot.lake.models.model import Incremental
from entrepot.lake.models.reader import ModelReader
from entrepot.lake.models.recipe import Recipe, find_keys, make_recipe
from entrepot.lake.models.redefinition import Redefinition, compare_columns
from entrepot.ports.engine import Engine
from entrepot.ports.relations import Part, QueryScan, TableVersion
from entrepot.ports.state import PlanStatus
from entrepot.sql.driving import may_repeat
from entrepot.sql.history import check_history_types, compile_history


class ModelFlows:
    """Knows how a model of the project becomes a flow.

    Args:
        describe: names and types that a SELECT gives.
        share: puts views that other models read too in place of their SELECTs.
        is_allowed: whether a person permitted that something of a dataset is taken away.
    """

    def __init__(
        self,
        project: Project,
        targets: Targets,
        engine: Engine,
        emit: Emit,
        *,
        describe: Callable[[QueryScan], pa.Schema],
        share: Callable[[QueryScan], QueryScan],
        is_allowed: Callable[[str], bool],
    ) -> None:
        self._project = project
        self._targets = targets
        self._state = targets.state
        self._tables = targets.tables
        self._engine = engine
        self._emit = emit
        self._describe_scan = describe
        self._share = share
        self._is_allowed = is_allowed
        self.rebuild: set[str] = set()
        """Models that a person wants computed as a whole, once."""

    def flow(self, model: Model) -> Flow:
        """The flow of one model: reader over its inputs' versions, contract written or inferred."""
        name = str(model.name)
        contract = self._model_contract(model)
        self._engine.require(contract)
        carries = model.kind.is_driven
        schema = self._schema_of(model, contract)
        redefines = self._redefines(model, schema)
        return Flow(
            name=name,
            target=name,
            reader=self._model_reader(model, contract, schema, redefines=redefines),
            writer=self._targets.writer(name, schema, model.description, redefines=redefines),
            engine=self._engine,
            contract=contract,
            quarantine=self._targets.quarantine(name),
            write="merge" if model.kind == "merge" else "append",
            transform_hash=self.transform_hash_of(model),
            system_columns=carries,
            redefines=redefines,
            pin=partial(self._model_pins, model, contract),
        )

    def schema(self, model: Model) -> pa.Schema:
        """The columns of a model's table by its present definition. Raises: ProjectError for faulty SQL."""
        return self._schema_of(model, self._model_contract(model))

    def is_other_text(self, model: Model) -> bool:
        """True when the model's last range was computed by another definition, in another zone or under another contract."""
        return self._why_redefined(model) is not None

    def explain_way(self, model: Model) -> tuple[tuple[str, ...], str | None]:
        """The keys by which a model can be computed in part, and why it cannot be all the same; no keys: it never is."""
        contract = self._model_contract(model)
        recipe = self._recipe(model, contract, self.runnable(model))
        if recipe is None or model.incremental is Incremental.NEVER:
            return (), None
        return recipe.keys, recipe.why_full

    def views_below(self, model: Model) -> dict[str, str]:
        """The views that a model reads, each after those it reads itself: name → SQL."""
        return {str(name): sql for name, sql in self._project.graph.views(model).items()}

    def find_redefinition(self, model: Model, schema: pa.Schema) -> Redefinition | None:
        """Columns that the model's table has and that go or change their types; None when none does."""
        name = str(model.name)
        if not self._tables.exists(name):
            return None
        return compare_columns(self._tables.schema(name), self._tables.as_kept(schema))

    def runnable(self, model: Model) -> str:
        """The SELECT that is run: of a history that of the versions, for which the columns of its query must be known."""
        if model.history is None:
            return model.sql
        schema = self._describe(model, model.sql)
        check_history_types(model.history, schema, model.query)
        return compile_history(model.sql, model.history, schema.names)

    def transform_hash_of(self, model: Model) -> str:
        """What the model says and the zone in which it is computed, apart, so that `plan` can tell which of them changed."""
        return f"{model.hash}@{self._project.time_zone}"

    def base_tables(self, model: Model) -> tuple[str, ...]:
        """The tables below a model, looking through views."""
        return tuple(map(str, self._project.graph.tables(model)))

    def references(self, model: Model) -> frozenset[str]:
        """Datasets that the model's contract refers to: they come before it."""
        written = self._project.contracts.get(str(model.contract or model.name))
        return frozenset(map(str, written.references)) if written is not None else frozenset()

    def missing_inputs(self, model: Model) -> str | None:
        """What a model waits for, in words; None when all its inputs are there."""
        missing = [name for name, version in self._targets.versions(self.base_tables(model)).items() if version < 0]
        return f"{', '.join(missing)}, which is not there yet" if missing else None

    def _redefines(self, model: Model, schema: pa.Schema) -> bool:
        """True when columns go or change and a person allowed it. Raises: ProjectError when nobody did."""
        name = str(model.name)
        found = self.find_redefinition(model, schema)
        if found is None:
            return False
        unfinished = self._state.open_plan(name)
        if not self._state.plans(flow=name, status=PlanStatus.SETTLED, limit=1):
            return True  # its table never held a row: a first build that failed left nothing but columns
        if self._is_allowed(name) or (unfinished is not None and unfinished.draft.mode.get("redefines")):
            return True
        raise ProjectError(
            f"{name}: {found}, and that cannot be taken back in the newest version.",
            place=model.place,
            hint=f"See what it would change: entrepot plan {name}. Do it: entrepot run --allow {name}",
        )

    def _schema_of(self, model: Model, contract: Contract) -> pa.Schema:
        if model.kind.is_driven:
            return table_schema(contract)
        return pa.schema([pa.field(c.name, c.type.arrow()) for c in contract.columns])

    def _model_reader(self, model: Model, contract: Contract, schema: pa.Schema, *, redefines: bool) -> ModelReader:
        sql = self.runnable(model)
        return ModelReader(
            name=str(model.name),
            sql=sql,
            inputs=partial(self._targets.versions, self.base_tables(model)),
            views=self.views_below(model),
            tables=self._tables,
            carries_record_ids=model.kind.is_driven,
            may_repeat_records=model.query is None or may_repeat(model.query),
            recipe=self._recipe(model, contract, sql),
            share=self._share,
            open_function=partial(self._open_function, model) if model.python is not None else None,
            incremental=model.incremental,
            why_redefined=partial(self._why_redefined, model, schema if redefines else None),
            why_again=partial(self._why_again, model, contract),
            hindrance=partial(self._why_not_in_part, model),
        )

    def _recipe(self, model: Model, contract: Contract, sql: str) -> Recipe | None:
        keys = find_keys(model, contract) if model.python is None else ()
        return make_recipe(model.sql, keys, self.views_below(model), driving=model.driving, whole=sql) if keys else None

    def _open_function(self, model: Model, position: Versions) -> Part:
        """Run a function over its inputs at the planned versions; twice where nobody has seen yet that it gives the same again."""
        from entrepot.adapters.python_models.run import open_python_model

        assert model.python is not None
        settled = self._state.plans(flow=str(model.name), status=PlanStatus.SETTLED, limit=1)
        is_other = not settled or settled[-1].draft.transform_hash != self.transform_hash_of(model)
        tables = {name: TableVersion(name, version) for name, version in position.upto.items()}
        inputs = {
            parameter: partial(self._read_input, dataset, tables, self.views_below(model))
            for parameter, dataset in model.python.inputs.items()
        }
        scratch = self._project.runtime / "tmp"
        stream = open_python_model(model.python, inputs, scratch=scratch, check=is_other, log=partial(self._log, model))
        return Part(str(model.name), stream)

    def _read_input(
        self, dataset: Dataset, tables: Mapping[str, TableVersion], views: Mapping[str, str]
    ) -> pa.RecordBatchReader:
        hidden = f" EXCLUDE ({', '.join(SYSTEM_COLUMNS)})" if dataset in self._project.graph.carrying else ""
        return self._engine.query(QueryScan(f"SELECT *{hidden} FROM {dataset}", tables, views)).batches()

    def _log(self, model: Model, line: str) -> None:
        self._emit(Event("model_said", str(model.name), {"line": line}))

    def _why_not_in_part(self, model: Model) -> str | None:
        """Rejected rows are judged again only when all is computed."""
        name = str(model.name)
        if (
            self._tables.exists(name)
            and self._tables.difference(name, self._tables.version(name), self._tables.version(name)) is None
        ):
            return f"rows of {name} cannot be replaced one by one, as the table has features of another tool"
        rejected = self._state.count_rejected(name)
        return f"{rejected:,} rejected rows of earlier batches are judged again" if rejected else None

    def _why_again(self, model: Model, contract: Contract) -> str | None:
        """That somebody asked for it, or that rejected rows may now refer to something."""
        name = str(model.name)
        if name in self.rebuild:
            self.rebuild.discard(name)  # once
            return "somebody asked for it"
        last = last_plan_of_source(name, self._state)
        if last is None or not contract.references or not self._state.count_rejected(name):
            return None
        newer = [
            str(dataset)
            for dataset in contract.references
            if self._state.durable_version(str(dataset)) > last.draft.pins.get(str(dataset), -1)
        ]
        return f"rejected rows may refer to what came to {', '.join(newer)}" if newer else None

    def _model_pins(self, model: Model, contract: Contract) -> dict[str, int]:
        return self._targets.pins(str(model.name), contract) | self._targets.versions(self.base_tables(model))

    def _why_redefined(self, model: Model, schema: pa.Schema | None = None) -> str | None:
        """What differs from the model's last range: text, kind, a view below it, written contract or time zone.

        Args: schema: what the table's columns are to be; until it has them, the model is computed anew.
        """
        if schema is not None and self.find_redefinition(model, schema) is not None:
            return "its columns change"
        plan = last_plan_of_source(str(model.name), self._state)
        if plan is None:
            return None
        old, new = plan.draft.transform_hash, self.transform_hash_of(model)
        (old_text, _, old_zone), (new_text, _, zone) = old.partition("@"), new.partition("@")
        if old_text != new_text:
            return "its definition changed"
        if old_zone != zone:
            return (
                f"the project's time zone changed from {old_zone} to {zone}" if old_zone else "its definition changed"
            )
        written = self._project.contracts.get(str(model.contract or model.name))
        if written is not None and plan.draft.contract_hash != written.hash:
            return "its contract changed"
        return None

    def _model_contract(self, model: Model) -> Contract:
        written = self._project.contracts.get(str(model.contract or model.name))
        if written is not None:
            return written
        if model.python is not None:
            raise ProjectError(
                f"{model.name} is a model in Python without a contract: what columns it gives cannot be known before it runs.",
                place=model.place,
                hint=f"Write contracts/{model.name.name}.odcs.yaml with `physicalName: {model.name}` and its columns.",
            )
        return contract_of_schema(model.name, self._describe(model, self.runnable(model)), self._project.time_zone)

    def _describe(self, model: Model, sql: str) -> pa.Schema:
        versions = self._targets.versions(self.base_tables(model))
        tables = {name: TableVersion(name, version) for name, version in versions.items()}
        try:
            return self._describe_scan(QueryScan(sql, tables, self.views_below(model)))
        except ProjectError as error:
            raise ProjectError(f"{model.name}: {error.message}", place=model.place, hint=error.hint) from error
