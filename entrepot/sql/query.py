"""A SELECT, parsed: its text, its tokens with their places, its tree."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokenizer_core import Token, TokenType

from entrepot.kernel.errors import Place, ProjectError

DIALECT = "duckdb"
_MOST_INDEXES = 200
"""Like a[1][2][3]: the parser's time grows with their square."""
_ONE_SELECT = "A model is one SELECT statement; it may begin with WITH."


@dataclass(frozen=True, slots=True)
class Query:
    """One SELECT as its author wrote it. What runs is this text with additions, never the tree printed again."""

    text: str
    """The whole file; places in errors are places in it."""
    path: Path | None
    tree: exp.Query = field(compare=False)
    tokens: tuple[Token, ...] = field(compare=False)

    @property
    def body(self) -> str:
        """The statement alone, without comments and semicolons around it: it can stand in parentheses."""
        return self.text[self.tokens[0].start : self.tokens[-1].end + 1]

    def place(self, where: exp.Expr | int | None = None) -> Place | None:
        """Where a node of the tree or a character of the text stands in the file; None when there is no file."""
        if self.path is None:
            return None
        offset = where if isinstance(where, int) else find_offset(where)
        if offset is None:
            return Place(self.path)
        return place_at(self.path, self.text, offset)

    def error(self, message: str, where: exp.Expr | int | None = None, *, hint: str | None = None) -> ProjectError:
        """An error about a place in this query. Without a file, line and column stand in the message."""
        if self.path is None:
            offset = where if isinstance(where, int) else find_offset(where)
            message = message if offset is None else f"{message} ({_line_and_column(self.text, offset)})"
        return ProjectError(message, place=self.place(where), hint=hint)

    def normal_text(self) -> str:
        """The statement's tokens: equal for texts that differ only in comments, spaces and keywords in upper or lower case."""
        return "\n".join(f"{token.token_type.name} {_fold(token)}" for token in self.tokens)


def parse_query(text: str, path: Path | None = None) -> Query:
    """Parse one SELECT in DuckDB's dialect.

    Raises: ProjectError with line and column when it is none, or more than one.
    """
    tokens, statements = _parse(text, path)
    if not statements:
        raise ProjectError(f"there is no SQL. {_ONE_SELECT}", place=Place(path) if path else None)
    tree = statements[0]
    while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
        tokens = tokens[:-1]
    if isinstance(tree, exp.Query) and not isinstance(tree, exp.Table):
        query = Query(text, path, tree, tokens)
    else:
        first = tokens[0]
        place = place_at(path, text, first.start) if path else None
        raise ProjectError(f"the statement begins with {first.text.upper()}. {_ONE_SELECT}", place=place)
    second = next((i for i, token in enumerate(tokens) if token.token_type is TokenType.SEMICOLON), None)
    if len(statements) > 1 or second is not None:
        raise query.error(f"a second statement begins here. {_ONE_SELECT}", tokens[(second or 0) + 1].start)
    return query


def find_offset(node: exp.Expr | None) -> int | None:
    """The first character of a node, as far as the parser noted it for the node or what it holds."""
    if node is None:
        return None
    starts = [part.meta["start"] for part in node.walk() if "start" in part.meta]
    return min(starts, default=None)


def place_at(path: Path, text: str, offset: int) -> Place:
    """Line and column of a character, both from 1."""
    return Place(path, text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


@lru_cache(maxsize=256)
def _parse(text: str, path: Path | None) -> tuple[tuple[Token, ...], tuple[exp.Expr, ...]]:
    """Cached, since check, graph and compilation ask for the same text; callers copy the tree before they change it."""
    tokens: list[Token] = []
    try:
        tokens = sqlglot.tokenize(text, dialect=DIALECT)
        _refuse_templates(text, path, tokens)
        _refuse_indexes(text, path, tokens)
        statements = sqlglot.parse(text, dialect=DIALECT)
    except TokenError as error:
        raise ProjectError(
            "the SQL cannot be read: a text, a quoted name or a comment is not closed.",
            place=Place(path) if path else None,
        ) from error
    except ParseError as error:
        raise _syntax_error(error, text, path, tokens) from error
    except RecursionError as error:
        raise ProjectError("the SQL is nested too deeply.", place=Place(path) if path else None) from error
    except (AttributeError, LookupError, TypeError, ValueError) as error:  # the parser's own mistakes, found by fuzzing
        raise ProjectError(
            "the SQL cannot be understood.",
            place=Place(path) if path else None,
            hint="Take parts out to find which one.",
        ) from error
    found = (statement for statement in statements if statement is not None)
    return tuple(tokens), tuple(statement for statement in found if not isinstance(statement, exp.Semicolon))


def _syntax_error(error: ParseError, text: str, path: Path | None, tokens: list[Token]) -> ProjectError:
    detail = error.errors[0] if error.errors else {}
    line, end = detail.get("line"), detail.get("col")
    token = next((t for t in tokens if (t.line, t.col) == (line, end)), None)
    found = f"near {token.text!r}" if token else "at the end" if not detail else f"near {detail.get('highlight')!r}"
    said = str(detail.get("description", "syntax error"))
    if said.startswith("Required keyword"):  # the parser's words for its own classes
        said = "something is missing here"
    message = f"the SQL cannot be understood {found}: {said}."
    if path is None:
        return ProjectError(message if token is None else f"{message} ({_line_and_column(text, token.start)})")
    return ProjectError(message, place=Place(path, line) if token is None else place_at(path, text, token.start))


def _refuse_templates(text: str, path: Path | None, tokens: list[Token]) -> None:
    for first, second in pairwise(tokens):
        doubled = first.token_type is second.token_type is TokenType.L_BRACE and second.start == first.end + 1
        if doubled or first.token_type is TokenType.BLOCK_START:
            raise ProjectError(
                "the SQL holds a template ({{ … }} or {% … %}), which models do not have.",
                place=place_at(path, text, first.start) if path else None,
                hint="Name other datasets as layer.name; write the rest in SQL.",
            )


def _refuse_indexes(text: str, path: Path | None, tokens: list[Token]) -> None:
    ends = (TokenType.R_BRACKET, TokenType.L_BRACKET)
    chained = [second for first, second in pairwise(tokens) if (first.token_type, second.token_type) == ends]
    if len(chained) > _MOST_INDEXES:
        raise ProjectError(
            f"the SQL indexes what was indexed (a[1][2]) {len(chained)} times; allowed is {_MOST_INDEXES}.",
            place=place_at(path, text, chained[_MOST_INDEXES].start) if path else None,
            hint="Name parts of it in a WITH.",
        )


def _fold(token: Token) -> str:
    """Keywords in lower case; names and texts as they stand: of a struct's field the case counts, and texts are quoted in many ways."""
    kind = token.token_type
    said = kind in (TokenType.VAR, TokenType.IDENTIFIER) or "STRING" in kind.name
    return repr(token.text) if said else token.text.lower()


def _line_and_column(text: str, offset: int) -> str:
    place = place_at(Path(), text, offset)
    return f"line {place.line}, column {place.column}"
