"""What one item of a SELECT list gives: a column, or with `*` and COLUMNS(…) many."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from sqlglot import exp

from entrepot.sql.lineage.context import Context
from entrepot.sql.lineage.expressions import trace
from entrepot.sql.lineage.flows import Flow, merge
from entrepot.sql.lineage.names import find_source, resolve
from entrepot.sql.lineage.scopes import Field, Scope, Source
from entrepot.sql.lineage.values import How
from entrepot.sql.query import DIALECT


def project(context: Context, item: exp.Expr, scope: Scope) -> tuple[list[Field], Flow | None]:
    """The columns of one item; and where there may be more of unknown names, the flow into each of those."""
    if isinstance(item, exp.Star):
        return _expand(context, item, None, scope)
    if isinstance(item, exp.Column) and isinstance(item.this, exp.Star):
        context.seen.add(id(item))
        return _qualified_star(context, item, item.this, scope)
    if isinstance(item, exp.Like | exp.ILike | exp.SimilarTo | exp.RegexpLike | exp.Glob) and isinstance(
        item.this, exp.Star
    ):
        return _matching(context, item, scope)
    spread = _find_spread(item)
    if spread is not None:
        return _spread(context, item, spread, scope)
    return _single(context, item, scope)


def _single(context: Context, item: exp.Expr, scope: Scope) -> tuple[list[Field], Flow | None]:
    flow = trace(context, item, scope)
    inner = item.unalias()
    # a struct comes apart into columns that only its type knows; a list does not
    is_open = isinstance(inner, exp.Explode | exp.Unnest) and inner is item
    return [_field(item, flow)], flow if is_open else None


def _field(item: exp.Expr, flow: Flow) -> Field:
    """The column that an expression gives; as the engine does, a name is taken over from an alias or a column only."""
    if isinstance(item, exp.Alias):
        return Field(item.alias, flow)
    plain = item
    while isinstance(plain, exp.Paren):
        plain = plain.this
    if isinstance(plain, exp.Column):
        return Field(plain.name, flow)
    if isinstance(plain, exp.Dot):
        return Field(plain.expression.name, flow)
    return Field(item.sql(DIALECT), flow, is_named=False)


def _qualified_star(
    context: Context, item: exp.Column, star: exp.Star, scope: Scope
) -> tuple[list[Field], Flow | None]:
    name = item.table.lower()
    source = find_source(scope, name)
    if source is not None:
        return _expand(context, star, source, scope)
    whole = resolve(context, item.args["table"], scope)
    context.doubt(f"the fields of {name} are known by its type only", item, ())
    return [], replace(whole.then(How.EXPRESSION), is_approximate=True)


def _expand(context: Context, star: exp.Star, source: Source | None, scope: Scope) -> tuple[list[Field], Flow | None]:
    """The columns of `*` or `t.*`, with EXCLUDE, REPLACE, RENAME and ILIKE."""
    excluded = {_plain_name(part) for part in star.args.get("except_") or ()}
    replaced = {part.alias.lower(): part for part in star.args.get("replace") or ()}
    renamed = {_plain_name(part.this): part.alias for part in star.args.get("rename") or ()}
    _mark(context, [*(star.args.get("except_") or ()), *(star.args.get("rename") or ())])
    like = star.args.get("ilike")
    keep = _like(like, re.IGNORECASE) if like is not None else None
    fields = []
    for each in _shown(scope) if source is None else source.relation.fields:
        if each.key in excluded or (keep is not None and not keep.fullmatch(each.name)):
            continue
        if each.key in replaced:
            each = Field(each.name, trace(context, replaced[each.key], scope))
        fields.append(replace(each, name=renamed.get(each.key, each.name)))
    sources = scope.shown if source is None else [source]
    rests = [each.relation.rest for each in sources if each.relation.rest is not None]
    return fields, merge(rests) if rests else None


def _plain_name(part: exp.Expr) -> str:
    return part.name.lower()


def _mark(context: Context, nodes: list[exp.Expr]) -> None:
    """Names that only say which columns are meant carry nothing."""
    context.seen.update(id(column) for node in nodes for column in node.find_all(exp.Column))


def _shown(scope: Scope) -> Iterator[Field]:
    """The columns of `*`: those of USING once, where they stand first."""
    for source in scope.shown:
        for each in source.relation.fields:
            if each.key not in source.merged:
                flow = scope.merged.get(each.key)
                yield each if flow is None else replace(each, flow=flow)


def _matching(context: Context, item: exp.Expr, scope: Scope) -> tuple[list[Field], Flow | None]:
    """`* LIKE 'a%'` and its kin."""
    fields, rest = _expand(context, item.this, None, scope)
    pattern = item.expression
    if not isinstance(pattern, exp.Literal):
        return fields, context.doubt("the columns of this star cannot be told", item, scope.tables)
    if isinstance(item, exp.Like | exp.ILike):
        keep = _like(pattern, re.IGNORECASE if isinstance(item, exp.ILike) else re.NOFLAG)
        return [each for each in fields if keep.fullmatch(each.name)], rest
    found = _regex(pattern.name)
    if isinstance(item, exp.Glob) or found is None:
        return [], context.doubt("the columns of this star cannot be told", item, scope.tables)
    return [each for each in fields if found.fullmatch(each.name)], rest


def _like(pattern: exp.Expr, flags: re.RegexFlag) -> re.Pattern[str]:
    parts = (".*" if c == "%" else "." if c == "_" else re.escape(c) for c in pattern.name)
    return re.compile("".join(parts), flags | re.DOTALL)


def _regex(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern)
    except re.error:
        return None


def _find_spread(item: exp.Expr) -> exp.Columns | None:
    """A COLUMNS(…) that makes several columns of the expression it stands in; `*COLUMNS(…)` makes several arguments instead."""
    for node in item.walk(prune=lambda n: isinstance(n, exp.Query)):
        if isinstance(node, exp.Columns):
            return node
    return None


def _spread(context: Context, item: exp.Expr, columns: exp.Columns, scope: Scope) -> tuple[list[Field], Flow | None]:
    chosen, rest = _chosen(context, columns, scope)
    if columns.args.get("unpack"):
        scope.spread = Field("", merge([*(each.flow for each in chosen), *([rest] if rest else [])]))
        flow = trace(context, item, scope)
        scope.spread = None
        return [_field(item, flow)], None
    fields = []
    for each in chosen:
        scope.spread = each
        fields.append(Field(_spread_name(item, columns, each), trace(context, item, scope)))
    scope.spread = Field("", rest) if rest else None
    loose = trace(context, item, scope) if rest else None
    scope.spread = None
    return fields, loose


def _chosen(context: Context, columns: exp.Columns, scope: Scope) -> tuple[list[Field], Flow | None]:
    """The columns that a COLUMNS(…) stands for."""
    which = columns.this
    if isinstance(which, exp.Star):
        return _expand(context, which, None, scope)
    if isinstance(which, exp.Column) and isinstance(which.this, exp.Star):
        context.seen.add(id(which))
        return _qualified_star(context, which, which.this, scope)
    shown, rest = _expand(context, exp.Star(), None, scope)
    if isinstance(which, exp.Literal) and which.is_string and (pattern := _regex(which.name)) is not None:
        return [each for each in shown if pattern.search(each.name)], rest
    if isinstance(which, exp.Array) and all(isinstance(part, exp.Literal) for part in which.expressions):
        names = {part.name.lower() for part in which.expressions}
        return [each for each in shown if each.key in names], rest
    _mark(context, [which])
    return [], context.doubt("the columns of this COLUMNS(…) cannot be told", columns, scope.tables)


def _spread_name(item: exp.Expr, columns: exp.Columns, field: Field) -> str:
    if not isinstance(item, exp.Alias):
        return field.name
    pattern = _regex(columns.this.name) if isinstance(columns.this, exp.Literal) else re.compile(".*")
    found = pattern.search(field.name) if pattern is not None else None
    return re.sub(r"\\(\d)", lambda m: _group(found, int(m[1])), item.alias)


def _group(found: re.Match[str] | None, number: int) -> str:
    return found[number] or "" if found is not None and number <= (found.re.groups) else ""
