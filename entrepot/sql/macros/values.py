"""What stands in a macro call: names, lists, fields in braces, and SQL; each knows where it stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlglot.tokenizer_core import Token, TokenType

from entrepot.kernel.errors import Place, ProjectError
from entrepot.sql.query import place_at

_OPENING = (TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE)
_CLOSING = (TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE)


@dataclass(frozen=True, slots=True)
class Script:
    """A model's text and its tokens."""

    text: str
    path: Path | None
    tokens: tuple[Token, ...]

    def error(self, message: str, offset: int, hint: str | None = None) -> ProjectError:
        """An error about a character of the text."""
        place = place_at(self.path or Path(), self.text, offset)
        if self.path is None:
            return ProjectError(f"{message} (line {place.line}, column {place.column})", hint=hint)
        return ProjectError(message, place=Place(self.path, place.line, place.column), hint=hint)

    def closing(self, opening: int) -> int | None:
        """The index of the bracket that closes the one at `opening`; None when there is none."""
        depth = 0
        for index in range(opening, len(self.tokens)):
            kind = self.tokens[index].token_type
            if kind in _OPENING:
                depth += 1
            elif kind in _CLOSING:
                depth -= 1
                if depth == 0:
                    return index
        return None

    def parts(self, first: int, end: int) -> Iterator[tuple[int, int]]:
        """The ranges of tokens between commas, brackets within left whole; none for an empty range."""
        depth, start = 0, first
        for index in range(first, end):
            kind = self.tokens[index].token_type
            depth += (kind in _OPENING) - (kind in _CLOSING)
            if kind is TokenType.COMMA and depth == 0:
                yield start, index
                start = index + 1
        if start < end:
            yield start, end


@dataclass(frozen=True, slots=True)
class Value:
    """A range of tokens that is an argument, or a part of one."""

    script: Script
    first: int
    end: int
    of: str
    """What it belongs to, as errors say it: `clean(required := …)`."""

    @property
    def tokens(self) -> tuple[Token, ...]:
        """Its tokens; at least one."""
        return self.script.tokens[self.first : self.end]

    def sql(self) -> str:
        """Its text on one line, without comments."""
        pieces: list[str] = []
        for before, token in zip((None, *self.tokens[:-1]), self.tokens, strict=True):
            if before is not None and before.end + 1 < token.start:
                pieces.append(" ")
            piece = self.script.text[token.start : token.end + 1]
            if "\n" in piece:
                raise self.error("holds a text over several lines", "Write it on one line.", token)
            pieces.append(piece)
        return "".join(pieces)

    def error(self, what: str, hint: str | None = None, token: Token | None = None) -> ProjectError:
        """An error that says what is wrong with this value: `clean(required := …) holds no column.`"""
        return self.script.error(f"{self.of} {what}.", (token or self.tokens[0]).start, hint)

    def column(self) -> str:
        """One column's name, as it was written."""
        if len(self.tokens) != 1 or not is_name(self.tokens[0]):
            raise self.error(f"is {self.sql()!r}; a column's name is expected", "Compute it in a WITH before.")
        return self.sql()

    def table(self) -> str:
        """A dataset, or a name from WITH."""
        names, dots = self.tokens[::2], self.tokens[1::2]
        dotted = all(map(is_name, names)) and all(dot.token_type is TokenType.DOT for dot in dots)
        if not dotted or len(self.tokens) not in (1, 3):
            raise self.error(f"is {self.sql()!r}; a dataset is expected, such as silver.products")
        return self.sql()

    def columns(self) -> tuple[str, ...]:
        """Names of columns: `[a, b]`, or one alone."""
        if self.tokens[0].token_type is not TokenType.L_BRACKET:
            return (self.column(),)
        found = tuple(part.column() for part in self._inside(TokenType.R_BRACKET, "a list, [a, b],"))
        if not found:
            raise self.error("is an empty list", "Name at least one column, or leave the argument out.")
        _refuse_twice(self, found)
        return found

    def fields(self) -> dict[str, Value]:
        """The fields of `{name: value, …}`, in their order."""
        found: dict[str, Value] = {}
        for part in self._inside(TokenType.R_BRACE, "{name: …}"):
            name = part.tokens[0]
            colon = part.tokens[1].token_type if len(part.tokens) > 2 else None
            if colon is not TokenType.COLON or not (is_name(name) or name.token_type is TokenType.STRING):
                raise part.error(f"is {part.sql()!r}; expected is a name, a colon and a value", "Write {name: value}.")
            key = name.text
            if key.lower() in map(str.lower, found):
                raise part.error(f"names {key} twice")
            found[key] = Value(self.script, part.first + 2, part.end, self.of)
        if not found:
            raise self.error("is empty", "Write {name: value}, or leave the argument out.")
        return found

    def named(self) -> tuple[tuple[str, str], ...]:
        """Names with their SQL: `{net: price * quantity}`; a list `[price]` is `{price: price}`."""
        if self.tokens[0].token_type is TokenType.L_BRACE:
            return tuple((quote(name), value.sql()) for name, value in self.fields().items())
        return tuple((name, name) for name in self.columns())

    def text(self) -> str:
        """A text in single quotes."""
        if len(self.tokens) != 1 or self.tokens[0].token_type is not TokenType.STRING:
            raise self.error(f"is {self.sql()}; a text in single quotes is expected")
        return self.tokens[0].text

    def number(self, least: int, most: int) -> int:
        """A whole number within bounds."""
        text = self.sql()
        if not text.isdigit() or not least <= int(text) <= most:
            raise self.error(f"is {text}; a whole number from {least} to {most:,} is expected")
        return int(text)

    def _inside(self, closing: TokenType, form: str) -> list[Value]:
        ends = (self.tokens[0].token_type, self.script.closing(self.first))
        opening = TokenType.L_BRACKET if closing is TokenType.R_BRACKET else TokenType.L_BRACE
        if ends != (opening, self.end - 1) or self.tokens[-1].token_type is not closing:
            raise self.error(f"is {self.sql()!r}; {form} is expected")
        parts = list(self.script.parts(self.first + 1, self.end - 1))
        if any(start == end for start, end in parts):
            raise self.error("has a comma too many")
        return [Value(self.script, start, end, self.of) for start, end in parts]


def is_name(token: Token) -> bool:
    """True for what can name a column: a word, or anything in double quotes."""
    if token.token_type in (TokenType.STRING, TokenType.NUMBER):
        return False
    return token.token_type is TokenType.IDENTIFIER or token.text[:1].isalpha() or token.text[:1] == "_"


def quote(name: str) -> str:
    """A name as SQL: bare when it is a plain word, else in double quotes."""
    if name.isidentifier() and name.isascii():
        return name
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL."""
    return "'" + text.replace("'", "''") + "'"


def _refuse_twice(value: Value, names: Sequence[str]) -> None:
    folded = [name.lower() for name in names]
    for name in names:
        if folded.count(name.lower()) > 1:
            raise value.error(f"names {name} twice")
