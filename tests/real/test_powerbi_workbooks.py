"""Two published workbooks with tables of their own: every value as openpyxl reads it, and known sums."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from entrepot.ports.relations import FAULTS, Stream
from tests.adapters.files.formats import excel_format

pytestmark = pytest.mark.real


def read(path: Path, **options: Any) -> list[dict[str, Any]]:
    """The records of the first sheet."""
    part = excel_format(**options).parts(path, path.name)[0]
    assert isinstance(part.rows, Stream)
    return [row for batch in part.rows.open() for row in batch.to_pylist()]


def test_financial_sample(shared_data: Path) -> None:
    """700 records with sums as the workbook itself has them; header texts lose the blanks around them."""
    path = shared_data / "finance" / "powerbi_samples" / "Financial Sample.xlsx"
    sheet: Any = openpyxl.load_workbook(path, data_only=True).worksheets[0]
    header, *rows = sheet.iter_rows(values_only=True)
    found = read(path)
    assert len(found) == len(rows) == 700
    assert all(row[FAULTS] is None for row in found)
    for name in ("Units Sold", "Gross Sales", "COGS", "Profit"):
        place = [str(text).strip() for text in header].index(name)
        own = sum(Decimal(repr(row[place])) for row in rows if row[place] is not None)
        assert sum(Decimal(row[name]) for row in found if row[name]) == own, name
