"""Places in a query's text, found among its tokens: where the projection of a SELECT ends."""

from __future__ import annotations

from sqlglot.tokenizer_core import Token, TokenType

from entrepot.sql.query import Query

_OPENING = (TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE)
_CLOSING = (TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE)


def find_projection_end(query: Query, anchor: int) -> tuple[int, bool]:
    """Where the projection of the SELECT in whose FROM the character `anchor` stands can be added to.

    Returns: the first character after it, comments included, and whether it ends with a comma.
    Raises: ProjectError for a SELECT written FROM-first.
    """
    found = _find_before(query.tokens, _index_at(query.tokens, anchor), TokenType.FROM)
    start = None if found is None else _find_before(query.tokens, found, TokenType.SELECT)
    if found is None or start is None:
        raise query.error("write SELECT before FROM here, so that the system columns can be added.", anchor)
    return query.tokens[found].start, query.tokens[found - 1].token_type is TokenType.COMMA


def find_enclosing(query: Query, anchor: int) -> int:
    """The character of the parenthesis in which the character `anchor` stands."""
    depth = 0
    for index in range(_index_at(query.tokens, anchor) - 1, -1, -1):
        kind = query.tokens[index].token_type
        if kind in _CLOSING:
            depth += 1
        elif kind in _OPENING:
            depth -= 1
            if depth < 0:
                return int(query.tokens[index].start)
    raise query.error("a parenthesis was expected around this.", anchor)


def _index_at(tokens: tuple[Token, ...], offset: int) -> int:
    return next(index for index, token in enumerate(tokens) if token.start == offset)


def _find_before(tokens: tuple[Token, ...], index: int, kind: TokenType) -> int | None:
    """Going back from `index` on the same level of parentheses, the nearest keyword of that kind."""
    depth = 0
    for position in range(index - 1, -1, -1):
        token = tokens[position]
        if token.token_type in _CLOSING:
            depth += 1
        elif token.token_type in _OPENING:
            depth -= 1
            if depth < 0:
                return None
        elif depth == 0 and token.token_type is kind and not _is_distinct_from(tokens, position):
            return position
    return None


def _is_distinct_from(tokens: tuple[Token, ...], index: int) -> bool:
    """True for the FROM of `a IS DISTINCT FROM b`, which begins no clause."""
    return tokens[index].token_type is TokenType.FROM and tokens[index - 1].token_type is TokenType.DISTINCT
