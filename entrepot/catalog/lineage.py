"""The lineage of a whole project as a value: sources, datasets and KPIs, their columns, and what comes from what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, partial

from entrepot.kernel.errors import Place
from entrepot.kernel.names import Dataset
from entrepot.sql.lineage.values import ANY, ColumnLineage, ColumnName, Doubt, How


class AssetKind(StrEnum):
    """What a node of the graph is."""

    SOURCE = "source"
    """A file of `sources/`: what brings data in."""
    TABLE = "table"
    VIEW = "view"
    KPI = "kpi"


@dataclass(frozen=True, slots=True)
class Asset:
    """A node: a source, or a dataset."""

    name: str
    """`silver.sales`; a source's name has no dot."""
    kind: AssetKind
    inputs: tuple[str, ...] = ()
    """Names of the assets that it is made from."""
    columns: tuple[ColumnLineage, ...] = ()
    system: tuple[ColumnLineage, ...] = ()
    """The columns that the platform adds, where the dataset has them."""
    place: Place | None = None
    label: str = ""
    """A few words for people: a KPI's title, what a source reads."""
    doubts: tuple[Doubt, ...] = ()

    def find(self, column: str) -> ColumnLineage | None:
        """The column of that name, in any case; system columns too."""
        found = (each for each in (*self.columns, *self.system) if each.name.lower() == column.lower())
        return next(found, None)


@dataclass(frozen=True, slots=True)
class ColumnEdge:
    """One column that another one comes from. Without `how` it is indirect: it decides which rows there are."""

    origin: ColumnName
    target: ColumnName
    how: How | None
    is_approximate: bool = False


_Edges = Mapping[ColumnName, tuple[ColumnEdge, ...]]


class LineageGraph:
    """All assets of a project with their column lineage. A value: it reads nothing, and nothing in it changes."""

    def __init__(self, assets: Iterable[Asset]) -> None:
        """Args: assets: in any order; inputs that are no assets of the graph are left out."""
        self.assets: Mapping[str, Asset] = {asset.name: asset for asset in assets}
        self._inputs = {
            name: tuple(each for each in asset.inputs if each in self.assets) for name, asset in self.assets.items()
        }
        outputs: dict[str, list[str]] = defaultdict(list)
        for name, inputs in self._inputs.items():
            for each in inputs:
                outputs[each].append(name)
        self._outputs = {name: tuple(outputs[name]) for name in self.assets}

    def find(self, name: Dataset | str) -> Asset | None:
        """The asset of that name."""
        return self.assets.get(str(name))

    def inputs(self, name: Dataset | str) -> tuple[str, ...]:
        """The assets that one is made from, one step up."""
        return self._inputs.get(str(name), ())

    def outputs(self, name: Dataset | str) -> tuple[str, ...]:
        """The assets that are made from one, one step down."""
        return self._outputs.get(str(name), ())

    def edges(self) -> Iterator[tuple[str, str]]:
        """All pairs of assets, input first."""
        return ((origin, name) for name, inputs in self._inputs.items() for origin in inputs)

    def up(self, name: Dataset | str, depth: int | None = None) -> dict[str, int]:
        """All assets that one comes from, with the least number of steps."""
        return _reach(self.inputs, str(name), depth)

    def down(self, name: Dataset | str, depth: int | None = None) -> dict[str, int]:
        """All assets that come from one, with the least number of steps."""
        return _reach(self.outputs, str(name), depth)

    def around(self, focus: Dataset | str, depth: int | None = None) -> LineageGraph:
        """The part of the graph that one asset comes from and goes to."""
        return self.part({str(focus), *self.up(focus, depth), *self.down(focus, depth)})

    def part(self, names: Collection[str]) -> LineageGraph:
        """The graph of these assets only."""
        return LineageGraph(asset for name, asset in self.assets.items() if name in names)

    def columns_up(self, column: ColumnName, *, indirect: bool = False) -> list[ColumnEdge]:
        """What a column comes from, one step up: direct edges first, then by name."""
        edges, _ = self._column_edges
        found = edges.get(_fold(column)) or edges.get(ColumnName(column.dataset, ANY), ())
        return [edge for edge in found if indirect or edge.how is not None]

    def columns_down(self, column: ColumnName, *, indirect: bool = False) -> list[ColumnEdge]:
        """What comes from a column, one step down: direct edges first, then by name."""
        _, edges = self._column_edges
        found = edges.get(_fold(column), ())
        if column.column != ANY:
            found += edges.get(ColumnName(column.dataset, ANY), ())
        return [edge for edge in found if indirect or edge.how is not None]

    def walk_up(self, column: ColumnName, depth: int | None = None, *, indirect: bool = False) -> list[ColumnEdge]:
        """All edges above a column, the nearest first."""
        return _walk(column, depth, partial(self.columns_up, indirect=indirect), self._origins)

    def walk_down(self, column: ColumnName, depth: int | None = None, *, indirect: bool = False) -> list[ColumnEdge]:
        """All edges below a column, the nearest first."""
        return _walk(column, depth, partial(self.columns_down, indirect=indirect), lambda edge: [edge.target])

    def derived_from(self, dataset: Dataset, column: str, *, indirect: bool = False) -> set[tuple[Dataset, str]]:
        """Every column, over all steps, from which this one takes its value.

        Args: indirect: also those that decide its rows, on any step of the way.
        Returns: where lineage is approximate, or the column is not known, more columns than needed, never fewer.
        """
        asset = self.find(dataset)
        if asset is None or asset.find(column) or asset.find(ANY):
            return self._above(ColumnName(dataset, column), indirect=indirect)
        first = [name for each in self.inputs(dataset) for name in self._all_columns(each)]
        return {_pair(name) for name in first}.union(*(self._above(name, indirect=indirect) for name in first))

    def derives(self, dataset: Dataset, column: str, *, indirect: bool = False) -> set[tuple[Dataset, str]]:
        """Every column, over all steps, that takes its value from this one: `derived_from` the other way round."""
        return {_pair(edge.target) for edge in self.walk_down(ColumnName(dataset, column), indirect=indirect)}

    def _above(self, column: ColumnName, *, indirect: bool) -> set[tuple[Dataset, str]]:
        return {_pair(name) for edge in self.walk_up(column, indirect=indirect) for name in self._origins(edge)}

    def _origins(self, edge: ColumnEdge) -> list[ColumnName]:
        """Where an edge begins; one from all columns of a dataset begins at each that is known."""
        if edge.origin.column != ANY:
            return [edge.origin]
        return [edge.origin, *self._all_columns(str(edge.origin.dataset))]

    def _all_columns(self, name: str) -> list[ColumnName]:
        asset = self.assets.get(name)
        if asset is None or asset.kind is AssetKind.SOURCE:
            return []
        dataset = Dataset(*name.split(".", 1))
        return [ColumnName(dataset, column.name) for column in asset.columns]

    @cached_property
    def _column_edges(self) -> tuple[_Edges, _Edges]:
        """The edges by target and by origin; names of columns in lower case."""
        up: dict[ColumnName, list[ColumnEdge]] = defaultdict(list)
        down: dict[ColumnName, list[ColumnEdge]] = defaultdict(list)
        for edge in self._all_column_edges():
            up[_fold(edge.target)].append(edge)
            down[_fold(edge.origin)].append(edge)
        return tuple({name: tuple(sorted(edges, key=_rank)) for name, edges in side.items()} for side in (up, down))  # type: ignore[return-value]

    def _all_column_edges(self) -> Iterator[ColumnEdge]:
        for asset in self.assets.values():
            if asset.kind is AssetKind.SOURCE:
                continue
            dataset = Dataset(*asset.name.split(".", 1))
            for column in (*asset.columns, *asset.system):
                target = ColumnName(dataset, column.name)
                for origin, how in column.direct.items():
                    yield ColumnEdge(origin, target, how, column.is_approximate)
                for origin in column.indirect:
                    yield ColumnEdge(origin, target, None, column.is_approximate)


def _fold(name: ColumnName) -> ColumnName:
    return ColumnName(name.dataset, name.column.lower())


def _rank(edge: ColumnEdge) -> tuple[bool, ColumnName, ColumnName]:
    return edge.how is None, edge.origin, edge.target


def _reach(step: Callable[[str], tuple[str, ...]], start: str, depth: int | None) -> dict[str, int]:
    found: dict[str, int] = {}
    border, steps = [start], 0
    while border and (depth is None or steps < depth):
        steps += 1
        border = [each for name in border for each in step(name) if found.setdefault(each, steps) == steps]
        border = list(dict.fromkeys(border))
    return found


def _walk(
    start: ColumnName,
    depth: int | None,
    step: Callable[[ColumnName], list[ColumnEdge]],
    ends: Callable[[ColumnEdge], list[ColumnName]],
) -> list[ColumnEdge]:
    found: dict[ColumnEdge, None] = {}
    seen, border, steps = {_fold(start)}, [start], 0
    while border and (depth is None or steps < depth):
        steps += 1
        edges = list(dict.fromkeys(edge for name in border for edge in step(name)))
        found |= dict.fromkeys(edges)
        reached = dict.fromkeys(name for edge in edges for name in ends(edge))
        border = [name for name in reached if _fold(name) not in seen]
        seen.update(map(_fold, border))
    return list(found)


def _pair(name: ColumnName) -> tuple[Dataset, str]:
    return name.dataset, name.column
