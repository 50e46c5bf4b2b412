"""What commands print: tables and progress for people, plain lines when piped, JSON for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table

from entrepot.kernel.errors import EntrepotError

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    json.dump(value, sys.stdout, indent=2, default=_plain)
    sys.stdout.write("\n")


def print_table(
    title: str | None, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Iterable[str] = ()
) -> None:
    """A table; numbers in the columns named by `right` stand at the right. Tab-separated lines when piped."""
    rows = list(rows)
    if not console.is_terminal:
        if title:
            print(f"# {title}")
        print("\t".join(columns))
        for row in rows:
            print("\t".join(_plain_text(value) for value in row))
        return
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=None, pad_edge=False)
    numbers = set(right)
    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(show(value) for value in row))
    console.print(table)


def _plain_text(value: Any) -> str:
    """A value for programs: decimals with all their digits, never `0E-9`."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    return "" if value is None else str(value)


def show(value: Any) -> str:
    """A value as people read it: thousands separated, nothing for null."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Decimal):
        return f"{value:,f}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1 else f"{value:,.2f}"
    return str(value)


def say(text: str = "") -> None:
    """A line for people, markup allowed."""
    console.print(text, soft_wrap=True)


def print_error(error: EntrepotError, *, as_json: bool) -> None:
    """The one shape of errors, on standard error (JSON: on standard output)."""
    if as_json:
        print_json({"error": {"code": error.code, "message": error.message, "hint": error.hint}})
        return
    errors.print("[red]error[/] ", end="")
    errors.print(error.message, markup=False, soft_wrap=True)
    if error.hint:
        errors.print(f"      {error.hint}", markup=False, soft_wrap=True)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return str(value)
