"""Columns that tell the rows of a SELECT apart, as far as its text says so."""

from __future__ import annotations

from sqlglot import exp

from entrepot.sql.explain.shapes import is_aggregate, own_nodes
from entrepot.sql.query import Query


def find_row_key(query: Query) -> tuple[str, ...] | None:
    """The output columns that are the keys of the outermost GROUP BY, or all of a SELECT DISTINCT; None where nothing is said."""
    select = query.tree
    if not isinstance(select, exp.Select) or any(projection.is_star for projection in select.expressions):
        return None
    distinct = select.args.get("distinct")
    if distinct is not None:
        return None if distinct.args.get("on") is not None else _names(list(select.expressions))
    group = select.args.get("group")
    if not isinstance(group, exp.Group):
        return None
    if group.args.get("all"):
        return _names([projection for projection in select.expressions if not _computes(projection)])
    if any(group.args.get(kind) for kind in ("cube", "rollup", "grouping_sets")):
        return None
    if any(isinstance(key, exp.Rollup | exp.Cube | exp.GroupingSets) for key in group.expressions):
        return None
    return _projected(select, list(group.expressions))


def _projected(select: exp.Select, keys: list[exp.Expr]) -> tuple[str, ...] | None:
    """The names under which all keys come out; None when one does not."""
    by_text = {_text(projection.unalias()): projection for projection in select.expressions}
    by_name = {projection.output_name.lower(): projection for projection in select.expressions}
    found = []
    for key in keys:
        if isinstance(key, exp.Literal) and key.is_int:
            found.append(select.expressions[int(key.name) - 1])
        elif _text(key) in by_text:
            found.append(by_text[_text(key)])
        elif isinstance(key, exp.Column) and not key.table and isinstance(by_name.get(key.name.lower()), exp.Alias):
            found.append(by_name[key.name.lower()])
        else:
            return None
    return _names(found)


def _names(projections: list[exp.Expr]) -> tuple[str, ...] | None:
    names = tuple(projection.output_name for projection in projections)
    return names if names and all(names) else None


def _text(node: exp.Expr) -> str:
    return node.sql("duckdb", normalize=True)


def _computes(projection: exp.Expr) -> bool:
    return any(is_aggregate(node) or isinstance(node, exp.Window) for node in own_nodes(projection))
