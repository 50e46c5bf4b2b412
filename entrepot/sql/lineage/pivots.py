"""PIVOT and UNPIVOT: columns made of values, and values made of columns."""

from __future__ import annotations

from collections.abc import Iterable

from sqlglot import exp

from entrepot.sql.lineage.context import Context
from entrepot.sql.lineage.expressions import trace, trace_all
from entrepot.sql.lineage.flows import NOTHING, merge
from entrepot.sql.lineage.scopes import Field, Relation, Scope, Source
from entrepot.sql.lineage.values import How


def pivot(context: Context, item: exp.Expr, relation: Relation, scope: Scope) -> Relation:
    """The relation with the PIVOTs and UNPIVOTs behind it applied."""
    for each in item.args.get("pivots") or ():
        relation = apply_pivot(context, each, relation, scope)
    return relation


def apply_pivot(context: Context, node: exp.Pivot, relation: Relation, scope: Scope) -> Relation:
    """One of them, as a clause or as a statement of its own."""
    inner = Scope(scope.outer, scope.ctes, [Source(node.alias.lower(), relation)])
    result = (
        _unpivot(context, node, relation, inner) if node.args.get("unpivot") else _pivot(context, node, relation, inner)
    )
    context.seen.update(id(column) for column in node.find_all(exp.Column))
    alias = node.args.get("alias")
    return result.renamed([part.name for part in alias.args.get("columns") or ()] if alias else [])


def _pivot(context: Context, node: exp.Pivot, relation: Relation, scope: Scope) -> Relation:
    """New columns: aggregates over the rows that have one value of the columns after ON or FOR."""
    fields = node.args.get("fields") or []
    on = [part.this for part in fields if isinstance(part, exp.In)] if fields else node.expressions
    # the statement PIVOT t ON x counts rows when it has no USING
    values = node.expressions if fields else node.args.get("using") or []
    deciding = trace_all(context, on, scope)
    value = merge([trace_all(context, values, scope).then(How.AGGREGATE), deciding.aside()])
    kept = _kept(node, relation, [*on, *values])
    rows = merge([*(each.flow for each in kept), deciding, relation.rows]).aside()
    made = [Field(part.name, value) for part in node.args.get("columns") or ()] if fields else []
    if made and len(values) == 1 and relation.rest is None:
        return Relation((*kept, *made), rows, relation.tables)
    context.doubt("the names of the columns that PIVOT makes cannot be told", node, ())
    return Relation(tuple(kept), rows, relation.tables, merge([value, relation.rest or NOTHING]))


def _kept(node: exp.Pivot, relation: Relation, used: list[exp.Expr]) -> list[Field]:
    """The columns by which PIVOT groups: those named, else all that it does not use up."""
    group = node.args.get("group")
    if group is not None:
        keys = _names([group])
        return [each for each in relation.fields if each.key in keys]
    gone = _names(used)
    return [each for each in relation.fields if each.key not in gone]


def _unpivot(context: Context, node: exp.Pivot, relation: Relation, scope: Scope) -> Relation:
    """A column of names and one of values out of many columns."""
    name, values, sources = _unpivoted(node)
    if len(values) != 1 or any(not isinstance(part, exp.Column) for part in sources):
        flow = context.doubt("this UNPIVOT is not resolved", node, relation.tables)
        return Relation((), flow.aside(), relation.tables, flow)
    flow = merge(trace(context, part, scope) for part in sources)
    used = _names(sources)
    kept = tuple(each for each in relation.fields if each.key not in used)
    made = (Field(name, flow.aside()), Field(values[0], flow.then(How.EXPRESSION)))
    return Relation((*kept, *made), merge([relation.rows, flow]).aside(), relation.tables, relation.rest)


def _unpivoted(node: exp.Pivot) -> tuple[str, list[str], list[exp.Expr]]:
    """The name of the column of names, those of the columns of values, and what is taken apart."""
    fields = node.args.get("fields") or []
    if fields:
        return fields[0].this.name, [part.name for part in node.expressions], fields[0].expressions
    into = node.args.get("into")
    if into is None:
        return "name", ["value"], node.expressions
    return into.this.name, [part.name for part in into.expressions], node.expressions


def _names(nodes: Iterable[exp.Expr]) -> set[str]:
    return {column.name.lower() for node in nodes for column in node.find_all(exp.Column)}
