"""What the derivation refuses, seen in the text alone, each with words for people and its line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from entrepot.kernel.errors import ProjectError
from entrepot.kernel.names import Dataset
from entrepot.sql.checks import find_faults
from entrepot.sql.functions import safe_functions
from entrepot.sql.incremental.aggregates import AGGREGATES
from entrepot.sql.incremental.parts import find_unknown_parts
from entrepot.sql.incremental.printing import find_misprint
from entrepot.sql.incremental.shape import find_queries, holds_star, output_names, read_shape
from entrepot.sql.incremental.sources import unwrap
from entrepot.sql.query import Query, find_offset
from entrepot.sql.tables import find_tables

_REFUSED: Mapping[type[exp.Expr], str] = {
    exp.Rollup: "ROLLUP adds rows that belong to no group",
    exp.Cube: "CUBE adds rows that belong to no group",
    exp.GroupingSets: "GROUPING SETS adds rows that belong to no group",
    exp.TableSample: "a sample takes other rows at every run",
    exp.Pivot: "PIVOT and UNPIVOT are not followed",
    exp.PositionalColumn: "a column is named by its number (#1)",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is not followed, and the node where it stands."""

    text: str
    node: exp.Expr | None


def find_reason(query: Query, keys: Sequence[str], views: Mapping[Dataset, Query]) -> str | None:
    """The first reason why a model is refreshed in full, None when the text shows none."""
    try:
        if not keys:
            return "it has no key columns"
        fault = next(_find(query), None)
        if fault is not None:
            return in_words(query, fault)
        for name, view in _read_views(query, views):
            fault = next(_find(view), None)
            if fault is not None:
                return in_words(view, fault, view=name)
        return _missing_key(query, keys)
    except ProjectError as error:
        return error.message


def in_words(query: Query, fault: Fault, *, view: Dataset | None = None) -> str:
    """`line 12 of the view silver.x: FULL JOIN …`."""
    offset = find_offset(fault.node)
    line = f"line {query.text.count(chr(10), 0, offset) + 1}" if offset is not None else ""
    where = " of ".join(part for part in (line, f"the view {view}" if view is not None else "") if part)
    return f"{where}: {fault.text}" if where else fault.text


def _read_views(query: Query, views: Mapping[Dataset, Query]) -> Iterator[tuple[Dataset, Query]]:
    """The views that a model reads, those that they read among them."""
    seen: set[Dataset] = set()
    ahead = [query]
    while ahead:
        for dataset in find_tables(ahead.pop()):
            if dataset in views and dataset not in seen:
                seen.add(dataset)
                ahead.append(views[dataset])
                yield dataset, views[dataset]


def _find(query: Query) -> Iterator[Fault]:
    for error in find_faults(query):
        yield Fault(error.message, None)
    for node in query.tree.walk():
        if type(node) in _REFUSED:
            yield Fault(_REFUSED[type(node)], node if find_offset(node) is not None else node.parent)
        for kind, check in _CHECKS:
            if isinstance(node, kind):
                yield from check(node)
        yield from find_unknown(node)
    changed = find_misprint(query)
    if changed is not None:
        yield Fault(f"{changed} cannot be written again in the same words", None)


def find_unknown(node: exp.Expr) -> Iterator[Fault]:
    """Clauses that are not known to be followed: better one full refresh too many than one row too few."""
    name = find_unknown_parts(node)
    if name is not None:
        yield Fault(f"{name} is not followed", node)


def _check_join(join: exp.Expr) -> Iterator[Fault]:
    method = str(join.args.get("method") or "").upper()
    side, kind = str(join.args.get("side") or "").upper(), str(join.args.get("kind") or "").upper()
    if method:
        yield Fault(f"{method} JOIN is not followed", join)
    if side not in ("", "LEFT"):
        yield Fault(f"{side} JOIN: rows without a match on the other side belong to no row of this one", join)
    if kind not in ("", "INNER", "CROSS") and (side, kind) != ("LEFT", "OUTER"):
        yield Fault(f"{kind} JOIN is not followed; write EXISTS or NOT EXISTS", join)
    if isinstance(unwrap(join.this), exp.Table) and isinstance(join.this, exp.Subquery):
        yield Fault("a join in parentheses is not followed", join)
    if join.args.get("on") is not None and find_queries(join.args["on"]):
        yield Fault("a subquery in ON is not followed", join)


def _check_lateral(lateral: exp.Expr) -> Iterator[Fault]:
    if not isinstance(lateral.this, exp.Unnest | exp.Explode):
        yield Fault("a LATERAL subquery is not followed", lateral)


def _check_with(head: exp.Expr) -> Iterator[Fault]:
    if head.args.get("recursive"):
        yield Fault("WITH RECURSIVE is not followed", head)


def _check_call(call: exp.Expr) -> Iterator[Fault]:
    name = call.name.lower()
    if name not in AGGREGATES and name not in safe_functions():
        yield Fault(f"it is not known whether {name}() joins rows", call)


def _check_values(values: exp.Expr) -> Iterator[Fault]:
    if values.find(exp.Query) is not None:
        yield Fault("a subquery in VALUES or UNNEST is not followed", values)


def _check_set(node: exp.Expr) -> Iterator[Fault]:
    if node.args.get("by_name") and not isinstance(node, exp.Union):
        yield Fault("EXCEPT and INTERSECT BY NAME are not followed", node)


def _check_select(select: exp.Expr) -> Iterator[Fault]:
    assert isinstance(select, exp.Select)
    yield from _check_subqueries(select)
    yield from _check_groups(select)
    names = [select.args["from_"].this] if select.args.get("from_") is not None else []
    names = [s.alias_or_name.lower() for s in [*names, *(j.this for j in select.args.get("joins") or [])]]
    for name in names:
        if name and names.count(name) > 1:
            yield Fault(f"two sources are called {name}; give one an alias", select)


def _check_subqueries(select: exp.Select) -> Iterator[Fault]:
    for part in ("group", "having", "qualify", "order", "limit", "offset", "distinct"):
        if select.args.get(part) is not None and find_queries(select.args[part]):
            yield Fault(f"a subquery in {part.upper()} is not followed", select.args[part])
    for window in select.args.get("windows") or []:
        if find_queries(window):
            yield Fault("a subquery in WINDOW is not followed", window)
    if read_shape(select).keys is not None:
        for projection in select.expressions:
            if find_queries(projection):
                yield Fault(
                    "a subquery in the SELECT list of a query with groups or windows is not followed", projection
                )


def _check_groups(select: exp.Select) -> Iterator[Fault]:
    group = select.args.get("group")
    distinct = select.args.get("distinct")
    numbered = list(group.expressions) if group is not None else []
    on = distinct.args.get("on") if distinct is not None else None
    numbered += on.expressions if isinstance(on, exp.Tuple) else []
    by_place = (group is not None and group.args.get("all")) or any(isinstance(k, exp.Literal) for k in numbered)
    if (by_place or on is not None) and any(_changes_columns(p) for p in select.expressions):
        yield Fault("a star that replaces or renames columns hides what DISTINCT ON means", distinct or select)
    if by_place and any(holds_star(p) for p in select.expressions):
        yield Fault("a star in the SELECT list hides what GROUP BY means", group or select)


def _changes_columns(projection: exp.Expr) -> bool:
    star = projection.this if isinstance(projection, exp.Column) else projection
    return isinstance(star, exp.Star) and any(value for part, value in star.args.items() if part != "except_")


def _missing_key(query: Query, keys: Sequence[str]) -> str | None:
    """A key that no column of the model is called, where the text tells."""
    tree = unwrap(query.tree)
    while isinstance(tree, exp.SetOperation):
        tree = unwrap(tree.this)
    names = output_names(tree) if isinstance(tree, exp.Select) else None
    for key in keys:
        if names is not None and None not in names and key.lower() not in names:
            return f"its SELECT gives no column {key}, which is its key"
    return None


_CHECKS: Sequence[tuple[type[exp.Expr], Callable[[exp.Expr], Iterator[Fault]]]] = (
    (exp.Join, _check_join),
    (exp.Lateral, _check_lateral),
    (exp.With, _check_with),
    (exp.Anonymous, _check_call),
    (exp.Values, _check_values),
    (exp.Unnest, _check_values),
    (exp.SetOperation, _check_set),
    (exp.Select, _check_select),
)
