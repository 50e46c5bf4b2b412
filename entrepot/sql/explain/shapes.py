"""What a SELECT is: whether it groups, which functions its windows have, which subqueries stand in its expressions."""

from __future__ import annotations

from collections.abc import Iterator, Sized

from sqlglot import exp

from entrepot.sql.query import Query

AGGREGATES = frozenset(
    """
    any_value approx_count_distinct approx_quantile approx_top_k arbitrary arg_max arg_max_null arg_max_nulls_last arg_min
    arg_min_null arg_min_nulls_last argmax argmin array_agg avg bit_and bit_or bit_xor bitstring_agg bool_and bool_or corr count
    count_if count_star countif covar_pop covar_samp entropy favg first fsum group_concat histogram histogram_exact kahan_sum
    kurtosis kurtosis_pop last list listagg mad max max_by mean median min min_by mode product quantile quantile_cont
    quantile_disc regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy
    reservoir_quantile sem skewness stddev stddev_pop stddev_samp string_agg sum sum_no_overflow sumkahan var_pop var_samp
    variance
    """.split()  # noqa: SIM905
)
"""Aggregates of DuckDB 1.5, for those that the parser does not know as such."""

ADDING = frozenset(
    {"sum", "count", "avg", "mean", "list", "array_agg", "string_agg", "group_concat", "listagg", "product", "fsum"}
)
"""Aggregates in which every row has its part; the others may follow from some rows of the group."""

RANKING = frozenset({"row_number", "rank", "dense_rank", "rank_dense"})
SHIFTING = frozenset({"lag", "lead"})
OVER_ALL = frozenset({"ntile", "percent_rank", "cume_dist"})


def own_nodes(root: exp.Expr) -> Iterator[exp.Expr]:
    """The nodes of an expression without those inside the queries that stand in it; these queries themselves come."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, exp.Query) or node is root:
            waiting.extend(reversed(list(node.iter_expressions())))


def clauses(select: exp.Select) -> list[exp.Expr]:
    """The expressions of a SELECT outside its FROM."""
    keys = ("where", "group", "having", "qualify", "order", "windows", "distinct")
    found = list(select.expressions)
    for key in keys:
        value = select.args.get(key)
        found.extend(value if isinstance(value, list) else [value] if value is not None else [])
    return found


def function_name(node: exp.Expr) -> str:
    """A call's name, in lower case, as DuckDB has it."""
    if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc):
        return str(node.name).lower()
    name = node.sql_name().lower() if isinstance(node, exp.Func) else ""
    return {"array_agg": "list", "group_concat": "string_agg", "logical_and": "bool_and"}.get(name, name)


def called(node: exp.Expr) -> exp.Expr:
    """The call itself, without FILTER, IGNORE NULLS and WITHIN GROUP around it."""
    while isinstance(node, exp.Filter | exp.IgnoreNulls | exp.RespectNulls | exp.WithinGroup):
        node = node.this
    return node


def is_aggregate(node: exp.Expr) -> bool:
    """True for the call of an aggregate that is not the function of a window."""
    if not isinstance(node, exp.AggFunc) and not (
        isinstance(node, exp.Anonymous) and function_name(node) in AGGREGATES
    ):
        return False
    outer = node.parent
    while isinstance(outer, exp.Filter | exp.IgnoreNulls | exp.RespectNulls | exp.WithinGroup):
        outer = outer.parent
    within = isinstance(outer, exp.Window) and called(outer.this) is node
    return not within


def best_of(node: exp.Expr) -> tuple[str, exp.Expr] | None:
    """For aggregates that are decided by one row: the function that finds that row, and what it compares. None for all others."""
    if isinstance(node, exp.Max | exp.Min) and not node.args.get("count") and not node.expressions:
        value = node.this.expressions[0] if isinstance(node.this, exp.Distinct) else node.this
        return ("arg_max" if isinstance(node, exp.Max) else "arg_min"), value
    if isinstance(node, exp.ArgMax | exp.ArgMin) and not node.args.get("count"):
        # rows whose first argument is null do not take part
        value = exp.Case().when(exp.Is(this=node.this.copy(), expression=exp.Null()).not_(), node.expression.copy())
        return ("arg_max" if isinstance(node, exp.ArgMax) else "arg_min"), value
    return None


def deciding(select: exp.Select) -> list[exp.Expr] | None:
    """The aggregates of a grouping SELECT where each is decided by one row; None where one is not."""
    found = [node for clause in clauses(select) for node in own_nodes(clause) if is_aggregate(node)]
    if not found or any(best_of(node) is None or node.find(exp.Query) for node in found):
        return None
    return found


def groups(select: exp.Select) -> bool:
    """True when one row of the SELECT stands for several of its FROM."""
    if select.args.get("group") is not None or select.args.get("having") is not None:
        return True
    return any(is_aggregate(node) for clause in clauses(select) for node in own_nodes(clause))


_USED_AGAIN = (
    exp.Join, exp.Window, exp.Unnest, exp.Explode, exp.Lateral, exp.Rollup, exp.Cube, exp.GroupingSets, exp.SetOperation,
)  # fmt: skip


def uses_rows_once(query: Query | None, views: Sized) -> bool:
    """True when no row of a table can stand twice in one row of the query: it reads one table once, and nothing multiplies."""
    if query is None or len(views) or query.tree.find(*_USED_AGAIN) is not None:
        return False
    return len(list(query.tree.find_all(exp.Table))) == 1


def window_calls(select: exp.Select) -> Iterator[tuple[exp.Window, bool]]:
    """The windows of a SELECT, and whether each stands in QUALIFY."""
    for clause in clauses(select):
        for node in own_nodes(clause):
            if isinstance(node, exp.Window) and node.parent is not None and node.arg_key != "windows":
                yield node, isinstance(clause, exp.Qualify)


def queries_in(root: exp.Expr) -> Iterator[exp.Expr]:
    """The outermost queries in an expression: each as EXISTS, IN, ANY, ALL or itself."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        whole = isinstance(node, exp.Exists | exp.Any | exp.All) and isinstance(node.this, exp.Query)
        if whole or isinstance(node, exp.Query) or (isinstance(node, exp.In) and node.args.get("query") is not None):
            yield node
            if isinstance(node, exp.In):
                waiting.append(node.this)  # what is looked for may hold a query itself
        else:
            waiting.extend(reversed(list(node.iter_expressions())))


def query_of(node: exp.Expr) -> exp.Expr:
    """The query in what `queries_in` gives."""
    if isinstance(node, exp.In):
        found: exp.Expr = node.args["query"]
        return found
    return node.this if isinstance(node, exp.Exists | exp.Any | exp.All) else node


def must_be_false(node: exp.Expr) -> bool:
    """True for `NOT EXISTS`, `NOT IN` that a row must fulfil: alone, or joined by AND, in WHERE, HAVING, QUALIFY or ON."""
    outer = node.parent
    while isinstance(outer, exp.Paren):
        outer = outer.parent
    if not isinstance(outer, exp.Not):
        return False
    outer = outer.parent
    while isinstance(outer, exp.Paren | exp.And):
        outer = outer.parent
    return isinstance(outer, exp.Where | exp.Having | exp.Qualify | exp.Join)
