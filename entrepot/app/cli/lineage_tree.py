"""Lineage as a tree for people. What stands further above in it already is named and not shown again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from entrepot.catalog.lineage import Asset, AssetKind, ColumnEdge, LineageGraph
from entrepot.kernel.errors import Place
from entrepot.sql.lineage.values import ColumnName

_Node = str | ColumnName
_Children = Callable[[_Node], Sequence[tuple[str, _Node]]]
"""What hangs below a node: the words before it, and the node."""


class LineageTree:
    """Lines of text for parts of one graph."""

    def __init__(self, graph: LineageGraph, root: Path, depth: int | None, *, indirect: bool) -> None:
        """Args: root: the project's folder, to which files are named relatively."""
        self._graph = graph
        self._root = root
        self._depth = depth
        self._indirect = indirect

    def up(self, node: _Node) -> list[str]:
        """What a dataset or a column comes from."""
        return self._part(node, "comes from", self._assets_up if isinstance(node, str) else self._columns_up)

    def down(self, node: _Node) -> list[str]:
        """What comes from a dataset or a column."""
        return self._part(node, "goes to", self._assets_down if isinstance(node, str) else self._columns_down)

    def everything(self) -> list[str]:
        """All assets, from those without inputs downwards."""
        lines: list[str] = []
        shown: set[_Node] = set()
        for name in self._graph.assets:
            if not self._graph.inputs(name):
                lines.append(f"{self._kind(name)}{name}{self._where(name)}")
                lines += self._below(name, self._assets_down, "", 1, shown)
        return lines

    def _part(self, node: _Node, words: str, children: _Children) -> list[str]:
        place = self._where(node).strip()
        head = f"{node} ({place}) {words}" if place else f"{node} {words}"
        below = list(self._below(node, children, "", 1, {node}))
        return [head, *(below or [f"└─ {self._nothing(node, children)}"])]

    def _nothing(self, node: _Node, children: _Children) -> str:
        if isinstance(node, str):
            return "nothing"
        if not self._indirect:
            deciding = LineageTree(self._graph, self._root, self._depth, indirect=True)
            step = deciding._columns_up if children == self._columns_up else deciding._columns_down
            if found := len(step(node)):
                return f"no value; {found} column{'s' if found > 1 else ''} by way of the rows: --indirect"
        return "no column of another dataset"

    def _below(self, node: _Node, children: _Children, indent: str, depth: int, shown: set[_Node]) -> Iterator[str]:
        if self._depth is not None and depth > self._depth:
            return
        found = children(node)
        for place, (words, child) in enumerate(found):
            is_last = place == len(found) - 1
            again = child in shown and bool(children(child))
            shown.add(child)
            tail = "  (as above)" if again else self._where(child)
            yield f"{indent}{'└─' if is_last else '├─'} {words}{child}{tail}"
            if not again:
                yield from self._below(child, children, indent + ("   " if is_last else "│  "), depth + 1, shown)

    def _assets_up(self, node: _Node) -> list[tuple[str, _Node]]:
        return [(self._kind(name), name) for name in self._graph.inputs(str(node))]

    def _assets_down(self, node: _Node) -> list[tuple[str, _Node]]:
        return [(self._kind(name), name) for name in self._graph.outputs(str(node))]

    def _kind(self, name: str) -> str:
        return "source " if self._graph.assets[name].kind is AssetKind.SOURCE else ""

    def _columns_up(self, node: _Node) -> list[tuple[str, _Node]]:
        assert isinstance(node, ColumnName)
        edges = self._graph.columns_up(node, indirect=self._indirect)
        return [(_way(edge), edge.origin) for edge in _once(edges, lambda edge: edge.origin)]

    def _columns_down(self, node: _Node) -> list[tuple[str, _Node]]:
        assert isinstance(node, ColumnName)
        edges = self._graph.columns_down(node, indirect=self._indirect)
        return [(_way(edge), edge.target) for edge in _once(edges, lambda edge: edge.target)]

    def _where(self, node: _Node) -> str:
        """In which file and line it is said; of what comes from outside, by which source."""
        asset = self._graph.assets[node if isinstance(node, str) else str(node.dataset)]
        if asset.place is not None:
            label = f"  {asset.label}" if asset.kind is AssetKind.SOURCE else ""
            return f"  {relative(_place(asset, node), self._root)}{label}"
        return "" if isinstance(node, str) else f"  source {', '.join(self._graph.inputs(asset.name))}"


def _once(edges: list[ColumnEdge], end: Callable[[ColumnEdge], ColumnName]) -> list[ColumnEdge]:
    """Direct edges come first: where a column also decides rows, that is not said again."""
    found: dict[ColumnName, ColumnEdge] = {}
    for edge in edges:
        found.setdefault(end(edge), edge)
    return list(found.values())


def _way(edge: ColumnEdge) -> str:
    words = "decides rows" if edge.how is None else edge.how.value
    return f"{words}{' (approximate)' if edge.is_approximate else ''}  "


def _place(asset: Asset, node: _Node) -> Place:
    assert asset.place is not None
    column = asset.find(node.column) if isinstance(node, ColumnName) else None
    return Place(asset.place.path, (column.line or None) if column is not None else asset.place.line)


def relative(place: Place, root: Path) -> str:
    """A place with its path from the project's folder."""
    path = place.path.relative_to(root) if place.path.is_relative_to(root) else place.path
    return str(Place(path, place.line))
