"""The cells of a sheet as text: each number exactly, each date as ISO, and a fault for each cell that must not be trusted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import fastexcel
import pyarrow as pa
import pyarrow.compute as pc

from entrepot.adapters.files.excel.marks import CellFault, SheetMarks
from entrepot.adapters.files.excel.times import exact_time

_Kind = Literal["string", "float", "boolean"]
_NUMBER = r"^-?\d+(\.\d+)?$"
_NOISY = r"^-?(?:\d{7}\.\d{9}|\d{8}\.\d{8,9}|\d{9}\.\d{7,9}|\d{10,}\.\d+)$"
"""Sixteen digits or more, of which the last mean nothing."""
_DATE = r"^[+-]?\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?$"
_ODD_DATE = r"^(?:[+-]\d{4,6}|0\d{3}|1[0-8]\d\d|190[0-3])-\d\d-\d\d \d\d:|^1904-01-01 \d\d:"
"""Where a time of day, a length of time, or a day that Excel invents may stand behind a date."""
_DETAIL = re.compile(r"Expected \w+ but got '(\w+)\((.*)\)'?\Z", re.DOTALL)
_EXCEL_TIME = re.compile(r"ExcelDateTime \{ value: ([^,]+), datetime_type: (\w+), is_1904: (\w+) \}")
_ERRORS = {
    "Div0": "#DIV/0!", "NA": "#N/A", "Name": "#NAME?", "Null": "#NULL!", "Num": "#NUM!", "Ref": "#REF!", "Value": "#VALUE!",
    "GettingData": "#GETTING_DATA",
}  # fmt: skip


class Grid:
    """A sheet. Rows count from 1 and columns from 0, as Excel has them, wherever the values begin."""

    def __init__(
        self, workbook: fastexcel.ExcelReader, sheet: str, *, may_have_durations: bool, marks: Callable[[], SheetMarks]
    ) -> None:
        self._workbook = workbook
        self.sheet = sheet
        self.faults: dict[int, dict[int, tuple[str, str]]] = {}
        """row → column → reason and text."""
        self._texts, self.first_column = self._load_texts()
        self.marks = marks()  # asked for late: they are read meanwhile
        for fault in self.marks.faults:
            self._blame(fault)
        self._shorten_numbers()
        self._restore_numbers()
        self._correct_times(may_have_durations=may_have_durations)

    @property
    def rows(self) -> int:
        """The number of the last row."""
        return len(self._texts[0]) if self._texts else 0

    @property
    def columns(self) -> range:
        """The columns between the first and the last value."""
        return range(self.first_column, self.first_column + len(self._texts))

    def column(self, number: int) -> pa.Array:
        """A column's texts from row 1 on; nulls where the sheet has no such column."""
        return self._texts[number - self.first_column] if number in self.columns else pa.nulls(self.rows, pa.string())

    def text(self, row: int, column: int) -> str | None:
        """One cell's text without blanks around it; None when it is blank."""
        if not 1 <= row <= self.rows or column not in self.columns:
            return None
        value: str | None = self._texts[column - self.first_column][row - 1].as_py()
        return (value or "").strip() or None

    def fault(self, row: int, column: int) -> tuple[str, str] | None:
        """What is wrong with a cell: reason and text."""
        return self.faults.get(row, {}).get(column)

    def is_text(self, columns: Iterable[int]) -> dict[int, pa.Array]:
        """For each column: which cells hold text (and not a number that looks like it)."""
        own = sorted(set(columns) & set(self.columns))
        if not own:
            return {}
        masks = self._load("boolean", own).to_arrow().columns
        return {
            column: pc.and_(pc.is_valid(self.column(column)), pc.is_null(mask))
            for column, mask in zip(own, masks, strict=True)
        }

    def _load(self, kind: _Kind, columns: list[int] | None = None) -> fastexcel.ExcelSheet:
        # skip_rows=0 keeps empty rows at the top, so that a row's number is its place.
        return self._workbook.load_sheet(self.sheet, header_row=None, skip_rows=0, dtypes=kind, use_columns=columns)

    def _load_texts(self) -> tuple[list[pa.Array], int]:
        loaded = self._load("string")
        batch, errors = loaded.to_arrow_with_errors()
        texts = list(batch.columns)
        found = [info.absolute_index for info in loaded.available_columns()]
        first = found[0] if found else 0
        lengths: dict[int, dict[int, str]] = {}
        for error in errors.errors if errors is not None else ():
            row, column = error.position
            kind, value = _detail(error.detail)
            if kind == "DurationIso":
                lengths.setdefault(column, {})[row] = exact_time("iso", value.strip('"'), is_1904=False)[0] or value
                continue
            reason = ("cell_error", _ERRORS.get(value, f"#{value}")) if kind == "Error" else ("unreadable_cell", kind)
            self._blame(CellFault(row + 1, first + column, *reason))
        for column, values in lengths.items():
            texts[column] = _replace(texts[column], values)
        return texts, first

    def _blame(self, fault: CellFault) -> None:
        self.faults.setdefault(fault.row, {}).setdefault(fault.column, (fault.reason, fault.text))

    def _shorten_numbers(self) -> None:
        """Give large numbers the shortest text that is exactly them: as text, fastexcel gives 12345678.05 as 12345678.050000001."""
        long = [column for column in self.columns if _any_like(self.column(column), _NOISY, at_least=17)]
        for column, is_text in self.is_text(long).items():
            texts = self.column(column)
            noisy = pc.fill_null(pc.and_not(pc.match_substring_regex(texts, _NOISY), is_text), False)
            exact = [repr(float(text)) for text in texts.filter(noisy).to_pylist()]
            shortest = pa.array([text.removesuffix(".0") for text in exact], pa.string())
            self._texts[column - self.first_column] = pc.replace_with_mask(texts, noisy, shortest)

    def _restore_numbers(self) -> None:
        """Give numbers the shortest text that is exactly them: as text, fastexcel rounds them to nine decimals.

        A cell that holds text, `00001` or `1.50`, equals its number exactly and keeps its text.
        """
        long = self.marks.long_columns
        own = [
            column
            for column in self.columns
            if (long is None or column in long)
            and pc.any(pc.match_substring_regex(self.column(column), _NUMBER)).as_py()
        ]
        numbers = self._load("float", own).to_arrow().columns if own else ()
        for column, exact in zip(own, numbers, strict=True):
            self._texts[column - self.first_column] = _restore(self.column(column), exact)
        for column, rows, texts in self.marks.exact:
            if column in self.columns:
                self._texts[column - self.first_column] = _put_exact(self.column(column), rows, texts)

    def _correct_times(self, *, may_have_durations: bool) -> None:
        """Say times of day and lengths of time as such: as text, fastexcel gives `1899-12-31 12:00:00` for noon."""
        pattern = _DATE if may_have_durations else _ODD_DATE
        doubtful = [
            column for column in self.columns if pc.any(pc.match_substring_regex(self.column(column), pattern)).as_py()
        ]
        if not doubtful:
            return
        _, errors = self._load("float", doubtful).to_arrow_with_errors()
        corrected: dict[int, dict[int, str | None]] = {}
        for error in errors.errors if errors is not None else ():
            match = _EXCEL_TIME.search(error.detail) if "ExcelDateTime" in error.detail else None
            if match is not None:
                row, column = error.position
                text, wrong = exact_time(match[2], match[1], is_1904=match[3] == "true")
                if wrong is not None:
                    self._blame(CellFault(row + 1, self.first_column + column, "impossible_date", wrong))
                if text is not None or wrong is not None:
                    corrected.setdefault(column, {})[row] = text
        for place, values in corrected.items():
            self._texts[place] = _replace(self._texts[place], values)


def _any_like(texts: pa.Array, pattern: str, *, at_least: int) -> bool:
    """True when a text is like the pattern; a look at the lengths is much quicker, and mostly enough."""
    long = texts.filter(pc.greater_equal(pc.binary_length(texts), at_least))
    return len(long) > 0 and bool(pc.any(pc.match_substring_regex(long, pattern)).as_py())


def _detail(text: str) -> tuple[str, str]:
    match = _DETAIL.match(text)
    return (match[1], match[2]) if match else ("?", "")


def _replace(texts: pa.Array, values: dict[int, Any]) -> pa.Array:
    """The same column with other texts in some places (from 0)."""
    mask = [False] * len(texts)
    for place in values:
        mask[place] = True
    wanted = [values[place] for place in sorted(values)]
    return pc.replace_with_mask(texts, pa.array(mask, pa.bool_()), pa.array(wanted, pa.string()))


def _put_exact(texts: pa.Array, rows: Sequence[int], exact: Sequence[str]) -> pa.Array:
    """Exact numbers where numbers stand; the same cells may hold dates, which stay."""
    own = [(row - 1, text) for row, text in zip(rows, exact, strict=True) if row <= len(texts)]
    places = pa.array([place for place, _ in own], pa.int64())
    is_number = pc.fill_null(pc.match_substring_regex(texts.take(places), _NUMBER), False).to_pylist()
    return _replace(texts, {place: text for (place, text), yes in zip(own, is_number, strict=True) if yes})


def _restore(texts: pa.Array, numbers: pa.Array) -> pa.Array:
    is_number = pc.fill_null(pc.match_substring_regex(texts, _NUMBER), False)
    parsed = pc.cast(pc.if_else(is_number, texts, pa.scalar(None, pa.string())), pa.float64())
    lost = pc.fill_null(pc.not_equal(parsed, numbers), False)
    places = pc.indices_nonzero(lost)
    if not len(places):
        return texts
    exact = [_number_text(value) for value in numbers.take(places).to_pylist()]
    return pc.replace_with_mask(texts, lost, pa.array(exact, pa.string()))


def _number_text(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
