"""The lineage of a project follows from its files alone: contracts, models of every kind, sources above, KPIs below."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from entrepot.app.lineage import find_project_lineage
from entrepot.app.project import open_project
from entrepot.catalog.lineage import AssetKind, LineageGraph
from entrepot.kernel.names import Dataset
from entrepot.sql.lineage.values import ColumnName, How

CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: {name}
version: 1.0.0
status: active
schema:
  - name: {name}
    physicalName: {layer}.{name}
    properties:
{columns}
"""
FILES = {
    "entrepot.yaml": "name: shop\ntime_zone: Europe/Berlin\n",
    "contracts/lines.odcs.yaml": CONTRACT.format(
        layer="bronze",
        name="lines",
        columns="      - {name: id, logicalType: integer, primaryKey: true}\n      - {name: day, logicalType: date}\n"
        "      - {name: shop, logicalType: string}\n      - {name: amount, logicalType: integer}",
    ),
    "contracts/checked.odcs.yaml": CONTRACT.format(
        layer="gold",
        name="checked",
        columns="      - {name: amount, logicalType: integer}\n      - {name: shop, logicalType: string}",
    ),
    "sources/till.yaml": "connector: files\ndataset: bronze.lines\nwrite: append\noptions: {path: storage/lines, pattern: '*.csv'}\n",
    "models/silver/lines.sql": "/* ---\nkind: append\ndriving: bronze.lines\n--- */\nSELECT id, day, shop, amount, _received_at AS at FROM bronze.lines\n",
    "models/gold/seen.sql": "/* ---\nkind: view\n--- */\nSELECT * FROM silver.lines WHERE amount > 0\n",
    "models/silver/shops.sql": "/* ---\nkind: history\nhistory: {key: [shop], valid_from: day}\n--- */\n"
    "SELECT shop, day, sum(amount) AS amount FROM bronze.lines GROUP BY shop, day\n",
    "models/gold/checked.sql": "SELECT shop, amount, id AS extra FROM gold.seen\n",
    "models/gold/odd.sql": "SELECT *\nFROM (PIVOT silver.lines ON shop USING sum(amount) GROUP BY day)\n",
    "models/gold/after.sql": "SELECT north FROM gold.odd\n",
    "kpis/turnover.yaml": "name: turnover\ntitle: Turnover & more\ndefinition: sums\nmodel: gold.seen\nmeasure: sum(amount)\n"
    "grain: [day]\nunit: EUR\nowner: sales\n",
}


def make(root: Path) -> Path:
    """The project of `FILES`."""
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def graph(tmp_path: Path) -> LineageGraph:
    return find_project_lineage(open_project(make(tmp_path)))


def direct(graph: LineageGraph, dataset: str, column: str) -> dict[str, How]:
    found = graph.assets[dataset].find(column)
    assert found is not None
    return {str(name): how for name, how in found.direct.items()}


def test_everything_is_there_in_its_place(graph: LineageGraph) -> None:
    kinds = {name: asset.kind for name, asset in graph.assets.items()}
    assert kinds["till"] is AssetKind.SOURCE
    assert kinds["bronze.lines"] is AssetKind.TABLE
    assert kinds["gold.seen"] is AssetKind.VIEW
    assert kinds["gold.kpi_turnover"] is kinds["gold.kpi_scorecard"] is AssetKind.KPI
    assert graph.assets["gold.kpi_turnover"].label == "Turnover & more"
    assert graph.assets["till"].label == "files: storage/lines"
    assert graph.up("gold.kpi_turnover") == {"gold.seen": 1, "silver.lines": 2, "bronze.lines": 3, "till": 4}


def test_views_are_nodes_of_their_own(graph: LineageGraph) -> None:
    assert direct(graph, "gold.checked", "amount") == {"gold.seen.amount": How.IDENTITY}
    assert direct(graph, "gold.seen", "amount") == {"silver.lines.amount": How.IDENTITY}


def test_the_contract_says_which_columns_a_table_has(graph: LineageGraph) -> None:
    """What the SELECT gives beyond it, no table has."""
    assert [column.name for column in graph.assets["gold.checked"].columns] == ["amount", "shop"]


def test_system_columns_are_known_where_they_are(graph: LineageGraph) -> None:
    """A model that takes records hands their ids on; the moment of reception is its own."""
    assert direct(graph, "silver.lines", "at") == {"bronze.lines._received_at": How.IDENTITY}
    assert direct(graph, "silver.lines", "_record_id") == {"bronze.lines._record_id": How.IDENTITY}
    assert direct(graph, "silver.lines", "_received_at") == {}
    assert [column.name for column in graph.assets["gold.seen"].columns] == ["id", "day", "shop", "amount", "at"]
    assert graph.assets["gold.checked"].find("_record_id") is None


def test_a_history_has_its_columns_too(graph: LineageGraph) -> None:
    names = [column.name for column in graph.assets["silver.shops"].columns]
    assert names[:1] == ["shop"]
    assert names[-3:] == ["valid_from", "valid_to", "is_current"]
    assert direct(graph, "silver.shops", "valid_from") == {"bronze.lines.day": How.IDENTITY}
    assert set(direct(graph, "silver.shops", "valid_to")) >= {"bronze.lines.day"}
    assert direct(graph, "silver.shops", "amount") == {"bronze.lines.amount": How.AGGREGATE}
    assert not graph.assets["silver.shops"].doubts


def test_what_cannot_be_told_is_said_and_passed_on(graph: LineageGraph) -> None:
    """The columns of a PIVOT over unknown values, and one of them read by another model."""
    odd = graph.assets["gold.odd"]
    assert [(doubt.line, doubt.reason) for doubt in odd.doubts] == [
        (2, "the names of the columns that PIVOT makes cannot be told")
    ]
    north = graph.assets["gold.after"].find("north")
    assert north is not None
    assert north.is_approximate
    assert (Dataset("bronze", "lines"), "amount") in graph.derived_from(Dataset("gold", "after"), "north")


def test_a_function_in_python_may_take_everything(tmp_path: Path) -> None:
    """Nobody looks into it: each of its columns may come from all columns of its inputs, and that is said."""
    make(tmp_path)
    (tmp_path / "models/gold/guess.py").write_text(
        "from entrepot.models import model\n\n\n@model(inputs={'seen': 'gold.seen'})\ndef guess(seen):\n    return seen\n"
    )
    graph = find_project_lineage(open_project(tmp_path))
    guess = graph.assets["gold.guess"]
    assert [doubt.reason for doubt in guess.doubts] == ["a function in Python is not looked into"]
    above = graph.derived_from(Dataset("gold", "guess"), "anything")
    assert {(Dataset("gold", "seen"), "amount"), (Dataset("bronze", "lines"), "shop")} <= above


def test_a_rate_of_a_kpi_goes_back_to_the_records(graph: LineageGraph) -> None:
    assert (Dataset("bronze", "lines"), "amount") in graph.derived_from(Dataset("gold", "kpi_scorecard"), "value")
    below = graph.derives(Dataset("bronze", "lines"), "amount")
    assert {(Dataset("gold", "kpi_turnover"), "value"), (Dataset("gold", "kpi_scorecard"), "change")} <= below


def test_lines_are_those_of_the_models_file(graph: LineageGraph) -> None:
    column = graph.assets["silver.lines"].find("amount")
    assert column is not None
    assert column.line == 5
    value = graph.assets["gold.kpi_turnover"].find("value")
    assert value is not None
    assert value.line == 0  # its text stands in no file


# --- the cache -------------------------------------------------------------------------------------------------------------------------


def as_text(graph: LineageGraph) -> str:
    """All of a graph."""
    return "\n".join(f"{name} {asset!r}" for name, asset in sorted(graph.assets.items()))


def test_with_and_without_the_cache_the_same_is_found(tmp_path: Path) -> None:
    project = open_project(make(tmp_path))
    first = find_project_lineage(project)
    kept = tmp_path / ".entrepot" / "cache" / "lineage.json"
    assert kept.is_file()
    again = find_project_lineage(open_project(tmp_path))
    bare = find_project_lineage(project, cached=False)
    assert [a.columns for a in again.assets.values()] == [a.columns for a in bare.assets.values()]
    assert {n: a.columns for n, a in first.assets.items()} == {n: a.columns for n, a in bare.assets.items()}
    assert [a.doubts for a in again.assets.values()] == [a.doubts for a in bare.assets.values()]


def test_a_changed_text_and_a_changed_input_are_found_anew(tmp_path: Path) -> None:
    make(tmp_path)
    find_project_lineage(open_project(tmp_path))
    path = tmp_path / "models/silver/lines.sql"
    path.write_text(path.read_text().replace("shop, amount", "shop AS branch, amount"))
    (tmp_path / "models/gold/checked.sql").unlink()
    (tmp_path / "contracts/checked.odcs.yaml").unlink()
    graph = find_project_lineage(open_project(tmp_path))
    assert direct(graph, "silver.lines", "branch") == {"bronze.lines.shop": How.IDENTITY}
    assert direct(graph, "gold.seen", "branch") == {"silver.lines.branch": How.IDENTITY}, "its text did not change"


def test_the_cache_is_used(tmp_path: Path) -> None:
    """A lineage that stands in the file is believed: what was changed there is seen."""
    make(tmp_path)
    find_project_lineage(open_project(tmp_path))
    path = tmp_path / ".entrepot" / "cache" / "lineage.json"
    path.write_text(path.read_text().replace('"identity"', '"aggregate"'))
    graph = find_project_lineage(open_project(tmp_path))
    assert direct(graph, "gold.seen", "amount") == {"silver.lines.amount": How.AGGREGATE}


# --- the example -----------------------------------------------------------------------------------------------------------------------


def test_the_retail_example_is_resolved_as_it_was_read(tmp_path: Path, repository: Path) -> None:
    """Every column of every model and KPI; the file was read by a person. ENTREPOT_WRITE_GOLDEN=1 writes it anew."""
    shutil.copytree(repository / "examples/retail", tmp_path / "retail")
    graph = find_project_lineage(open_project(tmp_path / "retail"))
    found = "\n".join(_lines(graph)) + "\n"
    golden = repository / "tests/catalog/retail_lineage.txt"
    if os.environ.get("ENTREPOT_WRITE_GOLDEN"):
        golden.write_text(found, encoding="utf-8")
    assert found == golden.read_text(encoding="utf-8")
    assert not [asset.doubts for asset in graph.assets.values() if asset.doubts]


def _lines(graph: LineageGraph) -> list[str]:
    lines = []
    for name, asset in sorted(graph.assets.items()):
        if asset.kind is AssetKind.SOURCE or name.startswith("bronze."):
            continue
        shared = frozenset.intersection(*(column.indirect for column in asset.columns))
        lines += [f"{name} ({asset.kind.value})", f"  rows: {_names(shared)}"]
        for column in asset.columns:
            ways = " ".join(f"{origin}:{how.value}" for origin, how in sorted(column.direct.items()))
            own = column.indirect - shared
            lines.append(f"  {column.name} < {ways or '-'}{f' | {_names(own)}' if own else ''}")
    return lines


def _names(names: frozenset[ColumnName]) -> str:
    return " ".join(map(str, sorted(names))) or "-"


def test_json_of_the_cache_is_small(tmp_path: Path, repository: Path) -> None:
    """Names are kept once: the lineage of the example takes less than its models' texts."""
    shutil.copytree(repository / "examples/retail", tmp_path / "retail")
    find_project_lineage(open_project(tmp_path / "retail"))
    path = tmp_path / "retail/.entrepot/cache/lineage.json"
    assert path.stat().st_size < 60_000
    assert json.loads(path.read_bytes())["format"] == 1
