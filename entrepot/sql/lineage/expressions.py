"""What flows into the value of an expression."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sqlglot import exp

from entrepot.sql.lineage.context import Context
from entrepot.sql.lineage.flows import NOTHING, Flow, merge
from entrepot.sql.lineage.names import find_source, resolve
from entrepot.sql.lineage.scopes import Scope
from entrepot.sql.lineage.values import How

AGGREGATES = frozenset(
    """
    any_value approx_quantile approx_top_k arbitrary arg_max arg_max_null arg_max_nulls_last arg_min arg_min_null
    arg_min_nulls_last argmax argmin array_agg avg bit_and bit_or bit_xor bitstring_agg bool_and bool_or corr count count_if
    count_star countif covar_pop covar_samp cume_dist dense_rank entropy favg fill first first_value fsum group_concat
    histogram histogram_exact kahan_sum kurtosis kurtosis_pop lag last last_value lead list listagg mad max max_by mean
    median min min_by mode nth_value ntile percent_rank product quantile quantile_cont quantile_disc rank rank_dense
    regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy reservoir_quantile row_number
    sem skewness stddev stddev_pop stddev_samp string_agg sum sum_no_overflow sumkahan var_pop var_samp variance
    """.split()  # noqa: SIM905
)
"""DuckDB's aggregates and window functions; those that the parser does not know by a class of their own are told by name."""

_CHOOSING = frozenset(name for name in AGGREGATES if name.startswith(("arg_m", "argm"))) | {"max_by", "min_by"}
"""Aggregates that take a value from the row that another value decides."""


def trace(context: Context, node: exp.Expr, scope: Scope) -> Flow:
    """The flow into the value of an expression. What is not known of is taken as a plain function of all that stands in it."""
    if isinstance(node, exp.Column):
        return _column(context, node, scope)
    if type(node) in _CHAINS:
        return _chain(context, node, scope)
    handler = _HANDLERS.get(type(node))
    if handler is not None:
        return handler(context, node, scope)
    if isinstance(node, exp.Query):
        return _scalar(context, node, scope)
    how = How.AGGREGATE if is_aggregate(node) else How.EXPRESSION
    return trace_all(context, node.iter_expressions(), scope).then(how)


def trace_all(context: Context, nodes: Iterable[object], scope: Scope) -> Flow:
    """The flow into a value made of several expressions."""
    return merge(trace(context, node, scope) for node in nodes if isinstance(node, exp.Expr))


def is_aggregate(node: exp.Expr) -> bool:
    """True for the call of an aggregate or a window function."""
    return isinstance(node, exp.AggFunc) or (isinstance(node, exp.Anonymous) and node.name.lower() in AGGREGATES)


def has_aggregate(node: exp.Expr) -> bool:
    """True when an expression is computed from groups of rows, so that it cannot be a key of GROUP BY."""
    return any(
        is_aggregate(part) and not _is_windowed(part) for part in node.walk(prune=lambda n: isinstance(n, exp.Query))
    )


def _is_windowed(node: exp.Expr) -> bool:
    parent = node.parent
    while isinstance(parent, exp.Filter | exp.IgnoreNulls | exp.RespectNulls | exp.WithinGroup):
        parent = parent.parent
    return isinstance(parent, exp.Window)


def _column(context: Context, node: exp.Column, scope: Scope) -> Flow:
    context.seen.add(id(node))
    if isinstance(node.this, exp.Star):  # count(t.*)
        source = find_source(scope, node.table.lower())
        if source is None:
            return context.doubt(f"{node.table} is no input, so that its columns cannot be told", node, scope.tables)
        return source.relation.all()
    return resolve(context, node, scope)


def _chain(context: Context, node: exp.Expr, scope: Scope) -> Flow:
    """`a AND b AND c …` stands inside itself at the left, perhaps hundreds of times: no recursion there."""
    operands = []
    while type(node) in _CHAINS:
        operands.append(node.expression)
        node = node.this
    return trace_all(context, [node, *operands], scope).then(How.EXPRESSION)


def _same(context: Context, node: exp.Expr, scope: Scope) -> Flow:
    return trace(context, node.this, scope)


def _cast(context: Context, node: exp.Expr, scope: Scope) -> Flow:
    return trace(context, node.this, scope).then(How.CAST)


def _nothing(context: Context, node: exp.Expr, scope: Scope) -> Flow:
    return NOTHING


def _filter(context: Context, node: exp.Expr, scope: Scope) -> Flow:
    return merge([trace(context, node.this, scope), trace(context, node.expression, scope).aside()])


def _ordered_within(context: Context, node: exp.Expr, scope: Scope) -> Flow:
    """`list(a ORDER BY b)`: the value is that of a."""
    value = trace(context, node.this, scope) if isinstance(node.this, exp.Expr) else NOTHING
    return merge([value, trace_all(context, node.expressions, scope).aside()])


def _within_group(context: Context, node: exp.Expr, scope: Scope) -> Flow:
    """`quantile_cont(0.5) WITHIN GROUP (ORDER BY a)` is computed from a; where the function has a column of its own, a only orders."""
    value = trace(context, node.this, scope)
    ordered = trace_all(context, node.expression.expressions, scope)
    return merge([value, ordered.aside() if value.direct else ordered.then(How.AGGREGATE)])


def _choosing(context: Context, node: exp.Expr, scope: Scope) -> Flow:
    """`arg_max(a, b)`: the value is that of a."""
    first, *others = node.iter_expressions()
    value = trace(context, first, scope).then(How.AGGREGATE)
    return merge([value, trace_all(context, others, scope).aside()])


def _anonymous(context: Context, node: exp.Expr, scope: Scope) -> Flow:
    if node.name.lower() in _CHOOSING and node.expressions:
        return _choosing(context, node, scope)
    how = How.AGGREGATE if is_aggregate(node) else How.EXPRESSION
    return trace_all(context, node.iter_expressions(), scope).then(how)


def _window(context: Context, node: exp.Expr, scope: Scope) -> Flow:
    value = trace(context, node.this, scope).then(How.AGGREGATE)
    return merge([value, trace_window(context, node, scope)])


def trace_window(context: Context, node: exp.Expr, scope: Scope) -> Flow:
    """What decides over which rows a window looks, that of the named window it rests on included."""
    parts = [*(node.args.get("partition_by") or ()), node.args.get("order"), node.args.get("spec")]
    own = trace_all(context, parts, scope)
    name = node.args.get("alias")
    named = None if name is None else scope.windows.get(name.name.lower())
    below = NOTHING if named is None else trace_window(context, named, scope)
    return merge([own, below]).aside()


def _scalar(context: Context, node: exp.Expr, scope: Scope) -> Flow:
    """A subquery as a value; those after IN and ANY too."""
    relation = context.read(context, node, scope)
    return merge([*(field.flow for field in relation.fields), relation.rest or NOTHING, relation.rows])


def _exists(context: Context, node: exp.Expr, scope: Scope) -> Flow:
    if not isinstance(node.this, exp.Query):  # the list function of that name
        return trace_all(context, node.iter_expressions(), scope).then(How.EXPRESSION)
    return context.read(context, node.this, scope).rows


def _lambda(context: Context, node: exp.Expr, scope: Scope) -> Flow:
    names = {part.name.lower() for part in node.expressions}
    return trace(context, node.this, scope.within(names)).then(How.EXPRESSION)


def _comprehension(context: Context, node: exp.Expr, scope: Scope) -> Flow:
    """`[f(x) for x in list if g(x)]`."""
    inner = scope.within(
        {node.expression.name.lower(), *(part.name.lower() for part in _listed(node.args.get("position")))}
    )
    parts = trace_all(context, [node.this, node.args.get("condition")], inner)
    return merge([parts, trace_all(context, [node.args.get("iterator")], scope)]).then(How.EXPRESSION)


def _listed(value: object) -> list[exp.Expr]:
    return [value] if isinstance(value, exp.Expr) else []


def _columns(context: Context, node: exp.Expr, scope: Scope) -> Flow:
    """`COLUMNS(…)`: the column for which the expression is being read just now."""
    if scope.spread is None:
        return context.doubt("COLUMNS(…) stands where its columns cannot be told", node, scope.tables)
    return scope.spread.flow


_CHAINS = frozenset({exp.And, exp.Or, exp.Add, exp.Sub, exp.Mul, exp.DPipe})

_HANDLERS: dict[type[exp.Expr], Callable[[Context, exp.Expr, Scope], Flow]] = {
    exp.Alias: _same,
    exp.Paren: _same,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Filter: _filter,
    exp.Where: _same,
    exp.Order: _ordered_within,
    exp.ArgMax: _choosing,
    exp.ArgMin: _choosing,
    exp.Anonymous: _anonymous,
    exp.Window: _window,
    exp.WithinGroup: _within_group,
    exp.Exists: _exists,
    exp.Lambda: _lambda,
    exp.Comprehension: _comprehension,
    exp.Columns: _columns,
    exp.Identifier: _nothing,
    exp.Literal: _nothing,
    exp.Star: _nothing,
    exp.DataType: _nothing,
}
