"""SQL with its keywords, texts, numbers and comments marked, by the tokens that the parser itself sees."""

from __future__ import annotations

import re
from collections.abc import Iterator

from entrepot.contracts.docs.markup import Html, el, join
from entrepot.kernel.errors import ProjectError
from entrepot.lake.models import Model
from entrepot.sql.query import Query, parse_query

_TEXTS = frozenset({"STRING", "NATIONAL_STRING", "RAW_STRING", "HEX_STRING", "BIT_STRING", "BYTE_STRING"})
_NAMES = frozenset({"VAR", "IDENTIFIER"})
_WORD = re.compile(r"[A-Za-z_ ]+\Z")


def highlight(model: Model) -> Html:
    """The model's SELECT without its head, ready for a page."""
    query = _query_of(model)
    body = model.sql if query is None else join(_pieces(query))
    return el("pre", el("code", body), class_="sql", tabindex=0, role="region", aria_label="The model's text")


def _query_of(model: Model) -> Query | None:
    if model.query is not None:
        return model.query
    try:
        return parse_query(model.sql)
    except ProjectError:
        return None


def _pieces(query: Query) -> Iterator[object]:
    text, at = query.text, query.tokens[0].start
    for token in query.tokens:
        yield _between(text[at : token.start])
        at = token.end + 1
        yield _mark(token.token_type.name, text[token.start : at])


def _between(text: str) -> object:
    """What stands between tokens is space or comment."""
    return el("span", text, class_="c") if text.strip() else text


def _mark(kind: str, text: str) -> object:
    if kind in _TEXTS:
        return el("span", text, class_="s")
    if kind == "NUMBER":
        return el("span", text, class_="n")
    if kind not in _NAMES and _WORD.match(text):
        return el("span", text, class_="k")
    return text
