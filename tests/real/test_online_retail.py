"""Online Retail (UCI): months, days and a workbook hold the same December in three shapes."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tests.real.feeding import RealProject, money, read_csv

pytestmark = pytest.mark.real


@pytest.fixture
def retail(real_project: Callable[[str], RealProject]) -> RealProject:
    return real_project("online_retail")


@pytest.mark.req("S1", "X1")
def test_months_are_the_whole(retail: RealProject, shared_data: Path) -> None:
    """Nine monthly files give every figure of the published set, and the balance closes."""
    retail.drop("monthly", *sorted((shared_data / "retail/online_retail/monthly").glob("*.csv.gz")))
    report = retail.run()
    sales = next(b for b in report.balances if b.dataset == "bronze.sales")
    assert (sales.received, sales.live, sales.rejected) == (320_705, 320_705, 0)
    totals = retail.rows(
        "SELECT sum(revenue) AS revenue, sum(cancellation_lines) AS cancelled, "
        "sum(revenue) FILTER (country = 'United Kingdom') AS uk FROM gold.revenue_by_country_month"
    )[0]
    assert money(totals["revenue"]) == Decimal("5761931.38")
    assert money(totals["uk"]) == Decimal("4776808.81")
    assert totals["cancelled"] == 5_847


@pytest.mark.req("S1")
def test_every_expected_cell(retail: RealProject, shared_data: Path) -> None:
    """Each country and month, and each day, equals the expected table."""
    retail.drop("monthly", *sorted((shared_data / "retail/online_retail/monthly").glob("*.csv.gz")))
    retail.run()
    found = {
        (row["country"], row["month"]): (
            row["lines"],
            row["invoices"],
            row["units"],
            money(row["revenue"]),
            money(row["revenue_without_cancellations"]),
        )
        for row in retail.rows("SELECT * FROM gold.revenue_by_country_month")
    }
    expected = {
        (row["Country"], row["ym"]): (
            int(row["lines_"]),
            int(row["invoices"]),
            int(row["units"]),
            money(row["revenue"]),
            money(row["revenue_without_cancellations"]),
        )
        for row in read_csv(shared_data / "expected/online_retail_revenue_by_country_month.csv")
    }
    assert found == expected
    days = {
        str(row["day"]): (row["lines"], row["invoices"], money(row["revenue"]))
        for row in retail.rows("SELECT * FROM gold.daily")
    }
    assert days == {
        row["d"]: (int(row["lines_"]), int(row["invoices"]), money(row["revenue"]))
        for row in read_csv(shared_data / "expected/online_retail_daily.csv")
    }


@pytest.mark.req("F5", "S2")
def test_december_in_three_shapes_is_there_once(retail: RealProject, shared_data: Path) -> None:
    """The month, then its days, then its workbook: each replaces the days it holds, row for row the same, none twice."""
    folder = shared_data / "retail/online_retail"
    columns = "InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, CustomerID, Country"
    shapes = []
    for area, files in (
        ("monthly", [folder / "monthly/online_retail_2010-12.csv.gz"]),
        ("daily", sorted((folder / "daily_2010-12").glob("*.csv"))),
        ("workbook", [folder / "Online_Retail_2010-12.xlsx"]),
    ):
        retail.drop(area, *files)
        retail.run()
        shapes.append(retail.rows(f"SELECT {columns}, count(*) AS n FROM bronze.sales GROUP BY ALL ORDER BY ALL"))
        total = retail.rows("SELECT count(*) AS n, sum(Quantity * UnitPrice) AS revenue FROM bronze.sales")[0]
        assert (total["n"], money(total["revenue"])) == (42_481, Decimal("748957.02")), area
    assert shapes[0] == shapes[1]
    blank = [row | {"Description": (row["Description"] or "").strip()} for row in shapes[1]]
    workbook = [row | {"Description": (row["Description"] or "").strip()} for row in shapes[2]]
    assert sorted(map(str, workbook)) == sorted(map(str, blank))
