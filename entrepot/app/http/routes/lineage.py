"""Lineage: where does this come from, where does it go?"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from entrepot.app.http.asked import Context
from entrepot.app.http.errors import NotThere
from entrepot.app.http.shapes import Shape
from entrepot.catalog.layout import lay_out
from entrepot.catalog.lineage import Asset, AssetKind, ColumnEdge, LineageGraph
from entrepot.kernel.names import Dataset
from entrepot.sql.lineage.values import ColumnName

router = APIRouter(tags=["lineage"])
MOST_DRAWN = 150


class LineageNode(Shape):
    """A source, a dataset or a KPI, and where it stands in the picture."""

    name: str
    kind: Literal["source", "table", "view", "kpi"]
    label: str
    layer: int = Field(description="from left to right")
    order: int = Field(description="from top to bottom in its layer")
    y: float
    columns: list[str]
    doubts: list[str] = Field(description="what could not be resolved")


class LineageEdge(Shape):
    """What is made from what."""

    origin: str
    target: str


class LineageColumnEdge(Shape):
    """Which column comes from which."""

    origin: str
    target: str
    how: str = Field(description="`decides rows`: it has no part in the value")
    is_approximate: bool


class LineageAnswer(Shape):
    """A part of the graph."""

    focus: str | None
    level: Literal["dataset", "column"]
    nodes: list[LineageNode]
    edges: list[LineageEdge]
    columns: list[LineageColumnEdge]
    left_out: int = Field(description=f"datasets that are not shown because there are more than {MOST_DRAWN}")


class LineagePath(Shape):
    """All ways from one dataset to another."""

    edges: list[LineageEdge]


class ImpactQuestion(Shape):
    """Columns that somebody wants to change."""

    columns: list[Annotated[str, Field(min_length=3, max_length=300)]] = Field(min_length=1, max_length=200)


class Impact(Shape):
    """What a change would reach."""

    columns: list[str]
    datasets: list[str]
    kpis: list[str]


@router.get("/lineage", response_model=LineageAnswer)
def get_lineage(
    context: Context,
    focus: Annotated[
        str | None, Query(max_length=300, description="a dataset, a source or `layer.name.column`")
    ] = None,
    level: Literal["dataset", "column"] = "dataset",
    up: Annotated[int | None, Query(ge=0, le=100)] = None,
    down: Annotated[int | None, Query(ge=0, le=100)] = None,
    indirect: bool = False,
) -> LineageAnswer:
    """Show what something comes from and goes to, laid out from left to right; without `focus` everything."""
    graph = context.facts.get().lineage
    column, asset = _find(graph, focus) if focus is not None else (None, None)
    names = list(graph.assets) if asset is None else _around(graph, asset.name, up, down)
    left_out = max(len(names) - MOST_DRAWN, 0)
    part = graph.part(names[:MOST_DRAWN])
    edges: list[ColumnEdge] = []
    if column is not None:
        edges = graph.walk_up(column, up, indirect=indirect) + graph.walk_down(column, down, indirect=indirect)
    elif level == "column":
        edges = _all_edges(part, indirect=indirect)
    return LineageAnswer(
        focus=focus,
        level="column" if column is not None else level,
        nodes=_nodes(part),
        edges=[LineageEdge(origin=origin, target=target) for origin, target in part.edges()],
        columns=[_edge(each) for each in edges],
        left_out=left_out,
    )


@router.get("/lineage/path", response_model=LineagePath)
def find_lineage_path(
    context: Context,
    origin: Annotated[str, Query(alias="from", max_length=300)],
    target: Annotated[str, Query(alias="to", max_length=300)],
) -> LineagePath:
    """Show every way from one dataset to another."""
    graph = context.facts.get().lineage
    _, start = _find(graph, origin)
    _, end = _find(graph, target)
    between = ({start.name} | set(graph.down(start.name))) & ({end.name} | set(graph.up(end.name)))
    part = graph.part(between)
    return LineagePath(edges=[LineageEdge(origin=a, target=b) for a, b in part.edges()])


@router.post("/lineage/impact", response_model=Impact)
def find_impact(context: Context, question: ImpactQuestion) -> Impact:
    """Tell everything that takes its value, or its rows, from columns."""
    graph = context.facts.get().lineage
    reached: set[str] = set()
    for text in question.columns:
        column, _ = _find(graph, text)
        if column is None:
            raise NotThere(
                f"{text!r} is no column.", hint="Columns are layer.name.column: GET /api/v1/datasets/{dataset}"
            )
        reached |= {str(edge.target) for edge in graph.walk_down(column, indirect=True)}
    datasets = sorted({name.rpartition(".")[0] for name in reached})
    kpis = [name for name in datasets if (asset := graph.find(name)) is not None and asset.kind is AssetKind.KPI]
    return Impact(columns=sorted(reached), datasets=datasets, kpis=kpis)


def _find(graph: LineageGraph, text: str) -> tuple[ColumnName | None, Asset]:
    asset = graph.find(text)
    if asset is not None:
        return None, asset
    name, _, column = text.rpartition(".")
    asset = graph.find(name)
    found = asset.find(column) if asset is not None and asset.kind is not AssetKind.SOURCE else None
    if asset is None or found is None:
        raise NotThere(f"there is no dataset, source or column {text!r}.", hint="See: GET /api/v1/datasets")
    return ColumnName(Dataset(*name.split(".", 1)), found.name), asset


def _around(graph: LineageGraph, name: str, up: int | None, down: int | None) -> list[str]:
    """The focus first, then the nearest, so that what is cut off is the farthest."""
    above, below = graph.up(name, up), graph.down(name, down)
    near = sorted({*above, *below}, key=lambda each: (min(above.get(each, 1_000), below.get(each, 1_000)), each))
    return [name, *(each for each in near if each != name)]


def _nodes(graph: LineageGraph) -> list[LineageNode]:
    layout = lay_out(list(graph.assets), graph.edges(), step=1.0, passing=0.5)
    return [
        LineageNode(
            name=name,
            kind=graph.assets[name].kind.value,
            label=graph.assets[name].label,
            layer=layer,
            order=order,
            y=round(layout.middles[name], 3),
            columns=[column.name for column in graph.assets[name].columns],
            doubts=[doubt.reason for doubt in graph.assets[name].doubts],
        )
        for layer, names in enumerate(layout.layers)
        for order, name in enumerate(names)
    ]


def _all_edges(graph: LineageGraph, *, indirect: bool) -> list[ColumnEdge]:
    return [
        edge
        for asset in graph.assets.values()
        if asset.kind is not AssetKind.SOURCE
        for column in asset.columns
        for edge in graph.columns_up(ColumnName(Dataset(*asset.name.split(".", 1)), column.name), indirect=indirect)
        if str(edge.origin.dataset) in graph.assets
    ]


def _edge(edge: ColumnEdge) -> LineageColumnEdge:
    return LineageColumnEdge(
        origin=str(edge.origin),
        target=str(edge.target),
        how="decides rows" if edge.how is None else edge.how.value,
        is_approximate=edge.is_approximate,
    )
