"""The lineage of a project: the schemas of its datasets in order of dependency, each model's columns, sources and KPIs around them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from entrepot.app.project import Project
from entrepot.app.sources import Source
from entrepot.catalog.cache import LineageCache
from entrepot.catalog.lineage import Asset, AssetKind, LineageGraph
from entrepot.contracts.model import Contract
from entrepot.kernel.errors import Place
from entrepot.kernel.ids import hash_text
from entrepot.kernel.names import Dataset, parse_dataset
from entrepot.kernel.rows import SYSTEM_COLUMNS
from entrepot.lake.models import Model, ModelKind
from entrepot.serve.kpis.kpi import SCORECARD, Kpi
from entrepot.sql.history import compile_history
from entrepot.sql.lineage.find import VERSION, cover_inputs, find_lineage
from entrepot.sql.lineage.values import ANY, ColumnLineage, ColumnName, Doubt, How, QueryLineage, Schema
from entrepot.sql.query import Query, parse_query
from entrepot.sql.record_ids import CARRIED

_SHOWN_OPTIONS = ("path", "pattern", "table")


def find_project_lineage(project: Project, *, cached: bool = True) -> LineageGraph:
    """The lineage of everything in a project. Nothing is run and no data are read: contracts and texts say it all.

    Args: cached: keep what was found in the project's runtime folder, and take from there what has not changed.
    """
    cache = LineageCache(project.runtime / "cache" / "lineage.json") if cached else None
    assets = [*_source_assets(project), *_landed(project)]
    schemas = {parse_dataset(asset.name): _schema(asset) for asset in assets if asset.kind is not AssetKind.SOURCE}
    kpis: dict[Dataset, Kpi] = {kpi.dataset: kpi for kpi in project.kpis}
    for model in project.graph.ordered():
        found = _model_lineage(model, schemas, cache)
        asset = _model_asset(project, model, found, kpis.get(model.name))
        schemas[model.name] = _schema(asset)
        assets.append(asset)
    if cache is not None:
        cache.save()
    return LineageGraph(assets)


def _schema(asset: Asset) -> Schema:
    names = tuple(column.name for column in asset.columns if column.name != ANY)
    return Schema(names, tuple(column.name for column in asset.system), is_open=len(names) < len(asset.columns))


# --- sources -------------------------------------------------------------------------------------------------------------------------


def _source_assets(project: Project) -> Iterator[Asset]:
    for name, source in {_file_name(source): source for source in project.sources}.items():
        yield Asset(name, AssetKind.SOURCE, place=Place(source.document.path), label=_say_source(source))


def _file_name(source: Source) -> str:
    """One file of `sources/` is one node, also where it feeds several datasets."""
    return source.group or source.name


def _say_source(source: Source) -> str:
    """The connector and what it reads; of all options only those that can hold no secret."""
    shown = (source.options.get(name) for name in _SHOWN_OPTIONS)
    plain = [text.partition("?")[0] for text in shown if isinstance(text, str) and "@" not in text]
    return f"{source.connector}: {plain[0]}" if plain else source.connector


def _landed(project: Project) -> Iterator[Asset]:
    """The datasets that sources feed; their columns come from outside, so nothing of ours stands behind them."""
    feeds: dict[str, list[str]] = {}
    for source in project.sources:
        feeds.setdefault(source.dataset, []).append(_file_name(source))
    for dataset, names in feeds.items():
        contract = project.contracts[dataset]
        columns = tuple(ColumnLineage(column.name) for column in contract.columns)
        system = tuple(ColumnLineage(name) for name in SYSTEM_COLUMNS)
        label = contract.description or ""
        yield Asset(dataset, AssetKind.TABLE, tuple(dict.fromkeys(names)), columns, system, label=label)


# --- models --------------------------------------------------------------------------------------------------------------------------


def _model_lineage(model: Model, schemas: Mapping[Dataset, Schema], cache: LineageCache | None) -> QueryLineage:
    key = _key(model, schemas)
    found = cache.find(key) if cache is not None else None
    if found is None:
        found = _find(model, schemas)
        if cache is not None:
            cache.keep(key, found)
    return found


def _key(model: Model, schemas: Mapping[Dataset, Schema]) -> str:
    """Of everything that the lineage follows from: the text with its lines, the inputs' columns, and who reads the text."""
    text = model.query.text if model.query is not None else model.sql
    inputs = (f"{name} {schemas.get(name)!r}" for name in sorted(model.inputs))
    return hash_text(VERSION, text, repr(model.history), *inputs)


def _find(model: Model, schemas: Mapping[Dataset, Schema]) -> QueryLineage:
    if model.query is None and not model.sql:
        return cover_inputs(model.inputs, schemas, Doubt(0, "a function in Python is not looked into"))
    query = model.query if model.query is not None else parse_query(model.sql)
    found = find_lineage(query, schemas)
    return found if model.history is None else _of_history(query, model, found, schemas)


def _of_history(query: Query, model: Model, rows: QueryLineage, schemas: Mapping[Dataset, Schema]) -> QueryLineage:
    """The lineage of the versions that a history makes of its SELECT's rows."""
    assert model.history is not None
    names = [column.name for column in rows.columns if column.name != ANY]
    found = find_lineage(compile_history(query, model.history, names), schemas)
    lines = {column.name: column.line for column in rows.columns}
    columns = tuple(replace(column, line=lines.get(column.name, 0)) for column in found.columns)
    return QueryLineage(columns, rows.doubts)


def _model_asset(project: Project, model: Model, found: QueryLineage, kpi: Kpi | None) -> Asset:
    contract = project.contracts.get(str(model.contract or model.name))
    if model.query is not None and model.query.path is None:  # of a text that stands in no file lines say nothing
        found = _without_lines(found)
    doubts = list(found.doubts)
    columns = found.columns
    if contract is not None and model.kind is not ModelKind.VIEW:
        columns = tuple(_contracted(contract, found, doubts))
    is_kpi = kpi is not None or model.name == SCORECARD
    kind = AssetKind.KPI if is_kpi else AssetKind.VIEW if model.kind is ModelKind.VIEW else AssetKind.TABLE
    label = kpi.title if kpi is not None else model.description or ""
    inputs = tuple(map(str, model.inputs))
    system = _carried(model) if model.kind.is_driven else ()
    return Asset(str(model.name), kind, inputs, columns, system, model.place, label, tuple(doubts))


def _without_lines(found: QueryLineage) -> QueryLineage:
    doubts = tuple(dict.fromkeys(Doubt(0, doubt.reason) for doubt in found.doubts))
    return QueryLineage(tuple(replace(column, line=0) for column in found.columns), doubts)


def _contracted(contract: Contract, found: QueryLineage, doubts: list[Doubt]) -> Iterator[ColumnLineage]:
    """The columns of the table, which the contract names, each with the lineage of what the SELECT brings for it."""
    for column in contract.columns:
        brought = (found.find(name) for name in (column.name, *column.headers))
        lineage = next((each for each in brought if each is not None), None)
        if lineage is None:
            doubts.append(Doubt(0, f"the contract has the column {column.name}, which the SELECT does not give"))
            lineage = ColumnLineage(column.name)
        yield replace(lineage, name=column.name)


def _carried(model: Model) -> tuple[ColumnLineage, ...]:
    """The system columns of a table with records of its driving input: some are handed on, the others new with each batch."""
    assert model.driving is not None
    return tuple(
        ColumnLineage(name, {ColumnName(model.driving, name): How.IDENTITY} if name in CARRIED else {})
        for name in SYSTEM_COLUMNS
    )
