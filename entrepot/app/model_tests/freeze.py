"""`entrepot test --freeze`: real rows of a model, and the input rows that make them, become a test."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from entrepot.app.model_tests.compare import compare_rows
from entrepot.app.model_tests.definition import Columns, Expected, Given, ModelTest
from entrepot.app.model_tests.needed import Search
from entrepot.app.model_tests.read import FOLDER, load_tests
from entrepot.app.model_tests.resolve import Resolver
from entrepot.app.model_tests.stand_ins import StandIns, find_closed
from entrepot.app.model_tests.typed import text_row
from entrepot.app.model_tests.workbench import Outcome, Workbench
from entrepot.app.model_tests.written import open_yaml, replace_file, rows_to_yaml, to_yaml
from entrepot.app.wiring import Platform, read_pins
from entrepot.contracts.findings import suggest
from entrepot.kernel.errors import Place, UsageError
from entrepot.kernel.positions import Versions
from entrepot.kernel.rows import SYSTEM_COLUMNS
from entrepot.lake.models import Model
from entrepot.ports.relations import QueryScan, TableVersion

MOST_ROWS = 20
Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Frozen:
    """What was written."""

    path: Path
    name: str
    inputs: Mapping[str, int]
    """input → rows."""
    replaced: tuple[str, ...]
    """Columns whose values are stand-ins, as `dataset.column`."""


def freeze(platform: Platform, dataset: str, where: str | None, name: str | None, *, with_personal: bool) -> Frozen:
    """Write a test of the rows of a model that fit `where`.

    Raises: UsageError when there are none, too many, or they cannot be made again from their inputs.
    """
    model = _find_model(platform, dataset)
    versions, wanted = _read(platform, model, where)
    resolver = Resolver(platform)
    inputs = {str(each): resolver.columns(str(each)) for each in model.inputs}
    given = Search(
        platform, model, resolver.runnable(model), versions, inputs, resolver.columns(dataset), wanted
    ).find()
    replaced: tuple[str, ...] = ()
    if not with_personal:
        given, replaced = _replace(platform, given)
    path = platform.project.root / FOLDER / f"{dataset}.yaml"
    name = _free_name(path, name or f"frozen from {dataset}")
    zone = platform.project.time_zone
    outcome = _run(platform, resolver, _as_test(dataset, name, given, path, zone))
    columns = [each for each in outcome.schema.names if each in wanted[0]]
    if not replaced and any(pair.expected for pair in compare_rows(wanted, outcome.rows, columns, ()).pairs):
        raise UsageError(
            f"what makes these rows of {dataset} could not be found: from the rows found come others.",
            hint="Freeze fewer rows with --where, or write the test by hand.",
        )
    if len(outcome.rows) < len(wanted):
        raise UsageError(
            f"with stand-ins for {', '.join(replaced)} the model makes {len(outcome.rows)} of the {len(wanted)} rows.",
            hint="Keep the values with --with-personal, where they may stand in a file; or write the test by hand.",
        )
    _write(path, dataset, name, given, outcome, zone)
    return Frozen(path, name, {each: len(rows) for each, rows in given.items()}, replaced)


def _find_model(platform: Platform, dataset: str) -> Model:
    models = {str(model.name): model for model in platform.project.graph.models}
    if dataset not in models:
        raise UsageError(f"there is no model {dataset!r} whose rows could be frozen.", hint=suggest(dataset, models))
    if models[dataset].python is not None:
        raise UsageError(
            f"{dataset} is a model in Python: what makes its rows cannot be found by trying.",
            hint="Write the test by hand; a test of a Python model runs like any other.",
        )
    return models[dataset]


def _read(platform: Platform, model: Model, where: str | None) -> tuple[dict[str, int], Rows]:
    """The versions of the tables below that the newest rows were made from, and the rows."""
    graph, name = platform.project.graph, str(model.name)
    position = platform.state.last_position(name)
    below = {str(each): platform.state.durable_version(str(each)) for each in graph.tables(model)}
    if isinstance(position, Versions):
        below |= {each: version for each, version in position.upto.items() if each in below}
    if model.kind == "view":
        tables = {each: TableVersion(each, version) for each, version in below.items()}
        views = {str(each): sql for each, sql in graph.views(model).items()}
        scan = QueryScan(f"SELECT * FROM ({model.sql}\n) WHERE {where or 'true'} LIMIT {MOST_ROWS + 1}", tables, views)
    else:
        version = platform.state.durable_version(name)
        if version < 0:
            raise UsageError(f"{name} has no rows yet.", hint="Make them with: entrepot run")
        read_pins(platform, {name: version})
        sql = f"SELECT * FROM q.t WHERE {where or 'true'} LIMIT {MOST_ROWS + 1}"
        scan = QueryScan(sql, {"q.t": TableVersion(name, version)})
    read_pins(platform, below)
    rows = platform.engine.query(scan).batches().read_all().to_pylist()
    if not rows or len(rows) > MOST_ROWS:
        said = "no row fits" if not rows else f"more than {MOST_ROWS} rows fit"
        raise UsageError(f"{said} --where {where or ''}".rstrip() + ".", hint="Name the rows by their key.")
    return below, [{key: value for key, value in row.items() if key not in SYSTEM_COLUMNS} for row in rows]


def _replace(platform: Platform, given: Mapping[str, Rows]) -> tuple[dict[str, Rows], tuple[str, ...]]:
    stand_ins = StandIns()
    found: dict[str, Rows] = {}
    replaced: list[str] = []
    for dataset, rows in given.items():
        closed = find_closed(platform.project, dataset, rows[0] if rows else ())
        found[dataset] = [
            {key: stand_ins.replace(key, value) if key in closed else value for key, value in row.items()}
            for row in rows
        ]
        replaced += [f"{dataset}.{column}" for column in sorted(closed)]
    return found, tuple(replaced)


def _as_test(dataset: str, name: str, given: Mapping[str, Rows], path: Path, zone: str) -> ModelTest:
    place = Place(path)
    inputs = tuple(
        Given(each, tuple(text_row({k: to_yaml(v, zone) for k, v in row.items()}, place) for row in rows), place)
        for each, rows in given.items()
    )
    return ModelTest(name, dataset, False, (), inputs, Expected(None, Columns.ALL, (), place), place)


def _run(platform: Platform, resolver: Resolver, test: ModelTest) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="entrepot-test-") as folder:
        return Workbench(platform.project, resolver.resolve(test), Path(folder)).run()


def _free_name(path: Path, wished: str) -> str:
    taken = {test.name for test in load_tests(path)} if path.exists() else set()
    number, name = 2, wished
    while name in taken:
        name, number = f"{wished} ({number})", number + 1
    return name


def _write(path: Path, dataset: str, name: str, given: Mapping[str, Rows], outcome: Outcome, zone: str) -> None:
    from ruamel.yaml.comments import CommentedMap

    yaml = open_yaml()
    document = yaml.load(path.read_text(encoding="utf-8")) if path.exists() else CommentedMap(model=dataset, tests=[])
    test = CommentedMap(name=name)
    if document.get("model") != dataset:
        test["model"] = dataset
    test["given"] = CommentedMap((each, rows_to_yaml(rows, _named(rows), zone)) for each, rows in given.items() if rows)
    test["expect"] = CommentedMap(rows=rows_to_yaml(outcome.rows, outcome.schema.names, zone))
    if outcome.rejected:
        test["expect"]["rejected"] = [{"rule": list(each.rules)} for each in outcome.rejected]
    document["tests"].append(test)
    text = io.StringIO()
    yaml.dump(document, text)
    path.parent.mkdir(exist_ok=True)
    replace_file(path, text.getvalue())


def _named(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Columns that have a value somewhere: what a given row does not name is null."""
    return [name for name in rows[0] if any(row[name] is not None for row in rows)] if rows else []
