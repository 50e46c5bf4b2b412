"""A lake for one test: given rows are written as tables, the tested models run over them as in any project, and their tables are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from entrepot.app.model_tests.definition import Given, ModelTest
from entrepot.app.model_tests.typed import bare_contract, check_columns, misfits, text_stream
from entrepot.app.project import Project
from entrepot.app.wiring import Platform
from entrepot.contracts.model import Contract, table_schema
from entrepot.contracts.row_rules import ForeignKey
from entrepot.flow.flow import Flow
from entrepot.flow.loop import advance
from entrepot.flow.rejects import quarantine_name
from entrepot.kernel.errors import ProjectError, raise_all
from entrepot.kernel.names import Dataset, parse_dataset
from entrepot.kernel.positions import Cursor, Position
from entrepot.kernel.rows import SYSTEM_COLUMNS
from entrepot.lake.models import Model, ModelGraph
from entrepot.ports.engine import REJECT_SCHEMA
from entrepot.ports.relations import Part, QueryScan, TableVersion
from entrepot.ports.writer import Writer


@dataclass(frozen=True, slots=True)
class Bench:
    """What a test needs of the project: the models that run, and the contracts of what is given."""

    test: ModelTest
    models: tuple[Model, ...]
    """Those that run, the tested one among them; none for a test of a contract."""
    inputs: Mapping[str, Contract]
    """dataset → its columns, for everything that is given or empty."""


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that the contract rejected."""

    rules: tuple[str, ...]
    row: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out."""

    schema: pa.Schema
    """Without system columns."""
    rows: list[dict[str, Any]]
    rejected: list[RejectedRow]


class GivenReader:
    """A source of one range: the rows that a test gives."""

    def __init__(self, part: Part) -> None:
        self._part = part

    def find_next(self, previous: Position | None) -> Position | None:
        """Everything, once."""
        return Cursor(None, 1) if previous is None else None

    def claim(self, position: Position) -> Position:
        """Nobody else knows of it."""
        return position

    def read(self, position: Position) -> list[Part]:
        """The rows."""
        return [self._part]

    def acknowledge(self, position: Position) -> None:
        """Nobody needs to be told."""

    def refuse(self, position: Position, reason: str) -> None:
        """Nobody needs to be told."""


class Workbench:
    """Runs one test in a folder that is empty and is thrown away afterwards."""

    def __init__(self, project: Project, bench: Bench, folder: Path) -> None:
        self._bench = bench
        self._zone = project.time_zone
        given = {each.dataset for each in bench.test.given}
        contracts = {name: _prune(contract, given) for name, contract in project.contracts.items()}
        sources = frozenset(parse_dataset(name) for name in bench.inputs)
        graph = ModelGraph(bench.models, sources=sources)
        aside = replace(project, root=folder, contracts=contracts, sources=(), kpis=(), graph=graph, cache_mb=0)
        self.platform = Platform(aside, threads=1)

    def run(self) -> Outcome:
        """Write what is given, run the models, read the outcome. Raises: EntrepotError where the test or a model is wrong."""
        test = self._bench.test
        for name, contract in self._bench.inputs.items():
            if not (test.of_contract and name == test.target):
                self._write(name, contract, _rows_of(test, name))
        if test.of_contract:
            self._judge(self._bench.test)
        for model in self.platform.project.graph.ordered():
            if model.kind != "view":
                advance(self.platform.flows.models.flow(model), self.platform.services)
        return self._read(test.target)

    def _write(self, name: str, contract: Contract, given: Given | None) -> None:
        rows = given.rows if given else ()
        names = [column.name for column in contract.columns]
        check_columns(rows, names, name)
        bare = bare_contract(contract, self._zone)
        advance(self._flow(name, bare, Part("given", text_stream(names, rows))), self.platform.services)
        raise_all(misfits(self._quarantined(name), rows, name))

    def _judge(self, test: ModelTest) -> None:
        """Take the rows of text as a source brings them."""
        contract = self.platform.project.contracts[test.target]
        given = _rows_of(test, test.target)
        rows = given.rows if given else ()
        known = dict.fromkeys(name for column in contract.columns for name in (column.name, *column.headers))
        check_columns(rows, list(known), test.target)
        used = dict.fromkeys(name for row in rows for name in row.cells)
        missing = [c.name for c in contract.columns if not {c.name, *c.headers} & used.keys()]
        part = Part("given", text_stream([*used, *missing], rows))
        advance(self._flow(test.target, contract, part), self.platform.services)

    def _flow(self, name: str, contract: Contract, part: Part) -> Flow:
        state = self.platform.state
        wanted = [name, *map(str, contract.references)]
        return Flow(
            name=f"given.{name}",
            target=name,
            reader=GivenReader(part),
            writer=self._writer(name, table_schema(contract)),
            engine=self.platform.engine,
            contract=contract,
            quarantine=self._writer(quarantine_name(name), REJECT_SCHEMA),
            pin=lambda: {each: state.durable_version(each) for each in wanted},
        )

    def _writer(self, name: str, schema: pa.Schema) -> Writer:
        from entrepot.adapters.embedded.delta import DeltaWriter

        durable = partial(self.platform.state.durable_version, name)
        return DeltaWriter(self.platform.tables, name, schema, durable_version=durable)

    def _read(self, name: str) -> Outcome:
        graph = self.platform.project.graph
        model = graph.find(parse_dataset(name))
        if model is not None and model.kind == "view":
            tables = {str(each): self._version(str(each)) for each in graph.tables(model)}
            views = {str(each): sql for each, sql in graph.views(model).items()}
            result = self.platform.engine.query(QueryScan(model.sql, tables, views))
        else:
            result = self.platform.engine.query(QueryScan("SELECT * FROM q.t", {"q.t": self._version(name)}))
        table = pa.Table.from_batches(result.batches(), result.schema)
        table = table.select([each for each in table.column_names if each not in SYSTEM_COLUMNS])
        return Outcome(table.schema, table.to_pylist(), list(_read_rejects(self._quarantined(name))))

    def _version(self, name: str) -> TableVersion:
        return TableVersion(name, self.platform.state.durable_version(name))

    def _quarantined(self, name: str) -> list[dict[str, Any]]:
        table = quarantine_name(name)
        if not self.platform.tables.exists(table):
            return []
        scan = QueryScan("SELECT * FROM q.t ORDER BY _record_id", {"q.t": self._version(table)})
        found: list[dict[str, Any]] = self.platform.engine.query(scan).batches().read_all().to_pylist()
        return found


def inputs_of(models: Sequence[Model]) -> tuple[Dataset, ...]:
    """What models read that none of them makes."""
    made = {model.name for model in models}
    return tuple(dict.fromkeys(name for model in models for name in model.inputs if name not in made))


def _rows_of(test: ModelTest, name: str) -> Given | None:
    return next((each for each in test.given if each.dataset == name), None)


def _prune(contract: Contract, given: set[str]) -> Contract:
    """Without foreign keys into what the test does not give: nothing can be said of those."""
    rules = tuple(rule for rule in contract.rules if not isinstance(rule, ForeignKey) or str(rule.dataset) in given)
    return contract if len(rules) == len(contract.rules) else replace(contract, rules=rules)


def _read_rejects(rows: Sequence[Mapping[str, Any]]) -> Iterator[RejectedRow]:
    import json

    for row in rows:
        rules = tuple(dict.fromkeys(str(reason["rule"]) for reason in row["reasons"]))
        yield RejectedRow(rules, json.loads(row["row"]))


def refuse(test: ModelTest, message: str, hint: str | None = None) -> ProjectError:
    """An error at the test's place."""
    return ProjectError(message, place=test.place, hint=hint)
