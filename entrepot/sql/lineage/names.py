"""What a column's name means, by DuckDB's order of looking: the FROM, then aliases, then what stands around."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from entrepot.sql.lineage.context import Context
from entrepot.sql.lineage.flows import NOTHING, Flow, merge
from entrepot.sql.lineage.scopes import Scope, Source
from entrepot.sql.lineage.values import How


def resolve(context: Context, column: exp.Expr, scope: Scope) -> Flow:
    """The flow into a column as it is named: `x`, `t.x`, `layer.t.x`, each perhaps with fields of a struct behind it."""
    parts = [part.name.lower() for part in _parts(column)]
    if parts[0] in scope.parameters:
        return NOTHING
    for level in scope.chain():
        found = _find_in(context, column, parts, level)
        if found is not None:
            return found
    return context.doubt(f"no input has a column {'.'.join(parts)}", column, scope.tables)


def find_source(scope: Scope, name: str) -> Source | None:
    """The source of that name in the FROM of this SELECT."""
    return next((source for source in scope.sources if source.name == name), None)


def _parts(column: exp.Expr) -> list[exp.Expr]:
    return column.parts if isinstance(column, exp.Column) else [column]


def _find_in(context: Context, column: exp.Expr, parts: list[str], scope: Scope) -> Flow | None:
    own = _find_qualified(parts, scope) or _find_plain(context, column, parts, scope)
    alias = _deeper(scope.aliases.get(parts[0]), len(parts) - 1)
    if own is not None:
        return merge([own, alias]) if alias is not None and scope.prefers_aliases else own
    return alias or _find_row(parts, scope) or _find_open(context, column, parts, scope)


def _find_qualified(parts: list[str], scope: Scope) -> Flow | None:
    for source, skipped in _named(parts, scope):
        if len(parts) > skipped:
            relation = source.relation
            key = parts[skipped]
            found = relation.find(key) or relation.find_unnamed(key) or relation.rest
            if found is not None:
                return _deeper(found, len(parts) - skipped - 1)
    return None


def _named(parts: list[str], scope: Scope) -> Iterator[tuple[Source, int]]:
    """The sources that the first parts name, and how many parts that takes."""
    for source in scope.sources:
        if len(parts) > 2 and source.layer == parts[0] and source.name == parts[1]:
            yield source, 2
    for source in scope.sources:
        if source.name == parts[0]:
            yield source, 1


def _find_plain(context: Context, column: exp.Expr, parts: list[str], scope: Scope) -> Flow | None:
    """A name without its table, perhaps with fields of a struct behind it."""
    key, depth = parts[0], len(parts) - 1
    merged = scope.merged.get(key)
    if merged is not None:
        return _deeper(merged, depth)
    found = [flow for s in scope.shown if key not in s.merged and (flow := s.relation.find(key)) is not None]
    if len(found) > 1:
        context.doubt(f"{key} could be a column of several inputs", column, ())
        return merge([*found, Flow(is_approximate=True)])
    return _deeper(found[0], depth) if found else None


def _find_row(parts: list[str], scope: Scope) -> Flow | None:
    """A table's name alone: its whole row as a struct."""
    source = find_source(scope, parts[0]) if len(parts) == 1 else None
    if source is None:
        return None
    return source.relation.all()


def _find_open(context: Context, column: exp.Expr, parts: list[str], scope: Scope) -> Flow | None:
    """A column that an input may have whose columns are not all known."""
    unnamed = [flow for s in scope.shown if (flow := s.relation.find_unnamed(parts[0])) is not None]
    rests = [s.relation.rest for s in scope.shown if s.relation.rest is not None]
    if len(unnamed) + len(rests) > 1:
        context.doubt(f"{parts[0]} could be a column of several inputs whose columns are not all known", column, ())
        return merge([*unnamed, *rests, Flow(is_approximate=True)])
    return _deeper((unnamed + rests)[0], len(parts) - 1) if unnamed or rests else None


def _deeper(flow: Flow | None, depth: int) -> Flow | None:
    """The flow into a field of a struct."""
    return flow.then(How.EXPRESSION) if flow is not None and depth > 0 else flow
