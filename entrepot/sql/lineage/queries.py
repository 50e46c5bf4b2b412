"""What a query gives: SELECT, UNION and its kin, WITH, parentheses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlglot import exp

from entrepot.kernel.rows import SYSTEM_COLUMNS
from entrepot.sql.lineage.context import Context
from entrepot.sql.lineage.flows import NOTHING, Flow, merge
from entrepot.sql.lineage.pivots import apply_pivot
from entrepot.sql.lineage.rows import trace_order, trace_rows
from entrepot.sql.lineage.scopes import Field, Relation, Scope, Source
from entrepot.sql.lineage.sources import add_sources, dedupe, read_source, unknown
from entrepot.sql.lineage.stars import project

_MOST_ROUNDS = 100
"""Of a recursive CTE; each but the last brings a new column into a flow."""


def read_query(context: Context, node: exp.Expr, outer: Scope, *, is_outermost: bool = False) -> Relation:
    """The relation that a query gives. Args: outer: what can be named around it."""
    scope = Scope(outer, outer.ctes)
    with_ = node.args.get("with_")
    if with_ is not None:
        scope.ctes = _read_ctes(context, with_, outer)
    if isinstance(node, exp.Select):
        return _select(context, node, scope, is_outermost=is_outermost)
    if isinstance(node, exp.SetOperation):
        return _combine(context, node, scope, is_outermost=is_outermost)
    if isinstance(node, exp.Subquery):
        return _parentheses(context, node, scope, is_outermost=is_outermost)
    if isinstance(node, exp.Pivot):
        return apply_pivot(context, node, read_source(context, node.this, scope), scope)
    if isinstance(node, exp.Table | exp.Values):
        return _ordered(context, node, read_source(context, node, scope), scope, is_outermost=is_outermost)
    return unknown(context, node, scope)


def _select(context: Context, select: exp.Select, scope: Scope, *, is_outermost: bool) -> Relation:
    inner = Scope(scope.outer, scope.ctes)
    from_rows = add_sources(context, select, inner)
    inner.windows = {window.name.lower(): window for window in select.args.get("windows") or ()}
    fields: list[Field] = []
    rests: list[Flow] = []
    for item in select.expressions:
        given, rest = project(context, item, inner)
        if is_outermost:
            line = context.line(item)
            given = [replace(each, line=line) for each in given if each.key not in SYSTEM_COLUMNS]
        fields += given
        rests += [rest] if rest is not None else []
        if isinstance(item, exp.Alias) and len(given) == 1:
            inner.aliases.setdefault(item.alias.lower(), given[0].flow)
    rows = trace_rows(context, select, fields, inner, is_outermost=is_outermost)
    return Relation(tuple(fields), merge([from_rows, rows]), inner.tables, merge(rests) if rests else None)


def _parentheses(context: Context, node: exp.Subquery, scope: Scope, *, is_outermost: bool) -> Relation:
    if isinstance(node.this, exp.Table | exp.Values | exp.Unnest):  # joins in parentheses
        select = exp.select("*").from_(node.this, copy=False)
        return _select(context, select, scope, is_outermost=is_outermost)
    relation = read_query(context, node.this, scope, is_outermost=is_outermost)
    return _ordered(context, node, relation, scope, is_outermost=is_outermost)


def _ordered(context: Context, node: exp.Expr, relation: Relation, scope: Scope, *, is_outermost: bool) -> Relation:
    """ORDER BY and LIMIT around a whole query: they see its columns only."""
    if not any(node.args.get(key) for key in ("order", "limit", "offset")):
        return relation
    inner = Scope(scope.outer, scope.ctes, [Source("", relation)])
    rows = trace_order(context, node, relation.fields, inner, is_outermost=is_outermost)
    return replace(relation, rows=merge([relation.rows, rows]))


def _combine(context: Context, node: exp.SetOperation, scope: Scope, *, is_outermost: bool) -> Relation:
    """UNION, EXCEPT, INTERSECT. Many of them stand inside each other at the left: no recursion there."""
    chain = [node]
    while isinstance(chain[-1].left, exp.SetOperation) and not _has_own(chain[-1].left):
        chain.append(chain[-1].left)
    relation = read_query(context, chain[-1].left, scope, is_outermost=is_outermost)
    for each in reversed(chain):
        right = read_query(context, each.right, scope, is_outermost=is_outermost)
        relation = _pair(context, each, relation, right)
    return _ordered(context, node, relation, scope, is_outermost=is_outermost)


def _has_own(node: exp.Expr) -> bool:
    return any(node.args.get(key) for key in ("with_", "order", "limit", "offset"))


def _pair(context: Context, node: exp.SetOperation, left: Relation, right: Relation) -> Relation:
    tables = left.tables | right.tables
    takes_right = isinstance(node, exp.Union)
    paired = _by_name(left, right) if node.args.get("by_name") else _by_place(left, right)
    if paired is None:
        flow = context.doubt("the two sides of this have columns that cannot be matched", node, tables)
        return Relation((), flow.aside(), tables, flow)
    fields = tuple(replace(one, flow=merge([one.flow, other])) if takes_right else one for one, other in paired)
    rests = [rest for rest in (left.rest, right.rest if takes_right else None) if rest is not None]
    deciding = [left.rows, right.rows]
    if not takes_right or node.args.get("distinct"):
        deciding += [left.all(), right.all()]
    return Relation(fields, merge(deciding).aside(), tables, merge(rests) if rests else None)


def _by_place(left: Relation, right: Relation) -> list[tuple[Field, Flow]] | None:
    if left.rest is None and right.rest is None and len(left.fields) != len(right.fields):
        return None
    if left.rest is not None or right.rest is not None:
        return None if (left.fields or right.fields) else []
    return [(one, other.flow) for one, other in zip(left.fields, right.fields, strict=True)]


def _by_name(left: Relation, right: Relation) -> list[tuple[Field, Flow]]:
    own = {each.key for each in left.fields}
    paired = [(each, right.find(each.key) or right.rest or NOTHING) for each in left.fields]
    paired += [(each, left.rest or NOTHING) for each in right.fields if each.key not in own]
    return paired


def _read_ctes(context: Context, with_: exp.With, outer: Scope) -> Mapping[str, Relation]:
    found = dict(outer.ctes)
    for cte in with_.expressions:
        name = cte.alias.lower()
        scope = Scope(outer.outer, found, outer.sources, outer.merged, outer.aliases, outer.windows)
        recursive = with_.args.get("recursive") and any(
            not table.db and table.name.lower() == name for table in cte.this.find_all(exp.Table)
        )
        relation = _recursive(context, cte, scope) if recursive else read_query(context, cte.this, scope)
        found = {**found, name: _renamed(cte, relation)}
    return found


def _renamed(cte: exp.CTE, relation: Relation) -> Relation:
    return dedupe(relation).renamed([part.name for part in cte.args["alias"].args.get("columns") or ()])


def _recursive(context: Context, cte: exp.CTE, scope: Scope) -> Relation:
    """A CTE that reads itself: read again with what it was found to give, until that does not grow."""
    body = cte.this
    if not isinstance(body, exp.Union) or body.args.get("by_name") or cte.args.get("key_expressions"):
        return unknown(context, body, scope)
    outer = scope
    with_ = body.args.get("with_")
    if with_ is not None:
        outer = replace(scope, ctes=_read_ctes(context, with_, scope))
    given = read_query(context, body.left, outer)
    for _ in range(_MOST_ROUNDS):
        inner = replace(outer, ctes={**outer.ctes, cte.alias.lower(): _renamed(cte, given)})
        grown = _pair(context, body, given, read_query(context, body.right, inner))
        if grown == given:
            return given
        given = grown
    return unknown(context, body, scope)
