"""A real workbook: a month of a shop, row for row. Others are read in tests/real."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

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
