"""What people read about a macro: how it is called, its arguments, and an example with rows in and rows out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from entrepot.sql.macros.macro import Macro, Sample

_TYPED = re.compile(r"(?:DATE |TIMESTAMPTZ |TIMESTAMP )?'((?:[^']|'')*)'")
_HASH = re.compile(r"md5\('(.*)'\)")


def macro_text(macro: Macro) -> str:
    """Everything about a macro, as `entrepot macros show` prints it."""
    lines = [f"{macro.name} — {macro.summary}", "", f"FROM {macro.signature}", "", f"TABLE: {macro.table}", ""]
    for argument in macro.arguments:
        need = "" if argument.needed else " (may be left out)"
        lines += [f"  {argument.name} := {argument.form}{need}", f"      {argument.meaning}"]
    for sample in macro.samples:
        lines += ["", "Example:", *(f"  {line}".rstrip() for line in sample_text(sample).splitlines())]
    lines += ["", *(f"- {note}" for note in macro.notes)]
    return "\n".join(lines)


def sample_text(sample: Sample) -> str:
    """An example: the tables, the call, what comes out."""
    parts: list[str] = []
    for dataset, (columns, rows) in sample.tables.items():
        parts += [dataset, *_grid(columns, rows), ""]
    return "\n".join([*parts, f"FROM {sample.call}", *_grid(sample.columns, sample.rows)])


def _grid(columns: str, rows: Sequence[str]) -> Iterator[str]:
    cells = [columns.split(", "), *(list(map(_plain, _split(row))) for row in rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(cells[0]))]
    for row in cells:
        yield "  " + "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


def _split(row: str) -> list[str]:
    return re.split(r", (?=(?:[^']*'[^']*')*[^']*$)", row)


def _plain(value: str) -> str:
    """A value of SQL as people read it."""
    typed, hashed = _TYPED.fullmatch(value), _HASH.fullmatch(value)
    if typed is not None:
        return typed.group(1).removesuffix(":00+00")
    return f"MD5 of {hashed.group(1)}" if hashed is not None else value.replace("NULL", "null")
