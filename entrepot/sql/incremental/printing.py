"""Whether a statement printed from its tree still says what its author wrote: the printer rewrites some calls.

A model itself always runs as written. What is derived from it is printed, and a key computed by another function than the model's
could differ in its last digit. So a call or text that the printer changed makes the model refresh in full, unless the two are known
to be the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

import sqlglot
from sqlglot.tokenizer_core import Token, TokenType

from entrepot.sql.functions import safe_functions
from entrepot.sql.incremental.aggregates import AGGREGATES
from entrepot.sql.query import DIALECT, Query

_SAME: Mapping[str, str] = {
    other: name
    for name, others in {
        "arg_max": "argmax max_by",
        "arg_min": "argmin min_by",
        "array_agg": "list",
        "array_contains": "array_has list_contains list_has",
        "ceil": "ceiling",
        "coalesce": "ifnull",
        "count_if": "countif",
        "date_diff": "datediff",
        "date_trunc": "datetrunc",
        "length": "char_length character_length len",
        "levenshtein": "editdist3",
        "list_append": "array_append",
        "list_concat": "array_cat array_concat",
        "list_distinct": "array_distinct",
        "list_filter": "array_filter filter",
        "list_prepend": "array_prepend",
        "list_sort": "array_sort",
        "array_reverse_sort": "list_reverse_sort",
        "listagg": "group_concat string_agg",
        "lower": "lcase",
        "power": "pow",
        "str_split": "split string_split string_to_array",
        "str_split_regex": "string_split_regex",
        "strpos": "instr",
        "substring": "substr",
        "upper": "ucase",
        "variance": "var_samp",
    }.items()
    for other in others.split()
}
"""Other names of the same function (DuckDB 1.5)."""

_OPERATORS = frozenset(
    [
        "cast",
        "try_cast",
        "mod",
        "json_extract",
        "json_extract_string",
        "list_value",
        "struct_pack",
        "row",
        "if",
        "extract",
        "filter",
        "unnest",
    ]
)
"""Calls that have a form without brackets, which the printer may choose."""

_UNITS = frozenset(
    [
        "second",
        "seconds",
        "minute",
        "minutes",
        "hour",
        "hours",
        "day",
        "days",
        "week",
        "weeks",
        "month",
        "months",
        "year",
        "years",
        "quarter",
        "quarters",
    ]
)


def find_misprint(query: Query) -> str | None:
    """The first call or text that printing changes; None without."""
    printed = sqlglot.tokenize(query.tree.sql(DIALECT, comments=False), dialect=DIALECT)
    for read in (_calls, _words):
        before, after = Counter(read(query.tokens)), Counter(read(printed))
        for name in [*(before - after), *(after - before)]:
            return name
    return None


def _calls(tokens: Iterable[Token]) -> Iterator[str]:
    ordered = list(tokens)
    for token, following in pairwise(ordered):
        name = token.text.lower()
        if following.token_type is not TokenType.L_PAREN or token.token_type is TokenType.STRING or name in _OPERATORS:
            continue
        if name in safe_functions() or name in AGGREGATES or name in _SAME.values():
            yield _SAME.get(name, name)


def _words(tokens: Iterable[Token]) -> Iterator[str]:
    """The words of the texts, without numbers and units: `INTERVAL '1 month'` is printed `INTERVAL '1' MONTH`."""
    for token in tokens:
        if token.token_type is TokenType.STRING:
            for word in token.text.lower().split():
                if not word.isdigit() and word not in _UNITS:
                    yield word
