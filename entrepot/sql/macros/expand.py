"""Write macro calls out: text in, the same text with plain SQL in the place of each call.

A call becomes a subquery on one line, followed by the line breaks that stood in the call: all that comes after it keeps its line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlglot
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token, TokenType

from entrepot.kernel.names import LAYERS
from entrepot.sql.macros.catalogue import MACROS, TABLE_ARGUMENTS
from entrepot.sql.macros.macro import Call, Macro, Table, near
from entrepot.sql.macros.values import Script, Value, is_name
from entrepot.sql.query import DIALECT
from entrepot.sql.tables import TABLE_FUNCTIONS

_BEFORE_TABLES = (TokenType.FROM, TokenType.JOIN, TokenType.COMMA, TokenType.L_PAREN, TokenType.COLON_EQ)
_NO_ALIAS = frozenset(
    """
    anti asof cross except full group having inner intersect join left limit natural offset on order positional qualify right
    semi union using where window tablesample pivot unpivot
    """.split()  # noqa: SIM905
)
"""Words after a table that are not its alias."""


@dataclass(frozen=True, slots=True)
class _Found:
    """Where a call stands among the tokens: its name, its brackets, the name's form."""

    macro: Macro
    name: int
    opening: int
    closing: int


def expand_macros(text: str, path: Path | None = None) -> str:
    """A model's text with every macro call written out; the text itself when there is none.

    Raises: ProjectError with line, column and argument for a call that is unknown or wrongly made.
    """
    script = _read(text, path)
    if script is None:
        return text
    return _splice(script, [(found, _render(script, found)) for found in _scan(script, 0, len(script.tokens))])


def find_calls(text: str, path: Path | None = None) -> tuple[Call, ...]:
    """The macro calls of a text, those within others included. Raises: as `expand_macros`."""
    script = _read(text, path)
    found: list[Call] = []
    if script is not None:
        for one in _scan(script, 0, len(script.tokens)):
            _make_call(script, one, found)
    return tuple(found)


def _read(text: str, path: Path | None) -> Script | None:
    try:
        return Script(text, path, tuple(sqlglot.tokenize(text, dialect=DIALECT)))
    except TokenError:
        return None  # the parser says it, with the place


def _splice(script: Script, rendered: list[tuple[_Found, str]]) -> str:
    text = script.text
    for found, sql in reversed(rendered):
        start, end = script.tokens[found.name].start, script.tokens[found.closing].end + 1
        alias = "" if _has_alias(script, found.closing + 1) else f" AS {found.macro.name}"
        breaks = "\n" * script.text.count("\n", start, end)
        text = f"{text[:start]}{sql}{alias}{breaks}{text[end:]}"
    return text


def _scan(script: Script, first: int, end: int) -> Iterator[_Found]:
    """The outermost calls among some tokens, in their order."""
    index = first
    while index < end - 1:
        found = _find_at(script, index)
        if found is None:
            index += 1
        else:
            yield found
            index = found.closing + 1


def _find_at(script: Script, index: int) -> _Found | None:
    tokens = script.tokens
    token, before = tokens[index], tokens[index - 1].token_type if index else None
    if (
        tokens[index + 1].token_type is not TokenType.L_PAREN
        or token.token_type is TokenType.IDENTIFIER
        or not is_name(token)
    ):
        return None
    closing = script.closing(index + 1)
    if closing is None or before is TokenType.DOT:
        return None
    name = token.text.lower()
    macro = MACROS.get(name)
    if macro is None:
        _refuse_unknown(script, index, closing)
        return None
    if not _has_named(script, index + 2, closing) and before not in (TokenType.FROM, TokenType.JOIN):
        return None  # a common table expression with its columns, or a function of that name
    if before not in _BEFORE_TABLES:
        raise script.error(f"{name}(…) is a table; it stands in FROM or JOIN.", token.start)
    return _Found(macro, index, index + 1, closing)


def _refuse_unknown(script: Script, index: int, closing: int) -> None:
    """Refuse what was meant as a macro and is none; other functions in FROM are not our business."""
    token = script.tokens[index]
    before = script.tokens[index - 1].token_type if index else None
    name = token.text.lower()
    if before not in _BEFORE_TABLES or name in TABLE_FUNCTIONS:
        return
    names = tuple(sorted(MACROS))
    meant = near(name, names) if _has_named(script, index + 2, closing) else None
    reads = before in (TokenType.FROM, TokenType.JOIN) and _names_dataset(script, index + 2)
    if meant is None and not reads:
        return
    raise script.error(
        f"there is no macro {name}; there are {', '.join(names)}.",
        token.start,
        meant or "What each does: entrepot macros list",
    )


def _names_dataset(script: Script, first: int) -> bool:
    tokens = script.tokens[first : first + 2]
    return [token.text.lower() in LAYERS for token in tokens[:1]] == [True] and tokens[-1].token_type is TokenType.DOT


def _has_named(script: Script, first: int, end: int) -> bool:
    """True when some argument is written `name := …`."""
    return any(
        stop - start > 1 and script.tokens[start + 1].token_type is TokenType.COLON_EQ
        for start, stop in script.parts(first, end)
    )


def _render(script: Script, found: _Found) -> str:
    call = _make_call(script, found, [])
    return f"({call.macro.render(call)})"


def _make_call(script: Script, found: _Found, calls: list[Call]) -> Call:
    """Read a call's arguments, those of calls within it first."""
    macro, start = found.macro, script.tokens[found.name].start
    parts = list(script.parts(found.opening + 1, found.closing))
    if any(first == end for first, end in parts):
        raise script.error(f"{macro.name}(…) has a comma too many.", start)
    if not parts or _argument_name(script, *parts[0]) is not None:
        raise script.error(f"{macro.name}(…) lacks its table, which comes first.", start, f"Write {macro.signature}.")
    table = _read_table(Value(script, *parts[0], f"{macro.name}(…)"), calls)
    given: dict[str, Value] = {}
    for first, end in parts[1:]:
        name = _argument_name(script, first, end)
        if name is None:
            raise Value(script, first, end, f"{macro.name}(…)").error(
                "has a second argument without a name", "Write name := value."
            )
        _check_argument(script, macro, name, first, given)
        given[name] = Value(script, first + 2, end, f"{macro.name}({name} := …)")
    tables = {name: _read_table(given[name], calls) for name in TABLE_ARGUMENTS if name in given}
    call = Call(macro, script, start, table, given, tables)
    for argument in macro.arguments:
        if argument.needed and argument.name not in given:
            raise call.error(f"lacks {argument.name}, {argument.meaning}", f"Write {argument.name} := {argument.form}.")
    calls.append(call)
    return call


def _argument_name(script: Script, first: int, end: int) -> str | None:
    named = end - first > 1 and script.tokens[first + 1].token_type is TokenType.COLON_EQ
    return script.tokens[first].text.lower() if named else None


def _check_argument(script: Script, macro: Macro, name: str, index: int, given: dict[str, Value]) -> None:
    token, known = script.tokens[index], [argument.name for argument in macro.arguments]
    if name not in known:
        raise script.error(
            f"{macro.name}(…) has no argument {name}; it has {', '.join(known)}.", token.start, near(name, known)
        )
    if name in given:
        raise script.error(f"{macro.name}(…) is given {name} twice.", token.start)
    if script.tokens[index + 2].token_type in (TokenType.COMMA, TokenType.R_PAREN):
        raise script.error(f"{macro.name}({name} := …) has no value.", token.start)


def _read_table(value: Value, calls: list[Call]) -> Table:
    """A dataset, a common table expression, a SELECT in parentheses or another macro's call."""
    tokens = value.tokens
    if tokens[0].token_type is TokenType.L_PAREN and value.script.closing(value.first) == value.end - 1:
        return Table(_expand_within(value, calls), None, has_record_ids=False)
    names, dots = tokens[::2], tokens[1::2]
    if all(map(is_name, names)) and all(dot.token_type is TokenType.DOT for dot in dots) and len(tokens) in (1, 3):
        name = value.sql()
        if len(tokens) == 1:
            return Table(name, None, has_record_ids=False)
        layer = names[0].text.lower()
        return Table(name, name.lower(), has_record_ids=True if layer == "bronze" else None)
    inner = _find_at(value.script, value.first)
    if inner is not None and inner.closing == value.end - 1:
        call = _make_call(value.script, inner, calls)
        keeps = call.table.has_record_ids if call.macro.keeps_columns else False
        return Table(f"({call.macro.render(call)})", None, has_record_ids=keeps)
    raise value.error(
        f"is given {value.sql()!r} as a table",
        "A table is layer.name, a name from WITH, a SELECT in parentheses, or another macro.",
    )


def _expand_within(value: Value, calls: list[Call]) -> str:
    """A SELECT in parentheses on one line, with the calls in it written out."""
    pieces, index = [], value.first
    for found in _scan(value.script, value.first, value.end):
        call = _make_call(value.script, found, calls)
        alias = "" if _has_alias(value.script, found.closing + 1) else f" AS {found.macro.name}"
        pieces += [Value(value.script, index, found.name, value.of).sql(), f"({call.macro.render(call)}){alias}"]
        index = found.closing + 1
    return " ".join([*pieces, Value(value.script, index, value.end, value.of).sql()])


def _has_alias(script: Script, index: int) -> bool:
    """True when the token after a call gives it a name."""
    if index >= len(script.tokens):
        return False
    token: Token = script.tokens[index]
    return token.token_type is TokenType.ALIAS or (is_name(token) and token.text.lower() not in _NO_ALIAS)
