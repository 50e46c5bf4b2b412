"""What stands in FROM: datasets, CTEs, derived tables, functions, joins."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from entrepot.kernel.names import Dataset
from entrepot.sql.lineage.context import NO_SCHEMA, Context
from entrepot.sql.lineage.expressions import trace, trace_all
from entrepot.sql.lineage.flows import NOTHING, Flow, merge
from entrepot.sql.lineage.pivots import pivot
from entrepot.sql.lineage.scopes import Field, Relation, Scope, Source
from entrepot.sql.lineage.values import ANY, ColumnName, How


def add_sources(context: Context, select: exp.Select, scope: Scope) -> Flow:
    """Put everything of FROM into the scope, from left to right. Returns: what decides about the rows of the whole."""
    start = select.args.get("from_")
    rows = [] if start is None else [_add(context, start.this, scope)]
    rows += [_join(context, join, 0, scope) for join in select.args.get("joins") or ()]
    for lateral in select.args.get("laterals") or ():
        rows.append(_add(context, lateral, scope))
    return merge(rows)


def _add(context: Context, item: exp.Expr, scope: Scope) -> Flow:
    """One item of FROM, with the joins that its parentheses hold."""
    first = len(scope.sources)
    inner = item.this if isinstance(item, exp.Subquery) else None
    if isinstance(item, exp.Subquery) and isinstance(inner, exp.Table | exp.Subquery | exp.Unnest | exp.Values):
        rows = _add_group(context, item, inner, scope)
    else:
        relation = read_source(context, item, scope)
        scope.sources.append(_name(item, relation))
        rows = relation.rows
    joins = [_join(context, join, first, scope) for join in item.args.get("joins") or ()]
    return merge([rows, *joins])


def _add_group(context: Context, item: exp.Subquery, inner: exp.Expr, scope: Scope) -> Flow:
    """Joins in parentheses. With a name for the whole the engine knows now that name, now those of the tables: both are taken."""
    if not item.alias and not item.args.get("pivots"):
        return _add(context, inner, scope)
    group = Scope(scope, scope.ctes)
    rows = _add(context, inner, group)
    shown = Relation(*_shown(group, rows))
    relation = _with_alias(pivot(context, item, shown, scope), item)
    scope.sources.append(Source(item.alias.lower(), relation))
    scope.sources += [replace(source, is_shown=False) for source in group.sources]
    return rows


def _shown(group: Scope, rows: Flow) -> tuple[tuple[Field, ...], Flow, frozenset[Dataset], Flow | None]:
    fields = [
        replace(each, flow=group.merged.get(each.key, each.flow))
        for source in group.shown
        for each in source.relation.fields
        if each.key not in source.merged
    ]
    rests = [source.relation.rest for source in group.shown if source.relation.rest is not None]
    return tuple(fields), rows, group.tables, merge(rests) if rests else None


def _name(item: exp.Expr, relation: Relation) -> Source:
    if isinstance(item, exp.Table) and isinstance(item.this, exp.Identifier):
        layer = item.db.lower() if item.db and not item.alias else None
        return Source(item.alias_or_name.lower(), relation, layer)
    return Source(item.alias_or_name.lower(), relation)


def read_source(context: Context, item: exp.Expr, scope: Scope) -> Relation:
    """The relation that one item of FROM is, under the column names of its alias."""
    return _with_alias(pivot(context, item, _base(context, item, scope), scope), item)


def _with_alias(relation: Relation, item: exp.Expr) -> Relation:
    alias = item.args.get("alias")
    names = [part.name for part in alias.args.get("columns") or ()] if isinstance(alias, exp.TableAlias) else []
    return relation.renamed(names)


def _base(context: Context, item: exp.Expr, scope: Scope) -> Relation:
    if isinstance(item, exp.Table):
        return _table(context, item, scope)
    if isinstance(item, exp.Lateral):
        return _base(context, item.this, scope)
    if isinstance(item, exp.Unnest):
        return _unnest(context, item, scope)
    if isinstance(item, exp.Values):
        return _values(context, item, scope)
    if isinstance(item, exp.Query):
        return dedupe(context.read(context, item, scope))
    return unknown(context, item, scope)


def unknown(context: Context, item: exp.Expr, scope: Scope) -> Relation:
    """What is not understood: any column of it may come from all columns of the tables named in it."""
    named = [(table.db.lower(), table.name.lower()) for table in item.find_all(exp.Table)]
    below = {Dataset(layer, name) for layer, name in named if layer}
    for layer, name in named:
        if not layer and name in scope.ctes:
            below |= scope.ctes[name].tables
    context.seen.update(id(node) for node in item.find_all(exp.Table, exp.Column))
    flow = context.doubt(f"{type(item).__name__.upper()} is not resolved", item, below)
    return Relation((), flow.aside(), frozenset(below), flow)


def _table(context: Context, item: exp.Table, scope: Scope) -> Relation:
    context.seen.add(id(item))
    if not isinstance(item.this, exp.Identifier):
        return _function(context, item, scope)
    key = item.name.lower()
    if not item.db and key in scope.ctes:
        return scope.ctes[key]
    dataset = Dataset(item.db.lower(), key)
    schema = context.schemas.get(dataset, NO_SCHEMA)
    names = (*schema.columns, *schema.hidden)
    fields = tuple(Field(name, Flow({ColumnName(dataset, name): How.IDENTITY})) for name in names)
    rest = Flow({ColumnName(dataset, ANY): How.EXPRESSION}, is_approximate=True) if schema.is_open else None
    return Relation(fields, NOTHING, frozenset((dataset,)), rest)


def _function(context: Context, item: exp.Table, scope: Scope) -> Relation:
    """range(…), generate_series(…) and unnest(…) in FROM: one column, and as many rows as the arguments say."""
    call = item.this
    flow = trace_all(context, call.iter_expressions(), scope).then(How.EXPRESSION)
    name = "unnest" if isinstance(call, exp.Unnest | exp.Explode) else "generate_series"
    is_range = isinstance(call, exp.GenerateSeries) and call.args.get("is_end_exclusive")
    return Relation((Field("range" if is_range else name, flow),), flow.aside(), frozenset())


def _unnest(context: Context, item: exp.Unnest, scope: Scope) -> Relation:
    flow = trace_all(context, item.expressions, scope).then(How.EXPRESSION)
    position = item.args.get("offset")
    name = position.name if isinstance(position, exp.Identifier) else "ordinality"
    alias = item.args.get("alias")
    names = [part.name for part in alias.args.get("columns") or ()] if isinstance(alias, exp.TableAlias) else []
    fields = [Field(name, flow) for name in names or ["unnest"]]
    counted = [Field(name, flow.aside())] if position else []
    return Relation((*fields, *counted), flow.aside(), frozenset())


def _values(context: Context, item: exp.Values, scope: Scope) -> Relation:
    rows = [row.expressions if isinstance(row, exp.Tuple) else [row] for row in item.expressions]
    columns = zip(*rows, strict=False)
    flows = [merge(trace(context, cell, scope) for cell in cells) for cells in columns]
    return Relation(tuple(Field(f"col{place}", flow) for place, flow in enumerate(flows)))


def dedupe(relation: Relation) -> Relation:
    """Names as the engine gives them where a table has one twice: x, x_1."""
    taken: dict[str, int] = {}
    fields = []
    for each in relation.fields:
        count = taken[each.key] = taken.get(each.key, -1) + 1
        fields.append(each if count == 0 else replace(each, name=f"{each.name}_{count}"))
    return replace(relation, fields=tuple(fields))


def _join(context: Context, join: exp.Join, first: int, scope: Scope) -> Flow:
    """One join. Args: first: the index of the first source that stands at its left."""
    border = len(scope.sources)
    rows = _add(context, join.this, scope)
    left, right = scope.sources[first:border], scope.sources[border:]
    conditions = [rows]
    for name in join.args.get("using") or ():
        conditions.append(_use(context, join, name.name, left, right, scope))
    conditions.append(trace_all(context, [join.args.get("on"), join.args.get("match_condition")], scope))
    if join.method in ("NATURAL", "POSITIONAL"):
        conditions.append(context.doubt(f"a {join.method} JOIN is not resolved", join, scope.tables))
    if join.kind in ("SEMI", "ANTI"):
        del scope.sources[border:]
    return merge(conditions).aside()


def _use(context: Context, join: exp.Join, name: str, left: list[Source], right: list[Source], scope: Scope) -> Flow:
    """A column of USING: from now on one column, whose value is that of the side that cannot be missing."""
    key = name.lower()
    before = _side(key, left, scope.merged.get(key))
    after = _side(key, right, None)
    if before is None or after is None:
        return context.doubt(f"no input has a column {key} to join by", join, scope.tables)
    if join.kind not in ("SEMI", "ANTI"):
        if join.side == "RIGHT":
            scope.merged[key] = after
        elif join.side == "FULL":
            scope.merged[key] = merge([before, after]).then(How.EXPRESSION)
        else:
            scope.merged[key] = before
        for source in right:
            source.merged.add(key)
    return merge([before, after])


def _side(key: str, sources: list[Source], merged: Flow | None) -> Flow | None:
    if merged is not None and any(source.relation.find(key) is not None for source in sources):
        return merged
    for source in sources:
        found = source.relation.find(key)
        if found is not None and key not in source.merged:
            return found
    rests = [source.relation.rest for source in sources if source.relation.rest is not None]
    return merge(rests) if rests else None
