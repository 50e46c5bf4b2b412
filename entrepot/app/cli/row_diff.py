"""How rows differ, for people: expected and actual rows, one above the other, with what differs marked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from rich.text import Text

from entrepot.app.cli.cells import GAP
from entrepot.app.cli.output import console, say
from entrepot.app.model_tests.compare import Pair, Row, RowDiff

SHOWN_ROWS = 20
_LONGEST_CELL = 60
_INDENT = 4


def print_rows(diff: RowDiff, zone: str) -> None:
    """Expected and actual rows, one above the other; what differs is marked by `≠`."""
    say(f"    {diff.expected} row(s) expected, {diff.actual} came; {len(diff.pairs)} do not fit")
    shown = diff.pairs[:SHOWN_ROWS]
    rows = [cells for pair in shown for cells in _pair_rows(pair, diff.columns, zone)]
    names = ["", *diff.columns]
    widths = [max(len(name), *(len(row[place]) for row in rows)) for place, name in enumerate(names)]
    kept = _fitting(diff, widths, console.width) if console.is_terminal else range(len(names))
    _print_line([Text(name, style="bold") for name in names], widths, kept)
    for row in rows:
        _print_line(row, widths, kept)
    if len(kept) < len(names):
        say(f"    {len(names) - len(kept)} column(s) do not fit here; all of them with --json, or in a wider window")
    if len(diff.pairs) > SHOWN_ROWS:
        say(f"    … {len(diff.pairs) - SHOWN_ROWS} more; all of them with --json")


def _fitting(diff: RowDiff, widths: Sequence[int], room: int) -> list[int]:
    """Places of the columns that fit: those that differ come first, then the others, as they stand in the table."""
    differ = {name for pair in diff.pairs if pair.expected and pair.actual for name in pair.columns}
    order = sorted(range(1, len(widths)), key=lambda place: (diff.columns[place - 1] not in differ, place))
    left = room - _INDENT - widths[0]
    kept = [0]
    for place in order:
        left -= widths[place] + GAP
        if left >= 0 or len(kept) == 1:
            kept.append(place)
    return sorted(kept)


def _print_line(cells: Sequence[Text], widths: Sequence[int], kept: Sequence[int]) -> None:
    line = Text(" " * _INDENT)
    for place in kept:
        line.append_text(cells[place])
        line.append(" " * (widths[place] - len(cells[place]) + GAP))
    line.rstrip()
    console.print(line, soft_wrap=True)


def _pair_rows(pair: Pair, columns: Sequence[str], zone: str) -> list[list[Text]]:
    found = []
    if pair.expected is not None:
        word = "expected" if pair.actual is not None else "missing"
        found.append(_cells(word, pair.expected, pair, columns, zone, "red"))
    if pair.actual is not None:
        word = "came" if pair.expected is not None else "not expected"
        found.append(_cells(word, pair.actual, pair, columns, zone, "green"))
    return found


def _cells(word: str, row: Row, pair: Pair, columns: Sequence[str], zone: str, style: str) -> list[Text]:
    whole = pair.expected is None or pair.actual is None
    cells = [Text(word, style=style)]
    for name in columns:
        differs = name in pair.columns and not whole
        text = shorten(cell_text(row[name], zone), _LONGEST_CELL)
        cells.append(
            Text(f"{text} ≠" if differs else text, style=f"bold {style}" if differs else style if whole else "")
        )
    return cells


def cell_text(value: Any, zone: str) -> str:
    """A value as one would write it in the test: null is `null`, an empty text `''`, an instant stands in the project's zone."""
    match value:
        case None:
            return "null"
        case "":
            return "''"
        case bool():
            return "true" if value else "false"
        case Decimal():
            return f"{value:f}"
        case datetime(tzinfo=None):
            return value.isoformat(sep=" ")
        case datetime():
            return value.astimezone(ZoneInfo(zone)).isoformat(sep=" ")
    return str(value)


def shorten(text: str, most: int) -> str:
    """A text that is too long for a line, cut."""
    return text if len(text) <= most else text[: most - 1] + "…"
