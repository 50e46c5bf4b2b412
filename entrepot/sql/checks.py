"""What a model's SELECT may not hold: nothing that gives other rows when the same range is done again."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from entrepot.kernel.errors import ProjectError
from entrepot.sql.query import Query, parse_query
from entrepot.sql.tables import table_nodes

VOLATILE_CALLS = frozenset(
    [
        "random", "setseed", "uuid", "gen_random_uuid", "uuidv4", "uuidv7", "now", "today", "get_current_time",
        "get_current_timestamp", "transaction_timestamp", "current_localtime", "current_localtimestamp", "nextval",
        "currval", "txid_current", "current_transaction_id", "current_connection_id", "current_query_id",
        "current_query", "current_database", "current_schema", "current_schemas", "in_search_path",
        "current_setting", "getvariable", "getenv", "version", "stats", "sleep_ms", "pg_sleep", "write_log",
    ]
)  # fmt: skip
"""Functions that answer differently from call to call, from run to run or from machine to machine (DuckDB 1.5)."""

VOLATILE_WORDS = frozenset(
    [
        "current_date", "current_time", "current_timestamp", "localtime", "localtimestamp", "current_user",
        "session_user", "user", "current_role", "current_catalog", "current_schema",
    ]
)  # fmt: skip
"""The same, written without parentheses."""

_KEYWORDS = frozenset(
    {
        TokenType.CURRENT_DATE,
        TokenType.CURRENT_TIME,
        TokenType.CURRENT_TIMESTAMP,
        TokenType.CURRENT_DATETIME,
        TokenType.CURRENT_USER,
        TokenType.CURRENT_SCHEMA,
        TokenType.CURRENT_CATALOG,
        TokenType.LOCALTIME,
        TokenType.LOCALTIMESTAMP,
        TokenType.SESSION_USER,
    }
)


def check_select(query: Query | str) -> None:
    """Refuse what a model may not hold. Raises: ProjectError with the place of the first fault."""
    for fault in find_faults(query):
        raise fault


def find_faults(query: Query | str) -> tuple[ProjectError, ...]:
    """All faults of a model's SELECT, none when it is good.

    Raises: ProjectError when the text is not one SELECT or names something that is no dataset.
    """
    query = parse_query(query) if isinstance(query, str) else query
    table_nodes(query)
    return (*_volatile_functions(query), *_unstable_parts(query))


def _volatile_functions(query: Query) -> Iterator[ProjectError]:
    tokens = query.tokens
    for index, token in enumerate(tokens):
        if _is_volatile(tokens, index):
            yield query.error(
                f"{token.text} gives another value at every run, so a repeated batch would give other rows.",
                token.start,
                hint="Take the moment from a column of the data, such as _received_at.",
            )


def _is_volatile(tokens: tuple[Token, ...], index: int) -> bool:
    token = tokens[index]
    before = tokens[index - 1].token_type if index else None
    after = tokens[index + 1].token_type if index + 1 < len(tokens) else None
    word = token.text.lower()
    if token.token_type is TokenType.STRING:
        return False
    if after is TokenType.L_PAREN and before is not TokenType.ALIAS:
        if word == "age":
            return _has_one_argument(tokens, index + 1)
        return word in VOLATILE_CALLS or (word in VOLATILE_WORDS and token.token_type in _KEYWORDS)
    if token.token_type is TokenType.IDENTIFIER or TokenType.DOT in (before, after) or before is TokenType.ALIAS:
        return False
    return token.token_type in _KEYWORDS and word in VOLATILE_WORDS


def _has_one_argument(tokens: tuple[Token, ...], opening: int) -> bool:
    """True for `age(x)`, which counts from today; `age(x, y)` does not."""
    depth = 0
    for token in tokens[opening:]:
        if token.token_type in (TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE):
            depth += 1
        elif token.token_type in (TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE):
            depth -= 1
            if depth == 0:
                return True
        elif token.token_type is TokenType.COMMA and depth == 1:
            return False
    return True


def _unstable_parts(query: Query) -> Iterator[ProjectError]:
    for node in query.tree.walk():
        if isinstance(node, exp.Select) and not node.expressions:
            yield query.error("this SELECT names no columns.", node)
        if isinstance(node, exp.TableSample):
            yield query.error("a sample takes other rows at every run.", node.parent)
        elif isinstance(node, exp.Placeholder | exp.Parameter):
            yield query.error("a model has no parameters.", node.parent)
        elif isinstance(node, exp.Into):
            yield query.error("SELECT … INTO writes a table of its own; the model's kind says how it is written.", node)
        elif isinstance(node, exp.Command):
            yield query.error(f"{node.name or 'this'} is a command; a model is one SELECT.", node)
        elif isinstance(node, exp.Join) and node.method in ("NATURAL", "POSITIONAL"):
            reason = "also joins by the system columns" if node.method == "NATURAL" else "depends on the order of rows"
            yield query.error(f"a {node.method} JOIN {reason}; write ON or USING.", node)
        elif isinstance(node, exp.Select) and _is_cut_without_order(node):
            yield query.error("LIMIT or OFFSET without ORDER BY takes other rows at every run.", node.args["limit"])


def _is_cut_without_order(select: exp.Select) -> bool:
    limit = select.args.get("limit")
    if limit is None or select.args.get("order") is not None:
        return False
    # LIMIT 0 asks for the columns only.
    return not (isinstance(limit.expression, exp.Literal) and limit.expression.name == "0")
