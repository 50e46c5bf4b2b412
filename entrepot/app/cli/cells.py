"""Tables whose figures always stand whole: where a terminal is too narrow, names fold between their words."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from entrepot.app.cli.output import console

GAP = 2
"""Spaces between two columns."""


def print_cells(
    names: Sequence[str], rows: Sequence[Sequence[Text]], *, right: Sequence[str], folding: Sequence[str] = ()
) -> None:
    """A table that always shows its figures whole: where it is too wide, the columns in `folding` fold, the first of them last."""
    columns = [[row[place] for row in rows] for place in range(len(names))]
    heads = {name: measure([Text(name)], whole=False) for name in names}
    widths = {name: max(heads[name], measure(cells, whole=True)) for name, cells in zip(names, columns, strict=True)}
    for name in reversed(folding):
        too_much = sum(widths.values()) + GAP * (len(names) - 1) - console.width
        if too_much > 0:
            least = max(heads[name], measure(columns[list(names).index(name)], whole=False))
            widths[name] = max(least, widths[name] - too_much)
    table = Table(header_style="bold", box=None, pad_edge=False, padding=(0, GAP, 0, 0))
    for name in names:
        table.add_column(name, justify="right" if name in right else "left", width=widths[name], overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def measure(cells: Sequence[Text], *, whole: bool) -> int:
    """Of the longest cell, or of its longest word."""
    return max((len(part) for cell in cells for part in ([cell.plain] if whole else cell.plain.split())), default=0)
