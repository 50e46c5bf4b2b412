"""Blank cells that stand for the value above them: merged cells, and columns whose value is written once for many rows."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from entrepot.adapters.files.excel.cells import Grid
from entrepot.adapters.files.excel.header import HeadColumn, known
from entrepot.kernel.errors import DataError


def fill_merged(grid: Grid, place: str, columns: dict[int, pa.Array], last_header_row: int) -> None:
    """Give every cell of a merged area the value, and the fault, of its first one. Raises: DataError."""
    areas = [
        area
        for area in known(grid.marks.merged, place, "which cells are merged", "fill_merged")
        if area.last_row > last_header_row
        and any(area.first_column <= column <= area.last_column for column in columns)
    ]
    values: dict[int, dict[int, str | None]] = {}
    for area in areas:
        value = _value(grid, columns, *area.top_left)
        fault = grid.fault(*area.top_left)
        for column in columns:
            if area.first_column <= column <= area.last_column:
                for row in range(max(area.first_row, last_header_row + 1), min(area.last_row, grid.rows) + 1):
                    values.setdefault(column, {})[row] = value
                    if fault is not None:
                        grid.faults.setdefault(row, {}).setdefault(column, fault)
    for column, own in values.items():
        texts = columns[column].to_pylist()
        for row, value in own.items():
            texts[row - 1] = value
        columns[column] = pa.array(texts, pa.string())


def _value(grid: Grid, columns: dict[int, pa.Array], row: int, column: int) -> str | None:
    texts = columns.get(column, grid.column(column))
    value: str | None = texts[row - 1].as_py() if row <= len(texts) else None
    return value


def fill_down(
    place: str, columns: dict[int, pa.Array], heads: Sequence[HeadColumn], names: Sequence[str], last_header_row: int
) -> None:
    """Give blank cells of these columns the value above. Raises: DataError when there is no such column."""
    known_names = {head.name.casefold(): head.number for head in heads}
    for name in names:
        number = known_names.get(name.casefold())
        if number is None:
            raise DataError(f"{place} has no column {name!r}, which the option excel.fill_down names.")
        texts = columns[number]
        blank = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(texts), ""), True)
        below = pc.if_else(blank, pa.scalar(None, pa.string()), texts).slice(last_header_row)
        columns[number] = pa.concat_arrays([texts.slice(0, last_header_row), pc.fill_null_forward(below)])
