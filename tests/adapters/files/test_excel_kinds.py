"""What a workbook is, its content says: four formats are read, others refused by name, and hostile ones within bounds."""

from __future__ import annotations

import shutil
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from entrepot.adapters.files.excel.marks import TooMuch
from entrepot.adapters.files.excel.ods import read_ods
from entrepot.kernel.errors import DataError
from entrepot.ports.relations import FAULTS, RECORD, Stream
from tests.adapters.files.formats import excel_format

OFFICE = "urn:oasis:names:tc:opendocument:xmlns"
CALC = "urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"


def read(path: Path, **options: Any) -> list[dict[str, Any]]:
    """All records of all parts."""
    rows = []
    for part in excel_format(**options).parts(path, path.name):
        assert isinstance(part.rows, Stream)
        rows += [row for batch in part.rows.open() for row in batch.to_pylist()]
    return rows


def write_ods(path: Path, rows: str, before: str = "", columns: str = "") -> Path:
    """A spreadsheet as OpenDocument, with one sheet of these rows."""
    names = {"office": "office", "table": "table", "text": "text", "style": "style"}
    spaces = " ".join(f'xmlns:{name}="{OFFICE}:{value}:1.0"' for name, value in names.items())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        manifest = f'<m:manifest xmlns:m="{OFFICE}:manifest:1.0"/>'
        archive.writestr("META-INF/manifest.xml", manifest)
        archive.writestr(
            "content.xml",
            f'<?xml version="1.0"?>{before}<office:document-content {spaces} xmlns:calcext="{CALC}">'
            f'<office:body><office:spreadsheet><table:table table:name="S">{columns}{rows}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        )
    return path


def cell(inside: str = "", **attributes: str) -> str:
    """A cell of a spreadsheet."""
    named = " ".join(f'{key.replace("__", ":").replace("_", "-")}="{value}"' for key, value in attributes.items())
    return f"<table:table-cell {named}>{inside and f'<text:p>{inside}</text:p>'}</table:table-cell>"


def text(value: str) -> str:
    """A cell that holds text."""
    return cell(value, office__value_type="string")


def row(*cells: str, repeat: int = 1, more: str = "") -> str:
    """A row of a spreadsheet."""
    return f'<table:table-row table:number-rows-repeated="{repeat}" {more}>{"".join(cells)}</table:table-row>'


ERROR = cell("#DIV/0!", table__formula="of:=1/0", office__value_type="string", office__string_value="", calcext__value_type="error")  # fmt: skip
ZERO = cell("Err:502", table__formula="of:=X", office__value_type="float", office__value="0", calcext__value_type="error")  # fmt: skip


@pytest.mark.req("F2")
def test_errors_in_ods_are_faults(tmp_path: Path) -> None:
    """A spreadsheet's error cells, which its reader gives as an empty text or a zero, are faults; so are uncalculated formulas."""
    path = write_ods(
        tmp_path / "a.ods",
        row(text("a"), text("b"), text("c"))
        + row(ERROR, ZERO, cell(table__formula="of:=A1"))
        + row(cell("12%", office__value_type="percentage", office__value="0.12"), ERROR, text("x"), repeat=2),
    )
    rows = read(path)
    assert [[f["at"] for f in r[FAULTS]] for r in rows] == [["S!A2", "S!B2", "S!C2"], ["S!B3"], ["S!B4"]]
    assert [f["reason"] for f in rows[0][FAULTS]] == ["cell_error", "cell_error", "formula_without_value"]
    assert [f["text"] for f in rows[0][FAULTS]][:2] == ["#DIV/0!", "Err:502"]
    assert [(r["a"], r["c"], r[RECORD]) for r in rows[1:]] == [("0.12", "x", 3), ("0.12", "x", 4)]


def test_values_in_ods(tmp_path: Path) -> None:
    """Dates, lengths of time, booleans, numbers with all their digits; merged and hidden cells are seen."""
    path = write_ods(
        tmp_path / "a.ods",
        row(text("a"), text("b"), text("c"))
        + row(
            cell("x", office__value_type="date", office__date_value="2024-02-29"),
            cell("x", office__value_type="time", office__time_value="PT36H30M01S"),
            cell("x", office__value_type="float", office__value="0.123456789012345"),
        )
        + row(cell("x", office__value_type="boolean", office__boolean_value="true"))
        + row(
            cell("m", office__value_type="string", table__number_columns_spanned="2"),
            more='table:visibility="collapse"',
        ),
        columns='<table:table-column table:visibility="collapse"/>',
    )
    rows = read(path)
    assert [(r["a"], r["b"], r["c"]) for r in rows] == [
        ("2024-02-29", "36:30:01", "0.123456789012345"),
        ("true", None, None),
        ("m", None, None),
    ]
    facts = excel_format().sniff(path, "a.ods").facts
    assert (facts["kind"], facts["merged cells"], facts["hidden rows"], facts["hidden columns"]) == (
        ".ods",
        "1",
        "1",
        "1",
    )
    assert [r["b"] for r in read(path, fill_merged=True)] == ["36:30:01", None, "m"]


def test_repeated_rows_cannot_hurt(tmp_path: Path) -> None:
    """A spreadsheet that claims billions of cells is refused before they are made; blank rows to the end cost nothing."""
    bomb = write_ods(tmp_path / "bomb.ods", row(text("a"), repeat=1_000_000_000))
    with pytest.raises(DataError, match="the limit of cells was reached"):
        read(bomb)
    with zipfile.ZipFile(bomb) as archive, pytest.raises(TooMuch):
        read_ods(archive, 1_000_000)
    blank = cell(table__number_columns_repeated="16384")
    plain = write_ods(tmp_path / "plain.ods", row(text("a")) + row(text("1")) + row(blank, repeat=1_048_574))
    assert [r["a"] for r in read(plain)] == ["1"]


@pytest.mark.parametrize("kind", ["ods", "xlsx"])
def test_entities_are_refused(tmp_path: Path, kind: str) -> None:
    """Neither a billion laughs nor a file of this machine comes in by an XML entity."""
    declared = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname"><!ENTITY b "&a;&a;">]>'
    path = tmp_path / f"a.{kind}"
    if kind == "ods":
        write_ods(path, row(text("a")) + row(text("&b;")), before=declared)
    else:
        workbook(tmp_path / "plain.xlsx")
        with zipfile.ZipFile(tmp_path / "plain.xlsx") as old, zipfile.ZipFile(path, "w") as new:
            for name in old.namelist():
                content = old.read(name)
                if name.endswith("sheet1.xml"):
                    content = content.replace(b"?>", b"?>" + declared.encode(), 1)
                new.writestr(name, content)
    with pytest.raises(DataError, match="declares XML entities"):
        read(path)


def workbook(path: Path) -> Path:
    """A plain workbook of one record."""
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("S").write_column(0, 0, ["a", 1])
    return path


def test_zip_bombs_are_refused(tmp_path: Path) -> None:
    """A part that unpacks a thousandfold is not unpacked; a part that lies about its size is damaged."""
    path = workbook(tmp_path / "a.xlsx")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name.endswith("sheet1.xml"):
                with new.open(name, "w") as part:
                    part.write(b"<worksheet><sheetData>")
                    for _ in range(150):
                        part.write(b" " * (1 << 20))
            else:
                new.writestr(name, old.read(name))
    begun = time.monotonic()
    with pytest.raises(DataError, match=r"the limit of a part .*sheet1.xml.* that unpacks from"):
        read(tmp_path / "bomb.xlsx")
    assert time.monotonic() - begun < 60


def test_truncated_workbooks_are_refused(tmp_path: Path) -> None:
    """A workbook cut off anywhere is damaged, never half a table."""
    path = workbook(tmp_path / "whole.xlsx")
    content = path.read_bytes()
    for part in (0.1, 0.5, 0.99):
        (tmp_path / "cut.xlsx").write_bytes(content[: int(len(content) * part)])
        with pytest.raises(DataError, match="is damaged"):
            read(tmp_path / "cut.xlsx")
    damaged = bytearray(content)
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("xl/worksheets/sheet1.xml")
    begin = info.header_offset + 30 + len(info.filename) + 20
    damaged[begin : begin + 40] = bytes(40)
    (tmp_path / "cut.xlsx").write_bytes(damaged)
    with pytest.raises(DataError, match="is damaged"):
        read(tmp_path / "cut.xlsx")


def test_time_is_limited(tmp_path: Path) -> None:
    """A workbook that takes too long is refused with the limit, and its reader ended."""
    path = tmp_path / "large.xlsx"
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
        sheet = book.add_worksheet("S")
        for number in range(60_000):
            sheet.write_row(number, 0, [number] * 12)
    with pytest.raises(DataError, match="took longer than 1 s to read"):
        # 720,000 cells take more, whatever the machine: each is looked at by one core
        read(path, time_limit_s=1, leave_out=[{"column": "0", "like": "x" * 50 + "*"}] * 200)


def test_content_counts_not_the_name(tmp_path: Path) -> None:
    """A workbook called .xls, an old one called .xlsx, a spreadsheet called .xlsm: read as what they are."""
    path = workbook(tmp_path / "a.xlsx")
    shutil.copy(path, tmp_path / "b.xls")
    assert [r["a"] for r in read(tmp_path / "b.xls")] == ["1"]
    write_ods(tmp_path / "c.xlsm", row(text("a")) + row(text("1")))
    assert [r["a"] for r in read(tmp_path / "c.xlsm")] == ["1"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<html><body><table><tr><td>1</td></tr></table></body></html>", "web page .HTML."),
        (
            b"\xef\xbb\xbf<?xml version='1.0'?><Workbook xmlns='urn:schemas-microsoft-com:office:spreadsheet'>",
            "Excel 2003",
        ),
        (b"a;b\r\n1;2\r\n", "plain text, perhaps CSV.* option format: csv"),
        ("a\tb\r\n".encode("utf-16"), "plain text, perhaps CSV"),
        (b"\x09\x04\x06\x00\x00\x04\x10\x00\x00\x00", "Excel 4 or older"),
        (b"%PDF-1.7\n\0\1", "does not begin like one"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "WordDocument".encode("utf-16-le"), "without a workbook in it"),
    ],
)
def test_what_is_no_workbook_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    """The refusal says what the file is, and which option would read it."""
    path = tmp_path / "export.xls"
    path.write_bytes(content)
    with pytest.raises(DataError, match=said):
        read(path)


@pytest.mark.real
@pytest.mark.req("F2")
def test_errors_in_xls_are_faults(tmp_path: Path, shared_data: Path) -> None:
    """An error cell of the old format is a fault; what that format does not tell is said, and refused where it is needed."""
    content = bytearray((shared_data / "excel/robustness/poi__SampleSS.xls").read_bytes())
    label = bytes([0xFD, 0x00, 0x0A, 0x00, 0x01, 0x00, 0x01, 0x00])  # LABELSST in B2, ten bytes
    place = content.index(label)
    # BOOLERR has eight bytes; the two that remain are a record of their own only if they were read as one.
    content[place : place + 4] = bytes([0x05, 0x02, 0x0A, 0x00])
    content[place + 10 : place + 14] = bytes([0x07, 0x01, 0, 0])
    path = tmp_path / "a.xls"
    path.write_bytes(content)
    options: dict[str, Any] = {"header_rows": 0, "header_row": 1, "names": {"A": "x", "B": "y"}}
    rows = read(path, **options)
    assert rows[1][FAULTS] == [{"column": "y", "at": "First Sheet!B2", "reason": "cell_error", "text": "#DIV/0!"}]
    facts = excel_format(**options).sniff(path, "a.xls").facts
    assert (facts["kind"], facts["merged cells"]) == (".xls", "not known in this format")
    with pytest.raises(DataError, match=r"which cells are merged is not known in this format.*excel.fill_merged"):
        read(path, fill_merged=True, **options)
