"""Real workbooks: a month of a shop row for row, partners' layouts to their totals, and workbooks that broke other readers."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from entrepot.kernel.errors import DataError
from entrepot.ports.relations import RECORD, Stream
from tests.adapters.files.formats import excel_format

pytestmark = pytest.mark.real


def read(path: Path, *, numeric: tuple[str, ...] = (), **options: Any) -> list[dict[str, Any]]:
    """All records of all parts."""
    rows = []
    for part in excel_format(numeric=numeric, **options).parts(path, path.name):
        assert isinstance(part.rows, Stream)
        rows += [row for batch in part.rows.open() for row in batch.to_pylist()]
    return rows


def as_excel(row: dict[str, str]) -> dict[str, str | None]:
    """A line of the daily CSV files as the workbook holds it: numbers in their shortest form, blanks for nothing."""
    values: dict[str, str | None] = {key: value or None for key, value in row.items()}
    for column in ("Quantity", "UnitPrice", "CustomerID"):
        value = values[column]
        values[column] = None if value is None else f"{Decimal(value).normalize():f}"
    return values


def test_a_month_row_for_row(shared_data: Path) -> None:
    """All 42,481 rows of December 2010 equal the daily CSV files, value for value as text."""
    folder = shared_data / "retail" / "online_retail"
    wanted = []
    for path in sorted((folder / "daily_2010-12").glob("*.csv")):
        with path.open(newline="") as file:
            wanted += [as_excel(row) for row in csv.DictReader(file)]
    rows = read(folder / "Online_Retail_2010-12.xlsx")
    assert len(rows) == 42_481
    assert [row[RECORD] for row in rows] == list(range(2, 42_483))
    got = [{key: value for key, value in row.items() if not key.startswith("_")} for row in rows]
    different = [(one, other) for one, other in zip(got, wanted, strict=True) if one != other]
    assert different == []


PARTNERS = [
    ("partner_1_albany_ny___price_chopper", {"header_row": 4}, "Volume (units)", "Avg. price", 83_158, "207695.00"),
    ("partner_3_louisville___kroger_co", {"decimal": ",", "thousands": "."}, "Menge", "Preis", 203_427, "516478.01"),
    ("partner_4_richmond_norfolk___food_lion", {"sheets": ("20*",)}, "volume", "price", 393_613, "995994.97"),
    ("partner_5_tampa_st__pete___winn_dixie", {"header_row": 7}, "Volume", "Price", 314_568, "825694.01"),
]


@pytest.mark.req("F2")
@pytest.mark.parametrize(("name", "options", "volume", "price", "units", "money"), PARTNERS)
def test_partner_layouts(
    shared_data: Path, name: str, options: dict[str, Any], volume: str, price: str, units: int, money: str
) -> None:
    """Title blocks, text numbers, sheets by quarter, tables in a corner: the totals are those that are known."""
    path = shared_data / "finance" / "partner_workbooks" / f"{name}.xlsx"
    rows = read(path, numeric=(volume.lower(), price.lower()), **options)
    lines = [row for row in rows if row[volume] and row[price] and row[volume].strip().isdigit()]
    assert sum(int(row[volume]) for row in lines) == units
    total = sum(Decimal(row[volume]) * Decimal(row[price]) for row in lines)
    assert round(total, 2) == Decimal(money)


@pytest.mark.slow
def test_robustness_workbooks_end_well(shared_data: Path) -> None:
    """Encrypted, corrupt, hostile and odd workbooks are read or refused in our words."""
    folder = shared_data / "excel" / "robustness"
    texts: dict[str, str] = {}
    read_count = 0
    for path in sorted(folder.glob("*.xls*")):
        try:
            read(path)
            read_count += 1
        except DataError as error:
            texts[path.name] = str(error)
    assert [name for name, text in texts.items() if name not in text] == []
    assert [name for name, text in texts.items() if "was ended" in text] == [], (
        "a small workbook must not kill its reader"
    )
    assert read_count >= 15


def test_protected_and_bombs_are_refused(shared_data: Path) -> None:
    """Why a workbook is refused is said."""
    folder = shared_data / "excel" / "robustness"
    for name, said in [
        ("calamine__pass_protected.xlsx", "password"),
        ("poi__poc-xmlbomb.xlsx", "damaged"),
        ("poi__finance.xls", "old Excel"),
    ]:
        with pytest.raises(DataError, match=said):
            read(folder / name)
