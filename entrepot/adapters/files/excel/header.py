"""The header of a table: in which rows it stands, what its columns are called, and what stands above it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from entrepot.adapters.files.excel.cells import Grid
from entrepot.adapters.files.excel.options import Constant, Layout
from entrepot.adapters.files.excel.places import (
    cell_name,
    column_number,
    is_like,
    parse_cell,
    parse_columns,
    pattern_regex,
)
from entrepot.kernel.errors import DataError


@dataclass(frozen=True, slots=True)
class HeadColumn:
    """A column of the sheet: its name (empty: none), and its text in each header row."""

    number: int
    name: str
    levels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Header:
    """The table's header, `first_row` to `last_row`; without one, `last_row` stands before `first_row`."""

    first_row: int
    last_row: int
    columns: tuple[HeadColumn, ...]

    @property
    def rows(self) -> range:
        """The numbers of its rows."""
        return range(self.first_row, self.last_row + 1)


def read_header(grid: Grid, place: str, layout: Layout) -> Header:
    """Find the header where the layout says. Raises: DataError when it is not there, or is not clear."""
    columns = _choose_columns(grid, place, layout)
    first = _find_first(grid, place, layout, columns)
    rows = range(first, first + layout.header_rows)
    _refuse_faults(grid, place, rows, columns)
    levels = [_level_texts(grid, place, layout, row, columns, is_last=row == rows[-1]) for row in rows]
    own = {column_number(letters): name for letters, name in (layout.names or {}).items()}
    heads = []
    for place_, column in enumerate(columns):
        texts = tuple(level[place_] for level in levels)
        name = _stated_name(grid, place, own[column]) if column in own else _join(texts, layout.header_join)
        heads.append(HeadColumn(column, name, texts))
    if layout.header_rows == 0:
        heads = [head for head in heads if head.number in own]
    return Header(first, first + layout.header_rows - 1, tuple(heads))


def check_expected(grid: Grid, place: str, layout: Layout) -> None:
    """Raises: DataError when a cell does not hold what the layout says that it holds."""
    for cell, pattern in (layout.expect or {}).items():
        found = _text_at(grid, cell)
        if not is_like(found or "", pattern):
            raise DataError(
                f"{place}!{cell} {_shown(found)}; expected is {pattern!r}, as the option excel.expect says.",
                hint="Is it another kind of workbook, or has its layout changed?",
            )


def read_constants(grid: Grid, place: str, layout: Layout) -> dict[str, str]:
    """The columns that have one value for the whole sheet. Raises: DataError when a cell is blank or not as expected."""
    return {constant.name: _constant(grid, place, constant) for constant in layout.add}


def _constant(grid: Grid, place: str, constant: Constant) -> str:
    text = grid.sheet if constant.cell == "sheet" else _text_at(grid, constant.cell)
    where = f"the name of {place}" if constant.cell == "sheet" else f"{place}!{constant.cell}"
    position = parse_cell(constant.cell)
    fault = grid.fault(*position) if position else None
    if not text or fault:
        found = f"holds {fault[1]}" if fault else "is blank"
        raise DataError(f"{where} {found}; the option excel.add takes {constant.name} from there.")
    if constant.like is None:
        return text
    match = re.match(pattern_regex(constant.like), text)
    if match is None or not match[1].strip():
        raise DataError(
            f"{where} {_shown(text)}; expected is {constant.like!r}, as the option excel.add says of {constant.name}."
        )
    return match[1].strip()


def _shown(text: str | None) -> str:
    return "is blank" if not text else f"holds {text[:60]!r}"


def _text_at(grid: Grid, cell: str) -> str | None:
    position = parse_cell(cell)
    return grid.text(*position) if position else None


def _choose_columns(grid: Grid, place: str, layout: Layout) -> list[int]:
    spans = parse_columns(layout.columns) if layout.columns else None
    chosen = [
        column for column in grid.columns if spans is None or any(first <= column <= last for first, last in spans)
    ]
    if layout.leave_out_hidden:
        hidden = known(grid.marks.hidden_columns, place, "which columns are hidden", "hidden: leave_out")
        chosen = [column for column in chosen if not any(first <= column <= last for first, last in hidden)]
    named = {column_number(letters) for letters in layout.names or {}}
    chosen = sorted({*chosen, *(named if layout.header_rows == 0 else ())})
    if not chosen and layout.columns is not None and grid.rows:
        raise DataError(f"{place} has nothing in columns {layout.columns}, as the option excel.columns says.")
    return chosen


def known(value: Any, place: str, what: str, option: str) -> Any:
    """A mark, where the format tells it. Raises: DataError."""
    if value is None:
        raise DataError(
            f"{place}: {what} is not known in this format of workbook, but the option excel.{option} needs it.",
            hint="Leave the option out, or have the workbook saved as .xlsx.",
        )
    return value


def _find_first(grid: Grid, place: str, layout: Layout, columns: Sequence[int]) -> int:
    stated = layout.header_row

    def is_filled(row: int) -> bool:
        return any(grid.text(row, column) is not None or grid.fault(row, column) for column in columns)

    if stated is not None:
        if layout.header_rows and not is_filled(stated):
            within = f" in columns {layout.columns}" if layout.columns else ""
            raise DataError(
                f"{place} row {stated} is empty{within}; the option excel.header_row says that it is the header."
            )
        return stated
    for row in range(1, grid.rows + 1):
        if is_filled(row):
            return row
    raise DataError(
        f"{place} is empty: it has not even a header.",
        hint="Is it another sheet? Say it with the option excel.sheet.",
    )


def _refuse_faults(grid: Grid, place: str, rows: range, columns: Sequence[int]) -> None:
    for row in rows:
        for column in sorted(set(grid.faults.get(row, {})) & set(columns)):
            text = grid.faults[row][column][1]
            raise DataError(f"{place}!{cell_name(row, column)} holds {text} where the header should be.")


def _level_texts(
    grid: Grid, place: str, layout: Layout, row: int, columns: Sequence[int], *, is_last: bool
) -> list[str]:
    """The texts of one header row; above the last row, merged cells (or all blanks) have the text at their left."""
    own = [grid.text(row, column) or "" for column in columns]
    if is_last:
        return own
    fill = _fill_right if layout.header_fill == "right" else _fill_merged(grid, place, row, own, columns)
    return fill(own)


def _fill_right(texts: list[str]) -> list[str]:
    filled: list[str] = []
    for text in texts:
        filled.append(text or (filled[-1] if filled else ""))
    return filled


def _fill_merged(
    grid: Grid, place: str, row: int, own: list[str], columns: Sequence[int]
) -> Callable[[list[str]], list[str]]:
    first = next((number for number, text in enumerate(own) if text), len(own))
    if grid.marks.merged is None and "" in own[first:]:
        blank = cell_name(row, columns[first + own[first:].index("")])
        raise DataError(
            f"{place}!{blank} in the header is blank, and which cells are merged is not known in this format of workbook.",
            hint="If a header text goes for the blank cells at its right, say so with the option excel.header_fill: right.",
        )
    texts = {
        column: grid.text(*area.top_left) or ""
        for area in grid.marks.merged or ()
        if area.first_row == row
        for column in range(area.first_column, min(area.last_column, columns[-1]) + 1)
    }

    def fill(found: list[str]) -> list[str]:
        return [text or texts.get(column, "") for text, column in zip(found, columns, strict=True)]

    return fill


def _join(texts: Sequence[str], sign: str) -> str:
    return sign.join(" ".join(text.split()) if len(texts) > 1 else text for text in texts if text)


def _stated_name(grid: Grid, place: str, name: str) -> str:
    if not name.startswith("="):
        return name
    found = _text_at(grid, name[1:])
    if not found:
        raise DataError(f"{place}!{name[1:]} is blank; the option excel.names takes a column's name from there.")
    return found
