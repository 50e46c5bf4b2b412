"""What decides which rows a SELECT gives: its conditions, joins, groups, windows, DISTINCT and LIMIT."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlglot import exp

from entrepot.sql.lineage.context import Context
from entrepot.sql.lineage.expressions import has_aggregate, trace, trace_all
from entrepot.sql.lineage.flows import NOTHING, Flow, merge
from entrepot.sql.lineage.scopes import Field, Scope
from entrepot.sql.lineage.stars import project


def trace_rows(
    context: Context, select: exp.Select, fields: Sequence[Field], scope: Scope, *, is_outermost: bool
) -> Flow:
    """The flow into the choice of rows, but for what the sources bring along."""
    where = trace_all(context, [select.args.get("where")], scope)
    grouped = _trace_group(context, select, fields, scope)
    scope.prefers_aliases = True
    chosen = trace_all(context, [select.args.get("having"), select.args.get("qualify")], scope)
    parts = [
        where,
        grouped,
        chosen,
        *_multiplied(context, select, scope),
        _trace_distinct(context, select, fields, scope),
        trace_order(context, select, fields, scope, is_outermost=is_outermost),
    ]
    # a named window counts where it is used; one that is not is looked at all the same
    trace_all(context, scope.windows.values(), scope)
    return merge(parts).aside()


def trace_order(context: Context, node: exp.Expr, fields: Sequence[Field], scope: Scope, *, is_outermost: bool) -> Flow:
    """What orders the rows. It matters where only the first ones are taken, or where somebody reads them in order."""
    order, limit = node.args.get("order"), node.args.get("limit")
    flows = [_at_position(context, part.this, fields, scope) for part in (order.expressions if order else ())]
    cut = trace_all(context, [limit, node.args.get("offset")], scope)
    matters = limit is not None or node.args.get("offset") is not None or not is_outermost or _has_on(node)
    return merge([*flows, cut]).aside() if matters else cut.aside()


def _has_on(node: exp.Expr) -> bool:
    distinct = node.args.get("distinct")
    return isinstance(distinct, exp.Distinct) and distinct.args.get("on") is not None


def _at_position(context: Context, key: exp.Expr, fields: Sequence[Field], scope: Scope) -> Flow:
    """A key of GROUP BY or ORDER BY, which may be a column's number or ALL."""
    if isinstance(key, exp.Literal) and key.is_int:
        number = int(key.name)
        return fields[number - 1].flow if 0 < number <= len(fields) else NOTHING
    if isinstance(key, exp.Var) and key.name.upper() == "ALL":
        return merge(field.flow for field in fields)
    return trace(context, key, scope)


def _trace_group(context: Context, select: exp.Select, fields: Sequence[Field], scope: Scope) -> Flow:
    group = select.args.get("group")
    if group is None:
        return NOTHING
    if group.args.get("all"):
        keys = [item for item in select.expressions if not has_aggregate(item)]
        if len(keys) == len(select.expressions):
            return merge(field.flow for field in fields)
        return merge([_all_keys(context, item, scope) for item in keys])
    single = _flatten([value for name, value in group.args.items() if name != "all"])
    return merge(_at_position(context, key, fields, scope) for key in single)


def _all_keys(context: Context, item: exp.Expr, scope: Scope) -> Flow:
    """A key of GROUP BY ALL; a star gives all of its columns as keys."""
    if item.is_star or item.find(exp.Columns):
        fields, rest = project(context, item, scope)
        return merge([*(field.flow for field in fields), rest or NOTHING])
    return trace(context, item, scope)


def _flatten(values: Sequence[object]) -> Iterator[exp.Expr]:
    """The single keys of GROUP BY, out of ROLLUP, CUBE and GROUPING SETS."""
    for value in values:
        if isinstance(value, list):
            yield from _flatten(value)
        elif isinstance(value, exp.Rollup | exp.Cube | exp.GroupingSets | exp.Tuple):
            yield from _flatten(value.expressions)
        elif isinstance(value, exp.Paren):
            yield from _flatten([value.this])
        elif isinstance(value, exp.Expr):
            yield value


def _trace_distinct(context: Context, select: exp.Select, fields: Sequence[Field], scope: Scope) -> Flow:
    distinct = select.args.get("distinct")
    if distinct is None:
        return NOTHING
    on = distinct.args.get("on")
    if on is None:
        return merge(field.flow for field in fields)
    keys = on.expressions if isinstance(on, exp.Tuple) else [on]
    return merge(_at_position(context, key, fields, scope) for key in keys)


def _multiplied(context: Context, select: exp.Select, scope: Scope) -> Iterator[Flow]:
    """Lists in the SELECT list that are unnested: their lengths say how many rows there are."""
    for item in select.expressions:
        for node in item.walk(prune=lambda n: isinstance(n, exp.Query)):
            if isinstance(node, exp.Explode | exp.Unnest):
                yield trace_all(context, node.iter_expressions(), scope)
