"""Which functions a rule's SQL may call: those whose value follows from their arguments; everything else is refused."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from sqlglot.tokenizer_core import Token, TokenType

_GRAMMAR = frozenset(
    """
    all and any array as between by case cast char columns cube decimal distinct else except exclude exists extract filter
    from group grouping having ignore ilike in intersect interval is join lambda like limit list map materialized not
    numeric offset on or order over partition precision qualify recursive replace respect rollup row rows select sets some
    struct then try_cast union using values varchar when where with within
    """.split()  # noqa: SIM905
)
"""Words of the language that stand before a bracket without calling anything."""


@cache
def safe_functions() -> frozenset[str]:
    """The names in `safe_functions.txt`."""
    lines = (files(__package__) / "safe_functions.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


def find_unsafe_calls(tokens: tuple[Token, ...]) -> Iterator[Token]:
    """Every name before a bracket that is neither a safe function nor a word of the language nor a name for columns."""
    for index, token in enumerate(tokens[:-1]):
        if tokens[index + 1].token_type is not TokenType.L_PAREN or not _is_name(token):
            continue
        word = token.text.lower()
        quoted = token.token_type is TokenType.IDENTIFIER
        if word in safe_functions() or (word in _GRAMMAR and not quoted) or _names_columns(tokens, index):
            continue
        yield token


def _is_name(token: Token) -> bool:
    if token.token_type in (TokenType.STRING, TokenType.NUMBER):
        return False
    return token.token_type is TokenType.IDENTIFIER or token.text[:1].isalpha() or token.text[:1] == "_"


def _names_columns(tokens: tuple[Token, ...], index: int) -> bool:
    """True for `… ) t(a, b)`, `… AS t(a, b)` and for `WITH t(a, b) AS (…)`."""
    before = tokens[index - 1].token_type if index else None
    if before in (TokenType.R_PAREN, TokenType.ALIAS):
        return True
    closing = _closing(tokens, index + 1)
    after = tokens[closing + 1 : closing + 3]
    return [token.token_type for token in after] == [TokenType.ALIAS, TokenType.L_PAREN]


def _closing(tokens: tuple[Token, ...], opening: int) -> int:
    depth = 0
    for index in range(opening, len(tokens)):
        if tokens[index].token_type is TokenType.L_PAREN:
            depth += 1
        elif tokens[index].token_type is TokenType.R_PAREN:
            depth -= 1
            if depth == 0:
                return index
    return len(tokens)
