"""Whatever is written into a workbook is read back: types, offsets, spacers, merges, totals, weeks across, faults."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from entrepot.adapters.files.excel.places import cell_name, column_letters
from entrepot.ports.relations import FAULTS, RECORD
from tests.adapters.files.grids import read_here

ERROR = object()
"""Stands for a cell with #N/A."""
_TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), min_size=1, max_size=8
).filter(lambda text: text.strip() == text and not text.startswith("=") and "_x" not in text)
_NUMBERS = st.one_of(st.integers(-(10**14), 10**14), st.floats(allow_nan=False, allow_infinity=False, width=64))
_DAYS = st.dates(dt.date(1904, 1, 2), dt.date(9999, 12, 31))
_TIMES = st.datetimes(dt.datetime.fromisoformat("1904-01-02"), dt.datetime.fromisoformat("2200-01-01")).map(
    lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)
)
_VALUES = st.one_of(st.none(), _TEXTS, _NUMBERS, st.booleans(), _DAYS, _TIMES, st.just(ERROR))


@st.composite
def sheets(draw: st.DrawFn) -> dict[str, Any]:
    """A table somewhere in a sheet."""
    width = draw(st.integers(1, 4))
    return {
        "rows": draw(st.lists(st.lists(_VALUES, min_size=width, max_size=width), max_size=6)),
        "width": width,
        "top": draw(st.integers(0, 5)),
        "left": draw(st.integers(0, 30)),
        "spacer": draw(st.booleans()),
        "title": draw(st.booleans()),
        "total": draw(st.booleans()),
        "is_1904": draw(st.booleans()),
    }


def write(path: Path, table: dict[str, Any]) -> None:
    """Write the table with xlsxwriter."""
    options = {"date_1904": table["is_1904"]}
    with xlsxwriter.Workbook(path, options) as book:
        sheet = book.add_worksheet("S")
        day, at = (book.add_format({"num_format": form}) for form in ("yyyy-mm-dd", "dd.mm.yyyy hh:mm:ss.000"))
        if table["title"]:
            sheet.write_string(0, 0, "a title")
        top = table["top"] + 2
        for column in range(table["width"]):
            sheet.write_string(top, place_of(table, column), f"c{column}")
        for number, row in enumerate(table["rows"], top + 1):
            for column, value in enumerate(row):
                put(sheet, number, place_of(table, column), value, day, at)
        if table["total"]:
            sheet.write_string(top + 1 + len(table["rows"]), place_of(table, 0), "Total of all")


def place_of(table: dict[str, Any], column: int) -> int:
    """The sheet's column; a spacer may stand after the first one."""
    return int(table["left"]) + column + (column > 0 and table["spacer"])


def put(sheet: Any, row: int, column: int, value: Any, day: Any, at: Any) -> None:
    """Write a value as what it is."""
    match value:
        case None:
            pass
        case bool():
            sheet.write_boolean(row, column, value)
        case int() | float():
            sheet.write_number(row, column, value)
        case str():
            sheet.write_string(row, column, value)
        case dt.datetime():
            sheet.write_datetime(row, column, value, at)
        case dt.date():
            sheet.write_datetime(row, column, value, day)
        case _:
            sheet.write_formula(row, column, "=NA()", None, "#N/A")


def is_same(value: Any, text: str | None, faults: list[dict[str, str]], at: str) -> bool:
    """True when the text is the value, and a fault stands exactly where an error was written."""
    if value is ERROR:
        return any(fault["at"] == at and fault["text"] == "#N/A" for fault in faults)
    if any(fault["at"] == at for fault in faults):
        return False
    match value:
        case None:
            return text is None
        case bool():
            return text == str(value).lower()
        case int() | float():
            return text is not None and float(text) == float(f"{value:.16G}")  # what xlsxwriter stores
        case dt.datetime():
            return text is not None and dt.datetime.fromisoformat(text) == value
        case dt.date():
            return text == f"{value.isoformat()} 00:00:00"
    return text == value


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sheets())
def test_what_is_written_is_read(tmp_path: Path, table: dict[str, Any]) -> None:
    """Every value of every record, and nothing else."""
    path = tmp_path / "book.xlsx"
    write(path, table)
    top = table["top"] + 3  # as Excel counts
    found = read_here(
        path,
        "S",
        header_row=top,
        columns=f"{column_letters(table['left'])}:",
        leave_out=[{"column": "c0", "like": "Total of all"}] if table["total"] else None,
    )
    wanted = [
        (number, row) for number, row in enumerate(table["rows"], top + 1) if any(value is not None for value in row)
    ]
    assert [row[RECORD] for row in found] == [number for number, _ in wanted]
    for record, (number, row) in zip(found, wanted, strict=True):
        for column, value in enumerate(row):
            at = f"S!{cell_name(number, place_of(table, column))}"
            assert is_same(value, record[f"c{column}"], record[FAULTS] or [], at), (at, value, record)


@st.composite
def crosses(draw: st.DrawFn) -> tuple[list[tuple[str, int]], list[str], list[list[list[Any]]]]:
    """Months with so many weeks, items, and for each item the measures of each week."""
    months = [(f"M{number}", draw(st.integers(1, 3))) for number in range(draw(st.integers(1, 3)))]
    weeks = sum(count for _, count in months)
    items = [f"item {number}" for number in range(draw(st.integers(1, 3)))]
    cell = st.one_of(st.none(), st.integers(0, 999))
    rows = [[[draw(cell), draw(cell)] for _ in range(weeks)] for _ in items]
    return months, items, rows


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(crosses(), st.booleans())
def test_weeks_across_are_read_as_written(tmp_path: Path, cross: Any, down: bool) -> None:
    """Months merged over weeks over measures, or a row for each measure: the same records come out. Written by openpyxl."""
    months, items, rows = cross
    book = Workbook()
    sheet: Any = book.active
    sheet.title = "S"
    (write_down if down else write_across)(sheet, months, items, rows)
    path = tmp_path / "cross.xlsx"
    book.save(path)
    if down:
        layout: dict[str, Any] = {
            "header_rows": 2,
            "across": {"columns": "C:", "levels": ["month", "week"], "down": "what"},
        }
    else:
        layout = {"header_rows": 3, "across": {"columns": "C:", "levels": ["month", "week", "*"]}}
    names = [(month, f"W{week}") for month, count in months for week in range(count)]
    wanted = [
        (item, *names[week], *(None if value is None else str(value) for value in values))
        for item, weeks in zip(items, rows, strict=True)
        for week, values in enumerate(weeks)
        if any(value is not None for value in values)
    ]
    found = read_here(path, "S", fill_down="item", **layout)
    keys = ("item", "month", "week", "units", "sales")
    assert [tuple(row[key] for key in keys) for row in found] == wanted


def write_across(sheet: Any, months: Any, items: Any, rows: Any) -> None:
    """Three header rows."""
    sheet.cell(3, 1, "item")
    column = 3
    for month, count in months:
        sheet.cell(1, column, month)
        sheet.merge_cells(start_row=1, start_column=column, end_row=1, end_column=column + 2 * count - 1)
        for week in range(count):
            sheet.cell(2, column, f"W{week}")
            sheet.merge_cells(start_row=2, start_column=column, end_row=2, end_column=column + 1)
            sheet.cell(3, column, "units")
            sheet.cell(3, column + 1, "sales")
            column += 2
    for number, (item, weeks) in enumerate(zip(items, rows, strict=True), 4):
        sheet.cell(number, 1, item)
        for place, value in enumerate(value for values in weeks for value in values):
            sheet.cell(number, 3 + place, value)


def write_down(sheet: Any, months: Any, items: Any, rows: Any) -> None:
    """Two header rows, and a row for each measure; the item stands in the first of them only."""
    sheet.cell(2, 1, "item")
    sheet.cell(2, 2, "what")
    column = 3
    for month, count in months:
        sheet.cell(1, column, month)
        if count > 1:
            sheet.merge_cells(start_row=1, start_column=column, end_row=1, end_column=column + count - 1)
        for week in range(count):
            sheet.cell(2, column, f"W{week}")
            column += 1
    for number, (item, weeks) in enumerate(zip(items, rows, strict=True)):
        sheet.cell(3 + 2 * number, 1, item)
        for measure, name in enumerate(("units", "sales")):
            sheet.cell(3 + 2 * number + measure, 2, name)
            for place, values in enumerate(weeks):
                sheet.cell(3 + 2 * number + measure, 3 + place, values[measure])
