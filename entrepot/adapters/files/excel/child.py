"""Reads sheets of a workbook, in a process of its own: a hostile or huge workbook kills this process and no other.

Started by `excel.py` with a request as JSON in its only argument. Writes the rows as an Arrow stream to the file descriptor
that the request names, and one JSON object to standard output: what was found, or what is wrong.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import zipfile
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, BinaryIO
from xml.parsers import expat

import fastexcel
import pyarrow as pa
import pyarrow.compute as pc

from entrepot.adapters.files.csv.header import check_names
from entrepot.adapters.files.excel.marks import (
    CellFault,
    SheetEntry,
    SheetMarks,
    TooManyCells,
    column_letters,
    list_sheets,
    read_marks,
)
from entrepot.adapters.files.numbers import NumberStyle, normalize_numbers
from entrepot.kernel.errors import DataError
from entrepot.ports.relations import FAULT_TYPE, FAULTS, RECORD

_BATCH_ROWS = 16_384
_NUMBER = r"^-?\d+(\.\d+)?$"


def main() -> None:
    """Answer one request."""
    request = json.loads(sys.argv[1])
    limit = request["memory_limit_bytes"]
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    try:
        answer = _read(request)
    except DataError as error:
        answer = {"error": error.message, "hint": error.hint}
    except TooManyCells:
        answer = {"limit": "cells"}
    except MemoryError:
        answer = {"limit": "memory"}
    except (zipfile.BadZipFile, KeyError, expat.ExpatError, fastexcel.FastExcelError) as error:
        answer = {"damaged": str(error).splitlines()[0]}
    sys.stdout.write(json.dumps(answer))


def _read(request: dict[str, Any]) -> dict[str, Any]:
    path = Path(request["path"])
    workbook = fastexcel.read_excel(path)
    sheets = list_sheets(path)
    chosen = _choose_sheets(sheets, request["sheets"], request["place"])
    with os.fdopen(request["output"], "wb") as output:
        found = [_read_sheet(workbook, entry, output, request) for entry in chosen]
    return {
        "found": found,
        "sheets": [other.name for other in sheets],
        "hidden_sheets": [other.name for other in sheets if not other.is_visible],
    }


def _read_sheet(
    workbook: fastexcel.ExcelReader, entry: SheetEntry, output: BinaryIO, request: dict[str, Any]
) -> dict[str, Any]:
    """Write one sheet's rows, and say where they stand."""
    style = NumberStyle(request["decimal"], request["thousands"])
    marks = read_marks(Path(request["path"]), entry.member, request["max_cells"], wants_text=not style.is_plain)
    table, offset = _load_cells(workbook, entry.name)
    rows = _Rows(f"{request['place']}#{entry.name}", entry.name, table, offset, marks, request["header_row"])
    if not style.is_plain:
        rows.normalize(style, frozenset(request["numeric_columns"]))
    begin = output.tell()
    with pa.ipc.new_stream(output, rows.schema) as writer:
        for batch in rows.batches():
            writer.write_batch(batch)
    return {
        "sheet": entry.name,
        "begin": begin,
        "end": output.tell(),
        "columns": rows.names,
        "header_row": rows.header_row,
        "merged_cells": marks.merged,
        "hidden_rows": marks.hidden_rows,
        "faulty_cells": len(marks.faults),
    }


def _choose_sheets(sheets: list[SheetEntry], wanted: list[str], place: str) -> list[SheetEntry]:
    """The sheets of these names, and those that people see of these patterns; else the first that people see."""
    tables = [sheet for sheet in sheets if sheet.has_cells]
    if not tables:
        raise DataError(f"{place} has no sheet with cells.")
    if not wanted:
        return [next((sheet for sheet in tables if sheet.is_visible), tables[0])]
    chosen: list[SheetEntry] = []
    for name in wanted:
        exact = [sheet for sheet in tables if sheet.name == name]
        matching = exact or [sheet for sheet in tables if sheet.is_visible and fnmatchcase(sheet.name, name)]
        if not matching:
            shown = ", ".join(repr(sheet.name) for sheet in tables)
            raise DataError(f"{place} has no sheet {name!r}; it has {shown}.", hint="Correct the option excel.sheet.")
        chosen += matching
    return [sheet for sheet in tables if sheet in chosen]


def _load_cells(workbook: fastexcel.ExcelReader, sheet: str) -> tuple[pa.RecordBatch, list[int]]:
    """All cells as text, from the sheet's first row on, and the sheet's column (from 0) of each column."""
    # skip_rows=0 keeps empty rows at the top, so that a row's number is its place.
    loaded = workbook.load_sheet(sheet, header_row=None, skip_rows=0, dtypes="string")
    texts = loaded.to_arrow()
    numbers = workbook.load_sheet(sheet, header_row=None, skip_rows=0, dtypes="float").to_arrow()
    columns = [_restore_numbers(text, number) for text, number in zip(texts.columns, numbers.columns, strict=True)]
    names = [str(number) for number in range(len(columns))]
    return pa.RecordBatch.from_arrays(columns, names=names), [
        info.absolute_index for info in loaded.available_columns()
    ]


def _restore_numbers(texts: pa.Array, numbers: pa.Array) -> pa.Array:
    """Give numbers the shortest text that is exactly them: as text, fastexcel rounds them to nine decimals.

    A cell that holds text, `00001` or `1.50`, equals its number exactly and keeps its text.
    """
    is_number = pc.fill_null(pc.match_substring_regex(texts, _NUMBER), False)
    parsed = pc.cast(pc.if_else(is_number, texts, pa.scalar(None, pa.string())), pa.float64())
    lost = pc.fill_null(pc.not_equal(parsed, numbers), False)
    if not pc.any(lost).as_py():
        return texts
    exact = [
        _number_text(value) if differs else None
        for value, differs in zip(numbers.to_pylist(), lost.to_pylist(), strict=True)
    ]
    return pc.coalesce(pa.array(exact, pa.string()), texts)


def _number_text(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


class _Rows:
    """The records below the header: text columns, the sheet's row number, faults."""

    def __init__(
        self,
        place: str,
        sheet: str,
        cells: pa.RecordBatch,
        offset: list[int],
        marks: SheetMarks,
        header_row: int | None,
    ) -> None:
        self._sheet = sheet
        self._cells = cells
        self.header_row = self._find_header(place, header_row)
        self._used = [number for number in range(cells.num_columns) if self._is_used(number)]
        names = [(self._cell(number, self.header_row) or "").strip() for number in self._used]
        letters = [column_letters(offset[number]) for number in self._used]
        _check_blank(names, letters, place, self.header_row)
        check_names(names, f"the header in {place} row {self.header_row}", None)
        self.names = names
        self._columns = [offset[number] for number in self._used]
        self._texts = marks.text_cells
        self._faults = _by_row(marks.faults, dict(zip(self._columns, names, strict=True)), sheet)
        self._values = [cells.column(number) for number in self._used]

    @property
    def schema(self) -> pa.Schema:
        columns = [pa.field(name, pa.string()) for name in self.names]
        return pa.schema([*columns, pa.field(RECORD, pa.int64()), pa.field(FAULTS, FAULT_TYPE)])

    def normalize(self, style: NumberStyle, numeric: frozenset[str]) -> None:
        """Rewrite numbers that are written as text, in columns that should hold numbers; true numbers need nothing."""
        for place, (name, column) in enumerate(zip(self.names, self._columns, strict=True)):
            if name.lower() in numeric:
                self._values[place] = self._normalize(name, column, self._values[place], style)

    def _normalize(self, name: str, column: int, values: pa.Array, style: NumberStyle) -> pa.Array:
        is_text = pa.array([(row, column) in self._texts for row in range(1, len(values) + 1)], pa.bool_())
        texts, doubtful = normalize_numbers(pc.if_else(is_text, values, pa.scalar(None, pa.string())), style)
        for row in (place + 1 for place in doubtful if place >= self.header_row):
            at = f"{self._sheet}!{column_letters(column)}{row}"
            entry = {"column": name, "at": at, "reason": "number_format", "text": texts[row - 1].as_py()}
            self._faults.setdefault(row, []).append(entry)
        return pc.coalesce(texts, values)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Records in order; rows without any value are none."""
        cells = pa.RecordBatch.from_arrays(self._values, names=self.names)
        for begin in range(self.header_row, cells.num_rows, _BATCH_ROWS):
            batch = self._complete(cells.slice(begin, _BATCH_ROWS), begin + 1)
            if batch.num_rows:
                yield batch

    def _complete(self, cells: pa.RecordBatch, first: int) -> pa.RecordBatch:
        faults = [self._faults.get(row) for row in range(first, first + cells.num_rows)]
        numbers = pa.array(range(first, first + cells.num_rows), pa.int64())
        full = pa.RecordBatch.from_arrays([*cells.columns, numbers, pa.array(faults, FAULT_TYPE)], schema=self.schema)
        filled = pc.is_valid(full.column(FAULTS))
        for column in cells.columns:
            filled = pc.or_(filled, pc.is_valid(column))
        return full.filter(filled)

    def _find_header(self, place: str, stated: int | None) -> int:
        rows = self._cells.num_rows
        if stated is not None:
            if stated > rows or all(self._cell(number, stated) is None for number in range(self._cells.num_columns)):
                raise DataError(
                    f"{place} row {stated} is empty; the option excel.header_row says that it is the header."
                )
            return stated
        for row in range(1, rows + 1):
            if any(self._cell(number, row) is not None for number in range(self._cells.num_columns)):
                return row
        raise DataError(
            f"{place} is empty: it has not even a header.",
            hint="Is it another sheet? Say it with the option excel.sheet.",
        )

    def _cell(self, column: int, row: int) -> str | None:
        value: str | None = self._cells.column(column)[row - 1].as_py()
        return value

    def _is_used(self, column: int) -> bool:
        """True when the column has a name or a value below the header."""
        below = self._cells.column(column).slice(self.header_row)
        return bool((self._cell(column, self.header_row) or "").strip()) or below.null_count < len(below)


def _check_blank(names: list[str], letters: list[str], place: str, row: int) -> None:
    blank = [f"{letter}{row}" for letter, name in zip(letters, names, strict=True) if not name]
    if blank:
        raise DataError(
            f"the header of {place} has no name in {', '.join(blank)}, but there are values below.",
            hint="Name the column, or say where the header is with the option excel.header_row.",
        )


def _by_row(faults: list[CellFault], names: dict[int, str], sheet: str) -> dict[int, list[dict[str, str]]]:
    """Faults of named columns, by row; others stand where no record's value is."""
    rows: dict[int, list[dict[str, str]]] = {}
    for fault in faults:
        if fault.column in names:
            at = f"{sheet}!{fault.reference}"
            entry = {"column": names[fault.column], "at": at, "reason": fault.reason, "text": fault.text}
            rows.setdefault(fault.row, []).append(entry)
    return rows


if __name__ == "__main__":
    main()
