"""Workbooks are read cell for cell as text, with the row numbers of Excel, and errors are faults with their cell."""

from __future__ import annotations

import datetime as dt
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from openpyxl import Workbook

from entrepot.adapters.files.excel.places import column_letters, column_number
from entrepot.kernel.errors import DataError
from entrepot.ports.relations import FAULTS, RECORD, Part, Stream
from tests.adapters.files.formats import excel_format


def write(path: Path, fill: Callable[[Any, Any], None], **options: Any) -> Path:
    """A workbook with sheet `S`."""
    with xlsxwriter.Workbook(path, options) as book:
        fill(book, book.add_worksheet("S"))
    return path


def parts_of(path: Path, *, numeric: tuple[str, ...] = (), **options: Any) -> list[Part]:
    """The parts of one workbook."""
    return excel_format(numeric=numeric, **options).parts(path, path.name)


def read(path: Path, **options: Any) -> list[dict[str, Any]]:
    """All records of all parts."""
    rows = []
    for part in parts_of(path, **options):
        assert isinstance(part.rows, Stream)
        rows += [row for batch in part.rows.open() for row in batch.to_pylist()]
    return rows


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """Where a workbook goes."""
    return tmp_path / "book.xlsx"


def test_values_as_text(book: Path) -> None:
    """Numbers are the shortest text that is exactly them, dates ISO, texts untouched."""
    numbers = [
        17850,
        2.55,
        -5,
        1 / 3,
        0.1 + 0.2,
        1e-10,
        1.23456789e-7,
        123456789012,
        1234567.891,
        100.0,
        0.000123456789012,
        -12345678.05,
        99999999.99,
        8388608.1,
        17592186044416.05,
        123456789012345678,
    ]
    texts = ["00001", "1.50", "n/a", " pad ", "1e5", "+1", "0.333333333", "TRUE"]

    def fill(workbook: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["number", "text", "day", "instant", "flag"])
        for row, number in enumerate(numbers, 1):
            # As Excel itself writes numbers: with 17 digits.
            sheet.write_number(row, 0, number)
        for row, text in enumerate(texts, 1):
            sheet.write_string(row, 1, text)
        sheet.write_datetime(
            1, 2, dt.datetime.fromisoformat("2024-02-29"), workbook.add_format({"num_format": "yyyy-mm-dd"})
        )
        sheet.write_datetime(
            1, 3, dt.datetime.fromisoformat("2010-12-01 08:26"), workbook.add_format({"num_format": "dd.mm.yyyy hh:mm"})
        )
        sheet.write_boolean(1, 4, True)

    rows = read(write(book, fill))
    written = [float(f"{number:.16G}") for number in numbers]  # what xlsxwriter stores
    assert [float(row["number"]) for row in rows] == written
    assert [row["number"] for row in rows][:3] == ["17850", "2.55", "-5"]
    assert rows[9]["number"] == "100"
    assert [row["number"] for row in rows][11:15] == ["-12345678.05", "99999999.99", "8388608.1", "17592186044416.05"]
    assert [row["text"] for row in rows[: len(texts)]] == texts
    assert rows[0]["day"] == "2024-02-29 00:00:00"
    assert rows[0]["instant"] == "2010-12-01 08:26:00"
    assert rows[0]["flag"] == "true"


@pytest.mark.req("X2")
def test_row_numbers_are_those_of_excel(book: Path) -> None:
    """Leading and inner empty rows count, and are no records; columns need not begin at A."""

    def fill(_: Any, sheet: Any) -> None:
        sheet.write_row(3, 2, ["a", "b"])
        sheet.write_row(4, 2, [1, 2])
        sheet.write_row(7, 2, [3, 4])

    (part,) = parts_of(write(book, fill))
    assert part.place == "book.xlsx#S"
    assert [(row[RECORD], row["a"]) for row in read(book)] == [(5, "1"), (8, "3")]


@pytest.mark.req("F2")
def test_error_cells_are_faults(book: Path) -> None:
    """A cell with #DIV/0! is no empty cell: it is a fault that names sheet, cell and error."""

    def fill(_: Any, sheet: Any) -> None:
        sheet.write_row(2, 3, ["a", "b"])
        sheet.write_row(3, 3, [1, 2])
        sheet.write_number(4, 3, 3)
        sheet.write_formula(4, 4, "=1/0", None, "#DIV/0!")
        sheet.write_formula(5, 3, "=NA()", None, "#N/A")

    rows = read(write(book, fill))
    assert [row[FAULTS] for row in rows] == [
        None,
        [{"column": "b", "at": "S!E5", "reason": "cell_error", "text": "#DIV/0!"}],
        [{"column": "a", "at": "S!D6", "reason": "cell_error", "text": "#N/A"}],
    ]


def test_formula_without_result_is_a_fault(book: Path) -> None:
    """A program that writes formulas but does not calculate leaves no value: that is not an empty cell."""
    workbook = Workbook()
    sheet = workbook.active
    assert sheet is not None
    for row in (["a", "b"], [1, "=A2*2"]):
        sheet.append(row)
    workbook.save(book)
    assert read(book)[0][FAULTS] == [
        {
            "column": "b",
            "at": "Sheet!B2",
            "reason": "formula_without_value",
            "text": "a formula that was never calculated",
        }
    ]


def test_calculated_formulas_are_values(book: Path) -> None:
    """A formula's stored result is its value; an empty text as result is no fault."""

    def fill(_: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["a", "b"])
        sheet.write_formula(1, 0, "=1+1", None, 2)
        sheet.write_formula(1, 1, '="x"', None, "x")

    assert [(row["a"], row["b"], row[FAULTS]) for row in read(write(book, fill))] == [("2", "x", None)]


def test_header_row(book: Path) -> None:
    """A title block above the header is an unclear header until the header's row is stated."""

    def fill(_: Any, sheet: Any) -> None:
        sheet.write(0, 0, "Prices of March")
        sheet.write_row(3, 0, ["a", "b"])
        sheet.write_row(4, 0, [1, 2])

    with pytest.raises(DataError, match=r"no name in B1.*excel\.header_row"):
        read(write(book, fill))
    assert [(row["a"], row[RECORD]) for row in read(book, header_row=4)] == [("1", 5)]
    with pytest.raises(DataError, match="row 2 is empty"):
        read(book, header_row=2)


def test_double_names_are_refused(book: Path) -> None:
    """Two columns of one name could not be told apart."""

    def fill(_: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["a", "A"])
        sheet.write_row(1, 0, [1, 2])

    write(book, fill)
    with pytest.raises(DataError, match="names columns twice"):
        read(book)


def test_sheets(book: Path) -> None:
    """The first sheet that is shown, a sheet by name, several by pattern, in the workbook's order."""
    with xlsxwriter.Workbook(book) as workbook:
        for name in ("hidden", "2024 Q1", "2024 Q2", "notes"):
            sheet = workbook.add_worksheet(name)
            sheet.write_row(0, 0, ["a"])
            sheet.write_row(1, 0, [name])
        workbook.get_worksheet_by_name("2024 Q1").activate()
        workbook.get_worksheet_by_name("2024 Q1").set_first_sheet()
        workbook.get_worksheet_by_name("hidden").hide()
    assert [row["a"] for row in read(book)] == ["2024 Q1"]
    assert [row["a"] for row in read(book, sheet="hidden")] == ["hidden"]
    assert [part.place for part in parts_of(book, sheet=["2024*", "notes"])] == [
        "book.xlsx#2024 Q1", "book.xlsx#2024 Q2", "book.xlsx#notes",
    ]  # fmt: skip
    assert [row["a"] for row in read(book, sheet="*")] == ["2024 Q1", "2024 Q2", "notes"]
    with pytest.raises(DataError, match=r"no sheet 'Q3'; it has 'hidden' .hidden., '2024 Q1'"):
        read(book, sheet="Q3")


def test_numbers_in_text_cells(book: Path) -> None:
    """A stated decimal comma applies to cells that hold text, in columns that hold numbers; never to true numbers."""

    def fill(_: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["amount", "code"])
        sheet.write_string(1, 0, "2.403,5")
        sheet.write_string(1, 1, "2.403")
        sheet.write_number(2, 0, 2.403)
        sheet.write_string(3, 0, "2.5")

    rows = read(write(book, fill), numeric=("amount",), decimal=",", thousands=".")
    assert [row["amount"] for row in rows] == ["2403.5", "2.403", "2.5"]
    assert rows[0]["code"] == "2.403"
    assert rows[2][FAULTS] == [{"column": "amount", "at": "S!A4", "reason": "number_format", "text": "2.5"}]
    assert rows[1][FAULTS] is None


def test_1904_dates(book: Path) -> None:
    """A workbook that counts days from 1904 gives the same dates."""

    def fill(workbook: Any, sheet: Any) -> None:
        sheet.write(0, 0, "day")
        sheet.write_datetime(
            1, 0, dt.datetime.fromisoformat("2024-01-07"), workbook.add_format({"num_format": "yyyy-mm-dd"})
        )

    assert read(write(book, fill, date_1904=True))[0]["day"] == "2024-01-07 00:00:00"


def test_limits_are_stated(book: Path) -> None:
    """A workbook beyond a limit is refused with the limits; the process that reads it dies, not this one."""

    def fill(_: Any, sheet: Any) -> None:
        sheet.write(0, 0, "a")
        sheet.write(1_048_575, 16_383, "far away")

    write(book, fill)
    with pytest.raises(DataError, match=r"512 MiB of memory"):
        read(book, memory_limit_mb=512)
    write(book, lambda _, sheet: sheet.write_column(0, 0, ["a", 1]))
    with pytest.raises(DataError, match=r"limit of cells.*1 cells in a sheet"):
        read(book, max_cells=1)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"a,b\n1,2\n", "no Excel workbook"),
        (b"PK\x03\x04 cut off", "is damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "without a workbook in it"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "protected by a password"),
    ],
)
def test_other_files_are_refused_by_name(book: Path, content: bytes, said: str) -> None:
    """What is no workbook that is read is refused with what it is."""
    book.write_bytes(content)
    with pytest.raises(DataError, match=said):
        read(book)


def test_archive_without_workbook_is_refused(book: Path) -> None:
    """A zip file with other things in it is no workbook."""
    with zipfile.ZipFile(book, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(DataError, match=r"zip archive of other files .readme.txt."):
        read(book)


def test_sniff_tells_what_people_overlook(book: Path) -> None:
    """Hidden rows and sheets, merged cells, errors."""

    def fill(workbook: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["a", "b"])
        sheet.merge_range(1, 0, 1, 1, "both")
        sheet.write_formula(2, 0, "=1/0", None, "#DIV/0!")
        sheet.set_row(3, None, None, {"hidden": True})
        sheet.write(3, 0, 1)
        workbook.add_worksheet("H").hide()

    facts = excel_format().sniff(write(book, fill), book.name).facts
    assert facts["hidden sheets"] == "H"
    assert (facts["hidden rows"], facts["merged cells"], facts["cells with errors"]) == ("1", "1", "1")


def test_rows_stay_when_the_workbook_goes(book: Path) -> None:
    """What was read once can be read again; it does not depend on the file any more."""
    write(book, lambda _, sheet: sheet.write_column(0, 0, ["a", 1]))
    (part,) = parts_of(book)
    book.unlink()
    assert isinstance(part.rows, Stream)
    assert [batch.to_pylist() for batch in part.rows.open()] == [batch.to_pylist() for batch in part.rows.open()]


@pytest.mark.parametrize(
    ("number", "letters"), [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA"), (16383, "XFD")]
)
def test_column_letters(number: int, letters: str) -> None:
    """Columns count as Excel counts them."""
    assert column_letters(number) == letters
    assert column_number(letters) == number
