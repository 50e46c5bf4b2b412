"""`entrepot lineage`: where columns come from and where they go, as a tree, as JSON, as a picture."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from rich.markup import escape

from entrepot.app.cli.lineage_tree import LineageTree, relative
from entrepot.app.cli.output import print_json, say
from entrepot.app.lineage import find_project_lineage
from entrepot.app.project import find_project, open_project
from entrepot.catalog.lineage import Asset, AssetKind, ColumnEdge, LineageGraph
from entrepot.catalog.picture import draw_lineage
from entrepot.kernel.errors import Place, UsageError
from entrepot.kernel.names import Dataset
from entrepot.sql.lineage.values import ColumnName

MOST_NAMES = 20
"""Names in a hint."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the graph."""

    asset: Asset | None
    column: ColumnName | None
    up: bool
    down: bool
    depth: int | None
    indirect: bool


def lineage_command(
    folder: Path,
    what: str | None,
    *,
    up: bool,
    down: bool,
    depth: int | None,
    indirect: bool,
    svg: str | None,
    as_json: bool,
) -> None:
    """Show the lineage of a dataset or a column; without one, of everything.

    Raises: UsageError for a name that is not there, with near ones.
    """
    root = find_project(folder.resolve())
    graph = find_project_lineage(open_project(root))
    asset, column = (None, None) if what is None else find_target(graph, what)
    both = up == down
    question = Question(asset, column, up or both, down or both, depth, indirect)
    if svg is not None:
        _write_picture(graph, question, svg)
    elif as_json:
        print_json(to_json(graph, question, root))
    else:
        print("\n".join(_lines(graph, question, root)))
        _say_doubts(graph, question, root)


def find_target(graph: LineageGraph, text: str) -> tuple[Asset, ColumnName | None]:
    """The asset, and the column where one is named: `silver.sales.amount`, `bronze.sales`, a source's name.

    Raises: UsageError with near names.
    """
    asset = graph.find(text.lower())
    if asset is not None:
        return asset, None
    *layer_and_name, column = text.split(".", 2) if text.count(".") > 1 else (text, "")
    asset = graph.find(".".join(layer_and_name).lower())
    if asset is None or asset.kind is AssetKind.SOURCE:
        raise UsageError(f"there is no dataset {text!r}.", hint=_near(text, graph.assets))
    found = asset.find(column)
    if found is None:
        raise UsageError(
            f"{asset.name} has no column {column!r}.", hint=_near(column, [each.name for each in asset.columns])
        )
    return asset, ColumnName(_dataset(asset), found.name)


def _near(text: str, names: Iterable[str]) -> str:
    known = sorted(names)
    near = get_close_matches(text.lower(), known, n=3)
    near = near or [name for name in known if text.lower() in name]
    if near:
        return f"Did you mean {' or '.join(near)}?"
    more = f" and {len(known) - MOST_NAMES} more" if len(known) > MOST_NAMES else ""
    return f"There are: {', '.join(known[:MOST_NAMES]) or 'none'}{more}."


def _dataset(asset: Asset) -> Dataset:
    return Dataset(*asset.name.split(".", 1))


def _write_picture(graph: LineageGraph, question: Question, target: str) -> None:
    """Write the SVG; the lineage of a column is drawn as that of its dataset."""
    focus = None if question.asset is None else question.asset.name
    if focus is not None:
        graph = graph.part(_shown(graph, question))
    picture = draw_lineage(graph, focus) + "\n"
    if target == "-":
        sys.stdout.write(picture)
        return
    try:
        Path(target).write_text(picture, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"{target} cannot be written: {error.strerror}.", hint="Name another file, or - for standard output."
        ) from error
    say(f"written: {escape(target)}")


def _lines(graph: LineageGraph, question: Question, root: Path) -> list[str]:
    tree = LineageTree(graph, root, question.depth, indirect=question.indirect)
    if question.asset is None:
        return tree.everything()
    node = question.column or question.asset.name
    parts = [tree.up(node)] if question.up else []
    parts += [tree.down(node)] if question.down else []
    return [line for number, part in enumerate(parts) for line in ([""] if number else []) + part]


def _say_doubts(graph: LineageGraph, question: Question, root: Path) -> None:
    """What could not be resolved in what was shown."""
    names = _shown(graph, question)
    if question.column is not None:
        named = {edge.target.dataset for edge in _column_edges(graph, names, question)}
        names = [name for name in names if name in set(map(str, named))]
    for asset in (graph.assets[name] for name in names):
        for doubt in asset.doubts:
            where = f"{relative(Place(asset.place.path, doubt.line or None), root)} — " if asset.place else ""
            said = f"{where}{asset.name}: {doubt.reason}; where it matters, all columns of the tables in question are named."
            say(f"[yellow]approximate[/] {escape(said)}")


def _shown(graph: LineageGraph, question: Question) -> list[str]:
    """The assets that are asked for, each once."""
    if question.asset is None:
        return list(graph.assets)
    name = question.asset.name
    above = graph.up(name, question.depth) if question.up else {}
    below = graph.down(name, question.depth) if question.down else {}
    return [name, *above, *below]


def to_json(graph: LineageGraph, question: Question, root: Path) -> dict[str, Any]:
    """What is asked for, as lists of assets, of edges between them, and of edges between columns."""
    asset = question.asset
    names = _shown(graph, question)
    chosen = set(names)
    return {
        "dataset": asset and asset.name,
        "column": question.column and question.column.column,
        "assets": [_asset_json(graph.assets[name], root) for name in names],
        "edges": [{"from": a, "to": b} for a, b in graph.edges() if a in chosen and b in chosen],
        "columns": [_edge_json(edge) for edge in _column_edges(graph, names, question)],
    }


def _column_edges(graph: LineageGraph, names: Sequence[str], question: Question) -> list[ColumnEdge]:
    start, depth, indirect = question.column, question.depth, question.indirect
    if start is not None:
        above = graph.walk_up(start, depth, indirect=indirect) if question.up else []
        return above + (graph.walk_down(start, depth, indirect=indirect) if question.down else [])
    chosen = set(names)
    return [
        edge
        for asset in (graph.assets[name] for name in names)
        for column in asset.columns
        for edge in graph.columns_up(ColumnName(_dataset(asset), column.name), indirect=indirect)
        if str(edge.origin.dataset) in chosen
    ]


def _edge_json(edge: ColumnEdge) -> dict[str, Any]:
    return {
        "from": str(edge.origin),
        "to": str(edge.target),
        "direct": edge.how is not None,
        "how": "decides rows" if edge.how is None else edge.how.value,
        "approximate": edge.is_approximate,
    }


def _asset_json(asset: Asset, root: Path) -> dict[str, Any]:
    return {
        "name": asset.name,
        "kind": asset.kind.value,
        "label": asset.label,
        "file": asset.place and relative(asset.place, root),
        "columns": [column.name for column in asset.columns],
        "doubts": [{"line": doubt.line or None, "reason": doubt.reason} for doubt in asset.doubts],
    }
