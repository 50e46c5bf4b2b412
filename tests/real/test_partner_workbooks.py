"""Five partners' workbooks, each laid out otherwise, reach their known volumes and values by stated layouts, without a line of code."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from deltalake import DeltaTable

from entrepot.app.session import RunReport
from tests.real.feeding import RealProject, money

pytestmark = pytest.mark.real

NAMES = {1: "albany", 2: "cleveland", 3: "louisville", 4: "richmond", 5: "tampa"}
KNOWN = {
    1: (61, 83_158, "207695.00", 24, "2024-01-07", "2025-03-02"),
    2: (61, 228_777, "612070.00", 45, None, None),
    3: (61, 203_427, "516478.01", 53, "2024-01-07", "2025-03-02"),
    4: (68, 393_613, "995994.97", 56, "2024-01-07", "2025-04-20"),
    5: (61, 314_568, "825694.01", 35, "2024-01-07", "2025-03-02"),
}
"""The figures of the workbooks' SOURCE.txt: weeks, volume, money, weeks with display, first and last week."""


@pytest.fixture
def partners(real_project: Callable[[str], RealProject], shared_data: Path) -> tuple[RealProject, RunReport]:
    """The project with all workbooks taken."""
    project = real_project("partner_workbooks")
    for number, name in NAMES.items():
        project.drop(name, workbook(shared_data, number))
    project.drop("tampa_display", workbook(shared_data, 5))
    return project, project.run()


def workbook(shared_data: Path, number: int) -> Path:
    """The workbook of a partner."""
    (path,) = (shared_data / "finance" / "partner_workbooks").glob(f"partner_{number}_*.xlsx")
    return path


@pytest.mark.req("F2", "S1")
def test_known_figures_and_cells(partners: tuple[RealProject, RunReport], shared_data: Path) -> None:
    """Weeks, volumes and values equal SOURCE.txt; each cell that cannot be used is a reject with its cell; what was left out is said."""
    project, report = partners
    found = {
        row["partner"]: (
            row["weeks"],
            int(row["volume"]),
            str(money(row["money"])),
            row["displayed"],
            row["first_week"] and str(row["first_week"]),
            row["last_week"] and str(row["last_week"]),
        )
        for row in project.rows("SELECT * FROM gold.volume_by_partner")
    }
    assert found == KNOWN

    wanted = error_cells(workbook(shared_data, 5))
    rejected = rejected_cells(project, "bronze.tampa_display")
    assert len(wanted) == 26
    assert rejected == {f"{workbook(shared_data, 5).name}#Data!{row}": f"Data!{cell}" for row, cell in wanted.items()}

    notes = [note for result in report.results for plan in result.plans for note in plan.details.get("notes", ())]
    assert any(
        "partner_1_albany" in note and "1 row (66) with 'Total' in Week ending left out" in note for note in notes
    )
    assert any(
        "partner_3_louis" in note and "3 rows (22, 43, 64) repeating the header left out" in note for note in notes
    )

    row = project.rows("SELECT * FROM bronze.cleveland WHERE month = 'Jan 2024' AND week = 'W02'")[0]
    assert (row["volume"], row["price"]) == (5551, Decimal("2.731940"))
    assert row["_origin"] == f"{workbook(shared_data, 2).name}#KW!4"
    last = project.rows("SELECT * FROM bronze.richmond ORDER BY week DESC LIMIT 1")[0]
    assert (last["week"], last["quarter"]) == (dt.date.fromisoformat("2025-04-20"), "2025 Q2")


def rejected_cells(project: RealProject, dataset: str) -> dict[str, str]:
    """Origin → the cell that is at fault, from quarantine as delta-rs reads it."""
    table = DeltaTable(project.root / ".entrepot" / "lake" / "quarantine" / dataset).to_pyarrow_table()
    found = {}
    for row in table.to_pylist():
        (reason,) = row["reasons"]
        assert (reason["rule"], reason["value"]) == ("cell_error", "#DIV/0!"), reason
        found[row["_origin"]] = reason["at"]
    return found


def error_cells(path: Path) -> dict[int, str]:
    """The cells with an error, by row, as openpyxl sees them."""
    sheet: Any = openpyxl.load_workbook(path, data_only=True)["Data"]
    return {cell.row: cell.coordinate for row in sheet.iter_rows() for cell in row if cell.data_type == "e"}
