"""Layouts say in a few words where a table stands in a sheet; what is not as they say refuses the workbook with the cell."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from ruamel.yaml import YAML

from entrepot.adapters.files.excel.examples import EXAMPLES
from entrepot.adapters.files.source import SPEC
from entrepot.intake.sources.options import check_options
from entrepot.kernel.errors import DataError
from entrepot.ports.relations import FAULTS, RECORD, Part, Stream
from tests.adapters.files.formats import excel_format
from tests.adapters.files.grids import read_here

Fill = Callable[[Any, Any], None]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """Where a workbook goes."""
    return tmp_path / "book.xlsx"


def write(path: Path, fill: Fill | list[list[Any]], name: str = "S") -> Path:
    """A workbook with one sheet; a list is rows from A1 on, None leaves a cell blank."""
    with xlsxwriter.Workbook(path) as workbook:
        sheet = workbook.add_worksheet(name)
        if callable(fill):
            fill(workbook, sheet)
        else:
            for number, row in enumerate(fill):
                sheet.write_row(number, 0, row)
    return path


def parts_of(path: Path, **options: Any) -> list[Part]:
    """The parts of one workbook."""
    return excel_format(**options).parts(path, path.name)


def read(path: Path, *, faults: bool = False, **options: Any) -> list[dict[str, Any]]:
    """All records; without row numbers, and without faults unless they are asked for."""
    if "sheet" in options:
        streams = [part.rows for part in parts_of(path, **options)]
        rows = [row for s in streams if isinstance(s, Stream) for batch in s.open() for row in batch.to_pylist()]
    else:
        rows = read_here(path, "S", **options)
    return [{k: v for k, v in row.items() if k != RECORD and (faults or k != FAULTS)} for row in rows]


def example(number: int) -> dict[str, Any]:
    """The options of a worked example, as people read it."""
    options: dict[str, Any] = YAML(typ="safe").load(EXAMPLES[number - 1].yaml)["excel"]
    return options


@pytest.mark.req("F2")
def test_example_1_title_and_total(book: Path) -> None:
    """The partner comes from the title, the spacer is no column, the total is left out and said."""
    write(
        book,
        [
            ["Sell-out report ALBANY"],
            [],
            ["Week ending", None, "Volume", "Avg. price"],
            ["2024-01-07", None, 778, 3.05],
            ["Total", None, 778],
        ],
    )
    assert read(book, **example(1)) == [
        {"Week ending": "2024-01-07", "Volume": "778", "Avg. price": "3.05", "partner": "ALBANY"}
    ]
    (part,) = parts_of(book, **example(1))
    assert part.notes == ("1 row (5) with 'Total*' in Week ending left out",)
    assert excel_format(**example(1)).sniff(book, "book.xlsx").facts["rows left out"] == "1"


@pytest.mark.req("F2")
def test_example_2_german_text(book: Path) -> None:
    """Numbers by the style of their column; repeated header and notes are left out and said."""
    write(
        book,
        [
            ["Datum", "Menge", "Preis", "Konto"],
            ["07.01.2024", "2.403", "2,69 EUR", "1.234"],
            ["Datum", "Menge", "Preis", "Konto"],
            ["14.01.2024", "3.242", "2,68 EUR", "1.234"],
            [],
            ["Stand: Montag"],
        ],
    )
    numeric = ("menge", "preis", "konto")
    assert read(book, numeric=numeric, **example(2)) == [
        {"Datum": "07.01.2024", "Menge": "2403", "Preis": "2.69", "Konto": "1.234"},
        {"Datum": "14.01.2024", "Menge": "3242", "Preis": "2.68", "Konto": "1.234"},
    ]
    (part,) = parts_of(book, numeric=numeric, **example(2))
    assert part.notes == (
        "1 row (6) after the end of the table (row 5) left out",
        "1 row (3) repeating the header left out",
    )


@pytest.mark.req("F2")
def test_example_3_sheets_and_two_header_rows(book: Path) -> None:
    """Merged header cells name all columns below them; each sheet is a part of its own, and says its name."""
    with xlsxwriter.Workbook(book) as workbook:
        for name in ("2024 Q1", "2024 Q2", "notes"):
            sheet = workbook.add_worksheet(name)
            sheet.write(0, 0, "Export")
            sheet.merge_range("D6:E6", "Shop")
            sheet.merge_range("F6:G6", "Web")
            sheet.write_row("C7", ["Item", "Units", "Sales", "Units", "Sales"])
            sheet.write_row("C8", ["Apples", 3, 4.5, 1, 1.5])
    record = {"Item": "Apples", "Shop_Units": "3", "Shop_Sales": "4.5", "Web_Units": "1", "Web_Sales": "1.5"}
    assert read(book, **example(3)) == [record | {"quarter": "2024 Q1"}, record | {"quarter": "2024 Q2"}]
    assert [part.place for part in parts_of(book, **example(3))] == ["book.xlsx#2024 Q1", "book.xlsx#2024 Q2"]


@pytest.mark.req("F2")
def test_example_4_weeks_across(book: Path) -> None:
    """Each week is a record; a cell with an error is a fault of that week's record, with its cell."""

    def fill(_: Any, sheet: Any) -> None:
        sheet.merge_range("B2:C2", "Jan 2024")
        sheet.write("D2", "Feb 2024")
        sheet.write_row("B3", ["W01", "W02", "W05"])
        sheet.write_row("A4", ["Volume", 5884, 5551, 3901])
        sheet.write_row("A5", ["Price", 2.65])
        sheet.write_formula("C5", "=1/0", None, "#DIV/0!")

    write(book, fill)
    assert read(book, faults=True, **example(4)) == [
        {"month": "Jan 2024", "week": "W01", "Volume": "5884", "Price": "2.65", FAULTS: None},
        {
            "month": "Jan 2024",
            "week": "W02",
            "Volume": "5551",
            "Price": None,
            FAULTS: [{"column": "Price", "at": "S!C5", "reason": "cell_error", "text": "#DIV/0!"}],
        },
        {"month": "Feb 2024", "week": "W05", "Volume": "3901", "Price": None, FAULTS: None},
    ]


@pytest.mark.req("F2")
def test_example_5_measures_across(book: Path) -> None:
    """Measures become columns, months and weeks values; total columns are left out, blank weeks are no records."""
    write(
        book,
        [
            [None, None, "January", None, None, None, "Total"],
            [None, None, "W01", None, "W02"],
            ["Region", "Item", "Units", "Sales", "Units", "Sales", "Units"],
            ["North", "Apples", 3, 4.5, 2, 3, 5],
            [None, "Pears", 1, 2, None, None, 1],
        ],
    )
    names = ("Region", "Item", "month", "week", "Units", "Sales")
    assert [tuple(row[name] for name in names) for row in read(book, **example(5))] == [
        ("North", "Apples", "January", "W01", "3", "4.5"),
        ("North", "Apples", "January", "W02", "2", "3"),
        ("North", "Pears", "January", "W01", "1", "2"),
    ]
    assert parts_of(book, **example(5))[0].notes == ("1 column (G) left out as excel.across.without says",)


def test_examples_are_right_options() -> None:
    """What the page teaches is what the check allows, and there are five of them."""
    for number in range(1, 6):
        assert check_options(SPEC, {"path": "inbox", "excel": example(number)})[1] == []
    assert len(EXAMPLES) == 5


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"columns": "7"}, r"'excel.columns'.* is '7'; allowed are columns such as B:H"),
    ({"columns": "H:B"}, r"'excel.columns'"),
    ({"names": {"1": "a"}}, r"'excel.names.1'.*columns by their letters"),
    ({"names": {"A": "=x"}}, r"'excel.names.A'.*the cell that holds it"),
    ({"header_rows": 0}, r"'excel.header_rows'.*say them with the option names"),
    ({"header_rows": -1}, r"at least 0"),
    ({"header_fill": "left"}, r"one of merged, right"),
    ({"expect": {"row 4": "x"}}, r"'excel.expect.row 4'.*cells such as B2"),
    ({"leave_out": [{"row": "header", "column": "a"}]}, r"'excel.leave_out.0'.*one of them"),
    ({"leave_out": [{}]}, r"'excel.leave_out.0'.*one of them"),
    ({"leave_out": [{"column": "a"}]}, r"'excel.leave_out.0.column'.*add like"),
    ({"leave_out": [{"row": "last"}]}, r"'excel.leave_out.0.row'.*is 'last'; allowed is header, or numbers"),
    ({"leave_out": [{"row": "header", "like": "x"}]}, r"'excel.leave_out.0.like'"),
    ({"leave_out": [{"rows": "header"}]}, r"unknown option 'rows' in excel.leave_out.0"),
    ({"leave_out": "header"}, r"a list of such"),
    ({"until": {"row": "header"}}, r"'excel.until.row'.*allowed is blank"),
    ({"add": [{"name": "a"}]}, r"'excel.add.0.cell'.*is missing"),
    ({"add": [{"name": "a", "cell": "header"}]}, r"'excel.add.0.cell'.*or sheet"),
    ({"add": [{"name": "a", "cell": "A1", "like": "x"}]}, r"'excel.add.0.like'.*one \*"),
    ({"add": [{"name": "a", "cell": "A1"}, {"name": "A", "cell": "A2"}]}, r"'excel.add.1.name'.*added already"),
    ({"across": {"columns": "B:", "levels": "week"}}, r"'excel.across'.*with nothing what the values are called"),
    ({"across": {"columns": "B:", "levels": "*", "value": "v"}}, r"with value and the level \*"),
    ({"across": {"columns": "B:", "levels": ["a", "b"], "value": "v"}}, r"names 2 levels, but the header has 1"),
    ({"across": {"columns": "B-C", "levels": "a", "value": "v"}}, r"'excel.across.columns'"),
    ({"header_rows": 2, "across": {"columns": "B:", "levels": ["a", "A"], "value": "v"}}, r"a level twice"),
    ({"hidden": "skip"}, r"one of take, leave_out"),
    ({"decimal": ",", "thousands": ","}, r"'excel.thousands'.*the same as decimal"),
    ({"numbers": [{"columns": "a", "thousands": "xx"}]}, r"'excel.numbers.0.thousands'.*one sign"),
    ({"numbers": [{"decimal": ","}]}, r"'excel.numbers.0.columns'.*is missing"),
]


@pytest.mark.parametrize(("options", "said"), REFUSED, ids=[str(number) for number in range(len(REFUSED))])
def test_wrong_options_are_refused(options: dict[str, Any], said: str) -> None:
    """Every wrong word is found before any file is opened."""
    _, errors = check_options(SPEC, {"path": "inbox", "excel": options})
    assert len(errors) == 1, errors
    import re

    assert re.search(said, str(errors[0])), errors[0]


SHEET: list[list[Any]] = [["Report 2024"], [], ["a", "b"], [1, 2], ["Total", 3]]
NOT_AS_STATED: list[tuple[dict[str, Any], str]] = [
    ({"header_row": 2}, r"book.xlsx#S row 2 is empty; the option excel.header_row"),
    ({"header_row": 3, "columns": "E:"}, r"nothing in columns E:"),
    ({"header_row": 3, "expect": {"A3": "x"}}, r"book.xlsx#S!A3 holds 'a'; expected is 'x'"),
    ({"header_row": 3, "expect": {"C3": "x*"}}, r"book.xlsx#S!C3 is blank; expected is 'x\*'"),
    ({"header_row": 3, "add": [{"name": "p", "cell": "B1"}]}, r"book.xlsx#S!B1 is blank; the option excel.add takes p"),
    ({"header_row": 3, "add": [{"name": "p", "cell": "A1", "like": "Bericht *"}]}, r"holds 'Report 2024'; expected is"),
    (
        {"header_row": 3, "leave_out": [{"column": "c", "like": "x"}]},
        r"no column 'c'.*excel.leave_out names; it has a, b",
    ),
    ({"header_row": 3, "until": {"column": "a", "like": "End"}}, r"no row with 'End' in a.*cut off"),
    ({"header_row": 3, "fill_down": "c"}, r"no column 'c', which the option excel.fill_down"),
    ({"header_row": 3, "names": {"A": "=B1"}}, r"S!B1 is blank; the option excel.names"),
    ({"header_row": 3, "add": [{"name": "A", "cell": "A1"}]}, r"names columns twice.*A"),
    ({"header_row": 3, "across": {"columns": "D:", "levels": "week", "value": "v"}}, r"no header in columns D:"),
    ({"header_row": 3, "across": {"columns": "B:", "levels": "week", "down": "x"}}, r"no column 'x'.*across.down"),
]


@pytest.mark.parametrize(("options", "said"), NOT_AS_STATED, ids=[str(n) for n in range(len(NOT_AS_STATED))])
def test_workbooks_that_are_not_as_stated_are_refused(book: Path, options: dict[str, Any], said: str) -> None:
    """The refusal names the sheet, the cell, what is there and what should be."""
    write(book, SHEET)
    with pytest.raises(DataError, match=said):
        read(book, **options)


def test_names_instead_of_a_header(book: Path) -> None:
    """Without a header the columns are those that are named; a name may stand in a cell elsewhere."""
    write(book, [["Price of", "apples"], [1, 2, 3], [4, 5, 6]])
    found = read(book, header_row=2, header_rows=0, names={"A": "id", "C": "=B1"})
    assert found == [{"id": "1", "apples": "3"}, {"id": "4", "apples": "6"}]


def test_rows_by_number_and_until_a_text(book: Path) -> None:
    """A row of units under the header is left out by its number; the table ends where a text says so."""
    write(book, [["a", "b"], ["pcs", "EUR"], [1, 2], ["Notes", None], ["x", "y"]])
    options = {"leave_out": [{"row": 2}], "until": {"column": "a", "like": "Notes*"}}
    assert read(book, **options) == [{"a": "1", "b": "2"}]
    assert parts_of(book, **options)[0].notes == (
        "1 row (5) after the end of the table (row 4) left out",
        "1 row (2) stated as 2 left out",
    )


def test_merged_data_cells(book: Path) -> None:
    """Only the first cell of a merged area has its value, until fill_merged gives it to all; so with a fault."""

    def fill(_: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["region", "item", "x"])
        sheet.merge_range(1, 0, 2, 0, "North")
        sheet.merge_range(3, 0, 4, 0, "")
        sheet.write_formula(3, 0, "=NA()", None, "#N/A")
        sheet.write_column(1, 1, ["a", "b", "c", "d"])

    write(book, fill)
    assert [row["region"] for row in read(book)] == ["North", None, None, None]
    found = read(book, faults=True, fill_merged=True)
    assert [row["region"] for row in found] == ["North", "North", None, None]
    assert [row[FAULTS] and row[FAULTS][0]["at"] for row in found] == [None, None, "S!A4", "S!A5"]


def test_hidden_rows_and_columns(book: Path) -> None:
    """They are taken, and said; or left out, when the layout says so, and said too."""

    def fill(_: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["a", "b", "c"])
        sheet.write_row(1, 0, [1, 2, 3])
        sheet.write_row(2, 0, [4, 5, 6])
        sheet.set_row(1, None, None, {"hidden": True})
        sheet.set_column(1, 1, None, None, {"hidden": True})

    write(book, fill)
    assert [row["b"] for row in read(book)] == ["2", "5"]
    facts = excel_format().sniff(book, "book.xlsx").facts
    assert (facts["hidden rows"], facts["hidden columns"]) == ("1", "1")
    assert read(book, hidden="leave_out") == [{"a": "4", "c": "6"}]
    assert parts_of(book, hidden="leave_out")[0].notes == ("1 row (2) that is hidden left out",)


def test_weeks_across_with_ids(book: Path) -> None:
    """Columns beside the weeks stay; the value's name is stated; rows of one item become one record a week."""
    write(book, [["Item", "W01", "W02"], ["Apples", 1, None], ["Pears", 3, 4]])
    options: dict[str, Any] = {"across": {"columns": "B:", "levels": "week", "value": "units"}}
    assert [tuple(row.values()) for row in read(book, **options)] == [
        ("Apples", "W01", "1"),
        ("Pears", "W01", "3"),
        ("Pears", "W02", "4"),
    ]
    write(book, [["Item", "What", "W01"], ["Apples", "units", 1], ["Apples", "price", 2], ["Pears", "units", 3]])
    options = {"across": {"columns": "C:", "levels": "week", "down": "what"}}
    assert read(book, **options) == [
        {"Item": "Apples", "week": "W01", "units": "1", "price": "2"},
        {"Item": "Pears", "week": "W01", "units": "3", "price": None},
    ]


def test_unclear_weeks_are_refused(book: Path) -> None:
    """A week without a month above it, two columns of one week, a measure without a name: each with its cell."""
    write(book, [["Jan", None], ["W01", "W02"], [1, 2]])
    two: dict[str, Any] = {"header_rows": 2, "across": {"columns": "A:", "levels": ["month", "week"], "value": "v"}}
    with pytest.raises(DataError, match=r"S!B1 is blank.*'month' stands there.*header_fill: right"):
        read(book, **two)
    assert len(read(book, header_fill="right", **two)) == 2
    write(book, [["W01", "W01"], [1, 2]])
    with pytest.raises(DataError, match=r"columns A and B have the same header, 'W01'"):
        read(book, across={"columns": "A:", "levels": "week", "value": "v"})
    write(book, [["what", "W01"], ["units", 2], [None, 3]])
    with pytest.raises(DataError, match=r"S!A3 is blank; the option excel.across.down"):
        read(book, across={"columns": "B:", "levels": "week", "down": "what"})
    write(book, [["what", "W01"], ["units", 2], ["units", 3]])
    with pytest.raises(DataError, match=r"row 2 and a later one both hold 'units'"):
        read(book, across={"columns": "B:", "levels": "week", "down": "what"})


@pytest.mark.parametrize(
    ("text", "style", "value"),
    [
        ("1.234", {}, None),
        ("-12.500 ", {}, None),
        ("1.5", {}, "1.5"),
        ("1234.567", {}, "1234.567"),
        ("1.234", {"decimal": "."}, "1.234"),
        ("1.234", {"decimal": ",", "thousands": "."}, "1234"),
        ("1.234,5", {"decimal": ",", "thousands": "."}, "1234.5"),
        ("1.234", {"decimal": ","}, None),
        ("1\u00a0234,5", {"decimal": ",", "thousands": " "}, "1234.5"),
        ("1,234.5", {"thousands": ","}, "1234.5"),
        ("12,5 %", {"decimal": ",", "remove": "%"}, "12.5"),
        ("€ 1.234,00", {"decimal": ",", "thousands": ".", "remove": "€"}, "1234.00"),
        ("n/a", {"decimal": ",", "thousands": "."}, "n/a"),
    ],
)
def test_numbers_as_text(book: Path, text: str, style: dict[str, Any], value: str | None) -> None:
    """A text that could be two numbers is a fault with its cell; a true number beside it never is."""
    write(
        book, lambda _, sheet: (sheet.write_string(0, 0, "n"), sheet.write_string(1, 0, text), sheet.write(2, 0, 1.234))
    )
    first, second = read(book, faults=True, numeric=("n",), **style)
    assert second == {"n": "1.234", FAULTS: None}
    if value is None:
        assert first[FAULTS] == [{"column": "n", "at": "S!A2", "reason": "number_format", "text": text}]
    else:
        assert first == {"n": value, FAULTS: None}


def test_times_and_lengths_of_time(book: Path) -> None:
    """Noon is 12:00:00 and no day of 1899; 36 hours are 36:00:00; a day that never was is a fault."""
    shown = [
        (0.5, "hh:mm", "12:00:00"),
        (1.5, "[h]:mm", "36:00:00"),
        (0.000011574, "[mm]:ss.000", "00:00:01"),
        (60, "yyyy-mm-dd", None),
        (59, "yyyy-mm-dd", "1900-02-28 00:00:00"),
        (61, "yyyy-mm-dd", "1900-03-01 00:00:00"),
        (1, "yyyy-mm-dd", "1900-01-01 00:00:00"),
        (-1, "yyyy-mm-dd", None),
        (45351.75, "yyyy-mm-dd hh:mm", "2024-02-29 18:00:00"),
        (0.12, "0%", "0.12"),
        (12.5, "#,##0.00 €", "12.5"),
    ]

    def fill(workbook: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["value", "text"])
        for row, (number, form, _) in enumerate(shown, 1):
            sheet.write_number(row, 0, number, workbook.add_format({"num_format": form}))
            sheet.write_string(row, 1, "1899-12-31 12:00:00")

    rows = read(write(book, fill), faults=True)
    assert [row["value"] for row in rows] == [text for _, _, text in shown]
    assert {row["text"] for row in rows} == {"1899-12-31 12:00:00"}
    assert [row[FAULTS][0]["reason"] for row in rows if row["value"] is None] == ["impossible_date"] * 2
    assert rows[3][FAULTS][0]["text"] == "1900-02-29, a day that there never was"
    # Without [h] in any format, times of day are found all the same.
    write(
        book,
        lambda wb, sheet: (
            sheet.write(0, 0, "t"),
            sheet.write_datetime(1, 0, dt.time(13, 15, 2, 500_000), wb.add_format({"num_format": "hh:mm"})),
        ),
    )
    assert read(book) == [{"t": "13:15:02.500"}]
