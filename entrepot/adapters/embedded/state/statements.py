"""Statements that are too long to stand in code: the `.sql` files of this room."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def load_statement(name: str) -> str:
    """Read `queries/<name>.sql`."""
    return (files(__package__) / "queries" / f"{name}.sql").read_text(encoding="utf-8")
