"""A workbook's sheets and their marks, by kind of workbook; the marks of large sheets are read beside the values."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, NoReturn

from entrepot.adapters.files.excel.kinds import WorkbookKind
from entrepot.adapters.files.excel.marks import SheetEntry, SheetMarks, marks_from_json
from entrepot.adapters.files.excel.ods import read_ods
from entrepot.adapters.files.excel.xlsx import has_durations, list_sheets, open_safely
from entrepot.adapters.files.excel.xlsx_marks import read_marks
from entrepot.kernel.errors import DataError

Answer = dict[str, Any]
Guarded = Callable[[Callable[[], Answer]], Answer]
"""Runs something and turns what is wrong with a workbook into an answer."""


class Failed(Exception):
    """The process beside could not read the marks; `answer` says why."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Book:
    """What is known of a workbook before its values are read. `sheets` None: only the reader of values knows them."""

    kind: WorkbookKind
    sheets: list[SheetEntry] | None
    may_have_durations: bool = True
    marks: dict[str, SheetMarks] | None = None
    archive: zipfile.ZipFile | None = None


def open_book(path: Path, kind: WorkbookKind, memory_limit: int, most_cells: int) -> Book:
    """Look into the workbook's structure. Raises: TooMuch, Unsafe, and what damaged archives and XML raise."""
    if kind == "xls":
        return Book(kind, None)
    archive = open_safely(path, memory_limit)
    if kind == "xlsx":
        return Book(kind, list_sheets(archive), has_durations(archive), archive=archive)
    if kind == "ods":
        found = read_ods(archive, most_cells)
        return Book(kind, [sheet for sheet, _ in found], marks={sheet.name: marks for sheet, marks in found})
    return Book(kind, None)


def choose_sheets(sheets: Sequence[SheetEntry], wanted: Sequence[str], place: str) -> list[SheetEntry]:
    """The sheets of these names, and those that people see of these patterns; else the first that people see."""
    tables = [sheet for sheet in sheets if sheet.has_cells]
    if not tables:
        raise DataError(f"{place} has no sheet with cells.")
    if not wanted:
        shown = next((sheet for sheet in tables if sheet.is_visible), None)
        if shown is None:
            names = ", ".join(repr(sheet.name) for sheet in tables)
            raise DataError(
                f"{place} shows no sheet; hidden are {names}.", hint="Name the one to take with the option excel.sheet."
            )
        return [shown]
    chosen: list[SheetEntry] = []
    for name in wanted:
        exact = [sheet for sheet in tables if sheet.name == name]
        matching = exact or [sheet for sheet in tables if sheet.is_visible and fnmatchcase(sheet.name, name)]
        if not matching:
            shown_names = ", ".join(repr(sheet.name) + ("" if sheet.is_visible else " (hidden)") for sheet in tables)
            raise DataError(
                f"{place} has no sheet {name!r}; it has {shown_names}.", hint="Correct the option excel.sheet."
            )
        chosen += matching
    return [sheet for sheet in tables if sheet in chosen]


class MarksBeside:
    """Reads the marks of sheets in a process of its own, while this one reads their values."""

    def __init__(self, path: Path, entries: Sequence[SheetEntry], most_cells: int, guarded: Guarded) -> None:
        self._order = [entry.name for entry in entries]
        self._file: IO[bytes] = TemporaryFile()  # noqa: SIM115 — it is shared with the process beside, and goes with this one
        self._answers: list[Answer] | None = None
        self._process = os.fork()
        if self._process == 0:
            self._answer(guarded, path, entries, most_cells)

    def _answer(self, guarded: Guarded, path: Path, entries: Sequence[SheetEntry], most_cells: int) -> NoReturn:
        try:
            answer = guarded(lambda: _read_all(path, entries, most_cells))
        except BaseException as error:
            answer = {"damaged": type(error).__name__}
        try:
            self._file.write(json.dumps(answer).encode())
            self._file.flush()
        finally:
            os._exit(0)

    def of(self, name: str) -> SheetMarks:
        """The marks of a sheet. Raises: Failed."""
        if self._answers is None:
            os.waitpid(self._process, 0)
            self._file.seek(0)
            text = self._file.read()
            answer: Answer = json.loads(text) if text else {"limit": "memory"}
            if "marks" not in answer:
                raise Failed(answer)
            self._answers = list(answer["marks"])
        return marks_from_json(self._answers[self._order.index(name)])


def _read_all(path: Path, entries: Sequence[SheetEntry], most_cells: int) -> Answer:
    with zipfile.ZipFile(path) as archive:
        return {"marks": [read_marks(archive, entry.member, most_cells).to_json() for entry in entries]}
