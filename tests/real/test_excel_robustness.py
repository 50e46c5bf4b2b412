"""46 workbooks that broke other readers: right values, cell by cell as openpyxl reads them, or a refusal that says why."""

from __future__ import annotations

import csv
import datetime as dt
import warnings
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from entrepot.kernel.errors import DataError
from entrepot.ports.relations import FAULTS, RECORD, Stream
from tests.adapters.files.formats import excel_format
from tests.adapters.files.grids import load_grid, sheets_of

pytestmark = pytest.mark.real

with Path(__file__).with_name("excel_robustness.csv").open(encoding="utf-8", newline="") as _file:
    TABLE = list(csv.DictReader(_file))


def options_of(row: dict[str, str]) -> dict[str, Any]:
    """The layout that a line of the table states."""
    options: dict[str, Any] = YAML(typ="safe").load(row["options"])
    return options


def read(path: Path, **options: Any) -> dict[str, list[dict[str, Any]]]:
    """Records by sheet."""
    found = {}
    for part in excel_format(**options).parts(path, path.name):
        assert isinstance(part.rows, Stream)
        found[part.place.partition("#")[2]] = [row for batch in part.rows.open() for row in batch.to_pylist()]
    return found


def test_every_workbook_is_in_the_table(shared_data: Path) -> None:
    """The table speaks of all of them."""
    folder = shared_data / "excel" / "robustness"
    assert {row["file"] for row in TABLE} == {path.name for path in folder.glob("*.[xo][ld]s*")}
    assert len(TABLE) == 46


@pytest.mark.req("F2")
@pytest.mark.parametrize("row", TABLE, ids=[row["file"] for row in TABLE])
def test_outcome(shared_data: Path, row: dict[str, str]) -> None:
    """Read with so many columns and records, or refused in these words, within bounded time and memory."""
    path = shared_data / "excel" / "robustness" / row["file"]
    options = options_of(row) | {"memory_limit_mb": 1024, "time_limit_s": 100}
    if row["outcome"] == "refused":
        with pytest.raises(DataError) as refused:
            read(path, **options)
        assert row["what"] in str(refused.value)
        assert row["file"] in str(refused.value)
        return
    found = read(path, **options)
    shown = "; ".join(
        f"{sheet} {max((len(r) for r in rows), default=2) - 2}x{len(rows)}" for sheet, rows in found.items()
    )
    assert shown == row["what"]


OPENPYXL_CANNOT = {
    "calamine__pass_protected.xlsx", "poi__poc-xmlbomb.xlsx", "poi__protected_passtika.xlsx", "poi__xlsx-corrupted.xlsx",
}  # fmt: skip
OTHERWISE = {("calamine__has_x000D_.xlsx", "A1"): "ABC\r\nDEF"}
"""openpyxl leaves the escape as it stands."""


@pytest.mark.parametrize("name", sorted(r["file"] for r in TABLE if Path(r["file"]).suffix in (".xlsx", ".xlsm")))
def test_every_cell_as_openpyxl_reads_it(shared_data: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All cells of all sheets: numbers exactly, dates, texts; what openpyxl shows as an error is a fault here."""
    import openpyxl

    if name in OPENPYXL_CANNOT:
        pytest.skip("openpyxl cannot read it, and neither do we: test_outcome")
    # cells alone: where Pillow is installed openpyxl also loads pictures, and fails where one is missing
    monkeypatch.setattr("openpyxl.reader.excel.find_images", lambda archive, path: ([], []))
    path = shared_data / "excel" / "robustness" / name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        book = openpyxl.load_workbook(path, data_only=True)
    different = []
    for sheet in book.worksheets:
        grid = load_grid(path, sheet.title)
        for row in sheet.iter_rows():
            for cell in row:
                if cell.column is None or (name, cell.coordinate) in OTHERWISE:
                    continue
                found, fault = grid.text(cell.row, cell.column - 1), grid.fault(cell.row, cell.column - 1)
                if not is_same(cell.value, found, fault, cell.data_type):
                    different.append((sheet.title, cell.coordinate, cell.value, found, fault))
        assert grid.marks.merged is not None
        assert len(grid.marks.merged) == len(sheet.merged_cells.ranges)
    assert different == []


def is_same(value: Any, text: str | None, fault: tuple[str, str] | None, kind: str) -> bool:
    """True when our text, or our fault, is what openpyxl's value is."""
    match value:
        case _ if fault is not None:
            never = value is None and fault[0] == "formula_without_value"
            return fault[0] == "impossible_date" or never or (kind == "e" and value == fault[1])
        case None:
            return text is None
        case bool():
            return text == str(value).lower()
        case int() | float():
            return text is not None and float(text) == value
        case dt.datetime():
            return text is not None and dt.datetime.fromisoformat(text) == value
        case dt.time():
            return text is not None and dt.time.fromisoformat(text) == value
        case dt.timedelta():
            hours, minutes, seconds = (text or "0:0:0").split(":")
            length = dt.timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds))
            return abs(length - value) < dt.timedelta(milliseconds=1)
    return (text or "") == str(value).strip()


def test_one_content_in_four_formats(shared_data: Path) -> None:
    """xls, ods and strict xlsx give the texts that xlsx gives."""
    folder = shared_data / "excel" / "robustness"
    names = ["poi__SampleSS.xlsx", "poi__SampleSS.xls", "poi__SampleSS.ods", "poi__SampleSS.strict.xlsx"]
    shapes = []
    for name in names:
        grids = [load_grid(folder / name, sheet) for sheet in sheets_of(folder / name)]
        shapes.append([[[g.text(r, c) for c in g.columns] for r in range(1, g.rows + 1)] for g in grids])
    assert shapes[0][0][1] == ["2nd row", "2nd row 2nd column"]
    assert shapes[1:] == [shapes[0]] * 3


@pytest.mark.req("F2")
@pytest.mark.parametrize(
    "name", ["calamine__date.xlsx", "calamine__date_1904.xlsx", "calamine__date.xlsb", "calamine__date_1904.xls"]
)
def test_both_calendars(shared_data: Path, name: str) -> None:
    """Days counted from 1900 and from 1904, and a length of time, in three formats."""
    options = {"header_rows": 0, "header_row": 1, "names": {"A": "t", "B": "n"}}
    (rows,) = read(shared_data / "excel" / "robustness" / name, **options).values()
    assert [row["t"] for row in rows] == ["2021-01-01 00:00:00", "2021-01-02 00:00:00", "255:10:10"]
    assert [row["n"] for row in rows] == ["15", "16", "17"]


def test_error_cells_and_impossible_days_are_faults(shared_data: Path) -> None:
    """Each of Excel's errors, and 29 February 1900, with their cell."""
    folder = shared_data / "excel" / "robustness"
    options: dict[str, Any] = {"header_rows": 0, "header_row": 1, "names": {"A": "x"}}
    (rows,) = read(folder / "calamine__errors.xlsx", **options).values()
    errors = ["#DIV/0!", "#NAME?", "#VALUE!", "#NULL!", "#REF!", "#NUM!", "#N/A"]
    assert [(row[RECORD], row[FAULTS][0]["at"], row[FAULTS][0]["text"]) for row in rows] == [
        (number, f"Feuil1!A{number}", text) for number, text in enumerate(errors, 1)
    ]
    (rows,) = read(folder / "tidyxl__1900-02-29.xlsx", **options).values()
    assert rows[0][FAULTS][0]["text"] == "1900-02-29, a day that there never was"
