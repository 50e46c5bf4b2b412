"""Which functions join rows: the parser knows most aggregates of DuckDB by class, the others by name."""

from __future__ import annotations

from sqlglot import exp

AGGREGATES = frozenset(
    """
    any_value approx_count_distinct approx_quantile approx_top_k arbitrary arg_max arg_max_null arg_max_nulls_last arg_min
    arg_min_null arg_min_nulls_last argmax argmin array_agg avg bit_and bit_or bit_xor bitstring_agg bool_and bool_or
    corr count count_if count_star countif covar_pop covar_samp entropy favg fill first fsum geomean geometric_mean
    group_concat histogram histogram_exact json_group_array json_group_object json_group_structure kahan_sum kurtosis
    kurtosis_pop last list listagg mad max max_by mean median min min_by mode product quantile quantile_cont quantile_disc
    regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy reservoir_quantile sem
    skewness stddev stddev_pop stddev_samp string_agg sum sum_no_overflow sumkahan summary var_pop var_samp variance wavg
    weighted_avg grouping grouping_id rank_dense row_number rank dense_rank percent_rank cume_dist ntile lag lead
    first_value last_value nth_value
    """.split()  # noqa: SIM905
)
"""Names of aggregates, window functions and macros over them (DuckDB 1.5), lower case."""

_WRAPPERS = (exp.Filter, exp.IgnoreNulls, exp.RespectNulls, exp.WithinGroup, exp.Order)


def is_aggregate(node: exp.Expr) -> bool:
    """True for a call that joins rows, unless a window (OVER) makes it one value for each row."""
    if not (isinstance(node, exp.AggFunc) or (isinstance(node, exp.Anonymous) and node.name.lower() in AGGREGATES)):
        return False
    below: exp.Expr = node
    above = node.parent
    while isinstance(above, _WRAPPERS) and above.this is below:
        below, above = above, above.parent
    return not (isinstance(above, exp.Window) and above.this is below)
