"""From a test as written to what has to run: the models, and the columns of everything they read."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from entrepot.app.model_tests.definition import ModelTest
from entrepot.app.model_tests.workbench import Bench, inputs_of, refuse
from entrepot.app.statics import empty_select
from entrepot.app.wiring import Platform
from entrepot.contracts.findings import say_allowed, suggest
from entrepot.contracts.inferred import contract_of_schema
from entrepot.contracts.model import Contract, table_schema
from entrepot.kernel.errors import ProjectError
from entrepot.kernel.names import Dataset, parse_dataset
from entrepot.lake.models import Model
from entrepot.ports.relations import QueryScan
from entrepot.sql.history import compile_history


class Resolver:
    """Knows the project's models and contracts; what it found out of a dataset's columns is kept."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._project = platform.project
        self._columns: dict[str, Contract] = {}

    def resolve(self, test: ModelTest) -> Bench:
        """Raises: ProjectError for names that the project does not have or the models do not read."""
        if test.of_contract:
            return self._of_contract(test)
        models = self._models(test)
        inputs = [str(name) for name in inputs_of(models)]
        keys = self._keys(models)
        for each in test.given:
            if each.dataset not in inputs and each.dataset not in keys:
                text = f"{test.target} does not read {each.dataset}; it reads {say_allowed(inputs)}."
                hint = suggest(each.dataset, inputs) or self._made_on_the_way(models, each.dataset)
                raise ProjectError(text, place=each.place, hint=hint)
        given = [each.dataset for each in test.given if each.dataset in keys and each.dataset not in inputs]
        return Bench(test, tuple(models), {name: self.columns(name) for name in [*inputs, *given]})

    def columns(self, dataset: str) -> Contract:
        """A dataset's columns: of its contract, else of the SELECT that makes it."""
        if dataset not in self._columns:
            self._columns[dataset] = self._find_columns(dataset)
        return self._columns[dataset]

    def _of_contract(self, test: ModelTest) -> Bench:
        contracts = self._project.contracts
        if test.target not in contracts:
            listed = sorted(contracts)
            raise refuse(
                test,
                f"there is no contract of {test.target}; there are {say_allowed(listed)}.",
                suggest(test.target, listed),
            )
        contract = contracts[test.target]
        allowed = [test.target, *map(str, contract.references)]
        for each in test.given:
            if each.dataset not in allowed:
                text = (
                    f"the contract of {test.target} does not look at {each.dataset}; allowed is {say_allowed(allowed)}."
                )
                raise ProjectError(text, place=each.place, hint=suggest(each.dataset, allowed))
        names = [test.target, *(each.dataset for each in test.given if each.dataset != test.target)]
        return Bench(test, (), {name: self.columns(name) for name in names})

    def _models(self, test: ModelTest) -> list[Model]:
        """The tested model, those on the way, and the views between that nobody gives."""
        given = {each.dataset for each in test.given}
        found: dict[Dataset, Model] = {}
        waiting = [self._model(test, name) for name in (test.target, *test.through)]
        while waiting:
            model = waiting.pop()
            if model.name in found:
                continue
            found[model.name] = model
            below = (self._project.graph.find(name) for name in model.inputs if str(name) not in given)
            waiting += [each for each in below if each is not None and each.kind == "view"]
        unread = self._unread(test, list(found.values()))
        if unread:
            raise refuse(test, f"{test.target} is not made through {unread}: nothing on the way reads it.")
        return list(found.values())

    def _unread(self, test: ModelTest, models: Sequence[Model]) -> str | None:
        read = {str(name) for model in models for name in model.inputs}
        return next((name for name in test.through if name not in read and name != test.target), None)

    def _model(self, test: ModelTest, name: str) -> Model:
        models = {str(model.name): model for model in self._project.graph.models}
        if name not in models:
            is_source = name in {source.dataset for source in self._project.sources}
            hint = (
                f"It comes from a source; test its contract with: contract: {name}"
                if is_source
                else suggest(name, models)
            )
            raise refuse(test, f"there is no model {name}; there are {say_allowed(sorted(models))}.", hint)
        return models[name]

    def _keys(self, models: Sequence[Model]) -> set[str]:
        """Datasets that foreign keys of the models' contracts look into."""
        contracts = (self._project.contracts.get(str(model.contract or model.name)) for model in models)
        return {str(name) for contract in contracts if contract for name in contract.references}

    def _made_on_the_way(self, models: Sequence[Model], dataset: str) -> str | None:
        below = {str(name) for model in self._project.graph.models for name in model.inputs}
        made = dataset in below and any(str(model.name) == dataset for model in models)
        return "It is computed on the way: take it out of through, or of given." if made else None

    def _find_columns(self, dataset: str) -> Contract:
        name = parse_dataset(dataset)
        model = self._project.graph.find(name)
        written = self._project.contracts.get(str((model.contract if model else None) or name))
        if written is not None:
            return written
        if model is None:
            raise ProjectError(f"nothing is known of the columns of {dataset}.", hint="Write its contract.")
        return contract_of_schema(name, self._describe(model), self._project.time_zone)

    def runnable(self, model: Model) -> str:
        """The SELECT that gives the rows of a model's table: of a history the versions that it makes. Raises: ProjectError."""
        if model.history is None:
            return model.sql
        return compile_history(model.sql, model.history, self._bind(model, model.sql).names)

    def _describe(self, model: Model) -> pa.Schema:
        return self._bind(model, self.runnable(model))

    def _bind(self, model: Model, sql: str) -> pa.Schema:
        views = {}
        for name in model.inputs:
            below = self._project.graph.find(name)
            contract = self.columns(str(name))
            carries = below is None or below.kind.is_driven
            views[str(name)] = empty_select(table_schema(contract) if carries else _plain_schema(contract))
        try:
            return self._platform.engine.describe(QueryScan(sql, {}, views))
        except ProjectError as error:
            raise ProjectError(f"{model.name}: {error.message}", place=model.place, hint=error.hint) from error


def _plain_schema(contract: Contract) -> pa.Schema:
    return pa.schema([pa.field(column.name, column.type.arrow()) for column in contract.columns])
