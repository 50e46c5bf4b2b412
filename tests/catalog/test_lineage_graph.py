"""The graph answers what comes from what: nothing is missed, depth is kept, approximate lineage covers more, never less."""

from __future__ import annotations

import pytest

from entrepot.catalog.lineage import Asset, AssetKind, LineageGraph
from entrepot.kernel.names import Dataset
from entrepot.sql.lineage.values import ANY, ColumnLineage, ColumnName, How

RAW, MID, TOP, OPEN = (
    Dataset("bronze", "raw"),
    Dataset("silver", "mid"),
    Dataset("gold", "top"),
    Dataset("gold", "open"),
)


@pytest.fixture
def graph() -> LineageGraph:
    """till → bronze.raw → silver.mid → gold.top, and gold.open, whose columns nobody knows."""
    return LineageGraph(
        [
            Asset("till", AssetKind.SOURCE),
            Asset(str(RAW), AssetKind.TABLE, ("till",), tuple(map(ColumnLineage, ("a", "b", "c")))),
            Asset(
                str(MID),
                AssetKind.VIEW,
                (str(RAW),),
                (
                    ColumnLineage("m", {ColumnName(RAW, "a"): How.CAST}, frozenset({ColumnName(RAW, "c")})),
                    ColumnLineage("n", {ColumnName(RAW, "b"): How.IDENTITY}, frozenset({ColumnName(RAW, "c")})),
                ),
            ),
            Asset(
                str(TOP),
                AssetKind.TABLE,
                (str(MID), "gold.gone"),
                (ColumnLineage("t", {ColumnName(MID, "m"): How.AGGREGATE}, frozenset({ColumnName(MID, "n")})),),
            ),
            Asset(
                str(OPEN),
                AssetKind.KPI,
                (str(MID),),
                (ColumnLineage(ANY, {ColumnName(MID, ANY): How.EXPRESSION}, is_approximate=True),),
            ),
        ]
    )


def test_assets_up_and_down_with_the_least_steps(graph: LineageGraph) -> None:
    assert graph.up(TOP) == {"silver.mid": 1, "bronze.raw": 2, "till": 3}
    assert graph.up(TOP, depth=2) == {"silver.mid": 1, "bronze.raw": 2}
    assert graph.down("till", depth=1) == {"bronze.raw": 1}
    assert set(graph.down(RAW)) == {"silver.mid", "gold.top", "gold.open"}
    assert graph.up("gold.nobody") == {}


def test_inputs_that_are_not_there_are_left_out(graph: LineageGraph) -> None:
    assert graph.inputs(TOP) == ("silver.mid",)


def test_values_are_followed_over_all_steps(graph: LineageGraph) -> None:
    assert graph.derived_from(TOP, "t") == {(MID, "m"), (RAW, "a")}
    assert graph.derives(RAW, "a") == {(MID, "m"), (TOP, "t"), (OPEN, ANY)}


def test_rows_are_followed_when_asked(graph: LineageGraph) -> None:
    """Also those that decide the rows of a column on the way."""
    assert graph.derived_from(TOP, "t", indirect=True) == {(MID, "m"), (MID, "n"), (RAW, "a"), (RAW, "b"), (RAW, "c")}
    assert (TOP, "t") in graph.derives(RAW, "c", indirect=True)
    assert (TOP, "t") not in graph.derives(RAW, "c")


def test_both_ways_say_the_same(graph: LineageGraph) -> None:
    for indirect in (False, True):
        for name, asset in graph.assets.items():
            if asset.kind is AssetKind.SOURCE:
                continue
            for column in asset.columns:
                dataset = Dataset(*name.split("."))
                for origin, from_column in graph.derived_from(dataset, column.name, indirect=indirect):
                    if from_column != ANY:
                        assert (dataset, column.name) in graph.derives(origin, from_column, indirect=indirect)


def test_names_are_found_in_any_case(graph: LineageGraph) -> None:
    assert graph.derived_from(TOP, "T") == graph.derived_from(TOP, "t")


def test_columns_that_nobody_knows_are_covered(graph: LineageGraph) -> None:
    """A column of an open dataset, and one that its dataset does not list: all columns above."""
    assert graph.derived_from(OPEN, "x") >= {(MID, "m"), (MID, "n"), (RAW, "a"), (RAW, "b")}
    assert graph.derived_from(TOP, "forgotten") >= {(MID, "m"), (MID, "n"), (RAW, "a"), (RAW, "b")}


def test_edges_come_direct_first(graph: LineageGraph) -> None:
    edges = graph.columns_up(ColumnName(TOP, "t"), indirect=True)
    assert [(edge.origin.column, edge.how) for edge in edges] == [("m", How.AGGREGATE), ("n", None)]
    assert [edge.origin.column for edge in graph.walk_up(ColumnName(TOP, "t"), depth=1)] == ["m"]


def test_a_part_keeps_what_is_between(graph: LineageGraph) -> None:
    assert set(graph.around(MID).assets) == {"till", "bronze.raw", "silver.mid", "gold.top", "gold.open"}
    assert set(graph.around(RAW, depth=1).assets) == {"till", "bronze.raw", "silver.mid"}
