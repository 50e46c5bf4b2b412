"""What a macro is, and the arguments of one call of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from entrepot.kernel.errors import ProjectError
from entrepot.sql.macros.values import Script, Value


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a macro. The form is an example of how it is written: `[order_id]`."""

    name: str
    form: str
    meaning: str
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows in, a call, rows out: shown to people and run by a test. Values are SQL."""

    tables: Mapping[str, tuple[str, tuple[str, ...]]]
    """Dataset → its columns, and its rows, as SQL."""
    call: str
    columns: str
    rows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Macro:
    """A function in FROM: its first argument is a table, the others have names."""

    name: str
    summary: str
    table: str
    """What its first argument is."""
    arguments: tuple[Argument, ...]
    render: Callable[[Call], str]
    """The SELECT that a call stands for, on one line and without parentheses around it."""
    samples: tuple[Sample, ...]
    notes: tuple[str, ...] = ()
    keeps_columns: bool = False
    """True when its rows have all columns of its table, the system columns too."""

    @property
    def signature(self) -> str:
        """How it is called, with everything that it understands."""
        named = (f"{one.name} := {one.form}" for one in self.arguments)
        return f"{self.name}({', '.join(('TABLE', *named))})"


@dataclass(frozen=True, slots=True)
class Table:
    """The first argument: SQL that can stand in FROM, and its name where it is a dataset."""

    sql: str
    dataset: str | None
    has_record_ids: bool | None
    """True for bronze, whose tables always have them; False for SQL of the author; None when the model's kind decides it."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call in a model's text."""

    macro: Macro
    script: Script
    start: int
    """The character at which it begins."""
    table: Table
    given: Mapping[str, Value]
    tables: Mapping[str, Table]
    """Arguments that are tables themselves, such as rates."""

    def find(self, name: str) -> Value | None:
        """An argument; None when it was not given."""
        return self.given.get(name)

    def columns(self, name: str) -> tuple[str, ...]:
        """The columns that an argument lists; none when it was not given."""
        value = self.given.get(name)
        return value.columns() if value is not None else ()

    def named(self, name: str) -> tuple[tuple[str, str], ...]:
        """The names and expressions that an argument lists; none when it was not given."""
        value = self.given.get(name)
        return value.named() if value is not None else ()

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        """A text that is one of a few; the first when it was not given."""
        value = self.given.get(name)
        if value is None:
            return allowed[0]
        text = value.text()
        if text not in allowed:
            raise value.error(f"is {text!r}; allowed are {' and '.join(map(repr, allowed))}", near(text, allowed))
        return text

    def fields(self, name: str, needed: tuple[str, ...], free: tuple[str, ...] = ()) -> dict[str, Value]:
        """The fields of an argument in braces, or none when it was not given. Raises: for an unknown or a missing field."""
        value = self.given.get(name)
        return check_fields(value, needed, free) if value is not None else {}

    def refuse_twice(self, names: Iterable[str]) -> None:
        """Refuse two columns of one name among those that the call makes."""
        seen: set[str] = set()
        for name in names:
            plain = name.strip('"').lower()
            if plain in seen:
                raise self.error(f"would give two columns {name}", "Give one of them another name.")
            seen.add(plain)

    def error(self, message: str, hint: str | None = None) -> ProjectError:
        """An error about the call as a whole."""
        return self.script.error(f"{self.macro.name}(…) {message}.", self.start, hint)


def check_fields(value: Value, needed: tuple[str, ...], free: tuple[str, ...] = ()) -> dict[str, Value]:
    """The fields of a value in braces. Raises: ProjectError for one that is unknown or missing."""
    found = value.fields()
    known = (*needed, *free)
    for field, inner in found.items():
        if field not in known:
            raise inner.error(f"has a field {field}; known are {', '.join(known)}", near(field, known))
    for field in needed:
        if field not in found:
            raise value.error(f"lacks the field {field}", f"Write {{{', '.join(f'{name}: …' for name in needed)}}}.")
    return found


def near(word: str, names: Iterable[str]) -> str | None:
    """The hint that names what may have been meant."""
    found = get_close_matches(word, list(names), n=1)
    return f"Did you mean {found[0]}?" if found else None
