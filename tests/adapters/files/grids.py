"""Sheets as tests look into them: loaded in this process, with their marks."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import fastexcel

from entrepot.adapters.files.excel.books import open_book
from entrepot.adapters.files.excel.cells import Grid
from entrepot.adapters.files.excel.kinds import find_kind
from entrepot.adapters.files.excel.marks import SheetMarks
from entrepot.adapters.files.excel.spec import read_excel_options
from entrepot.adapters.files.excel.table import read_table
from entrepot.adapters.files.excel.xlsx_marks import read_marks
from entrepot.adapters.files.source import SPEC
from entrepot.intake.sources.options import read_options

MEMORY = 2 << 30
CELLS = 20_000_000


def load_grid(path: Path, sheet: str) -> Grid:
    """One sheet of a workbook of any kind."""
    book = open_book(path, find_kind(path, path.name), MEMORY, CELLS)

    def marks() -> SheetMarks:
        if book.kind == "xlsx":
            member = next(entry.member for entry in book.sheets or () if entry.name == sheet)
            with zipfile.ZipFile(path) as archive:
                return read_marks(archive, member, CELLS)
        return (book.marks or {}).get(sheet, SheetMarks())

    workbook = fastexcel.read_excel(path.read_bytes())
    try:
        return Grid(workbook, sheet, may_have_durations=book.may_have_durations, marks=marks)
    finally:
        if book.archive is not None:
            book.archive.close()


def read_here(path: Path, sheet: str, numeric: Iterable[str] = (), **options: Any) -> list[dict[str, Any]]:
    """A sheet's records by the layout of a source's file, read in this process: quick, for tests that read many."""
    checked = read_options(SPEC, {"path": "inbox", "excel": options})["excel"]
    layout = read_excel_options(checked).layout
    table = read_table(load_grid(path, sheet), f"{path.name}#{sheet}", layout, frozenset(numeric))
    return [row for batch in table.batches() for row in batch.to_pylist()]


def sheets_of(path: Path) -> list[str]:
    """The names of a workbook's sheets."""
    return list(fastexcel.read_excel(path.read_bytes()).sheet_names)
