"""Names and texts as they stand in SQL."""

from __future__ import annotations

from collections.abc import Iterable


def ident(name: str) -> str:
    """A name in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str | None) -> str:
    """A text in single quotes, or NULL."""
    return "NULL" if text is None else "'" + text.replace("'", "''") + "'"


def idents(names: Iterable[str]) -> str:
    """Names in double quotes, between commas."""
    return ", ".join(ident(name) for name in names)
