"""What other parts of the project know of datasets: where columns come from, which tests hold models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from entrepot.app.lineage import find_project_lineage
from entrepot.app.model_tests.read import find_test_files, load_tests
from entrepot.app.project import Project
from entrepot.catalog.lineage import AssetKind, LineageGraph
from entrepot.contracts.docs.facts import is_classified

Inherited = Mapping[str, tuple[str, ...]]
"""`layer.name.column` → classifications of columns that it takes its value from."""


def find_lineage(project: Project) -> LineageGraph:
    """The lineage of the whole project; nothing is run. Of a source only its connector is told: its options may hold what is not for all."""
    connectors = {source.group or source.name: source.connector for source in project.sources}
    return LineageGraph(
        replace(asset, label=connectors[asset.name]) if asset.kind is AssetKind.SOURCE else asset
        for asset in find_project_lineage(project).assets.values()
    )


def find_origins(graph: LineageGraph) -> Mapping[str, tuple[str, ...]]:
    """`layer.name.column` → the columns that it takes its value from, one step up."""
    return {
        f"{asset.name}.{column.name}".lower(): tuple(sorted(map(str, column.direct)))
        for asset in graph.assets.values()
        for column in asset.columns
        if column.direct
    }


def find_inherited(project: Project, graph: LineageGraph) -> Inherited:
    """Which columns hold what was classified further up, as it was or computed from it."""
    found: dict[str, set[str]] = {}
    for contract in project.contracts.values():
        for column in contract.columns:
            if column.classification is None or not is_classified(column.classification):
                continue
            for dataset, name in graph.derives(contract.dataset, column.name):
                found.setdefault(f"{dataset}.{name}".lower(), set()).add(column.classification)
    return {name: tuple(sorted(classes)) for name, classes in found.items()}


def read_test_names(project: Project) -> Mapping[str, tuple[str, ...]]:
    """Dataset → the names of the tests of its model or contract, as `tests/*.yaml` has them.

    Raises: ProjectError for a file of tests that cannot be read.
    """
    found: dict[str, list[str]] = {}
    for path in find_test_files(project.root):
        for test in load_tests(path):
            found.setdefault(test.target, []).append(test.name)
    return {dataset: tuple(names) for dataset, names in found.items()}
