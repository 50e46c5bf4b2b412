"""Complete Journey (84.51°): half a year of real baskets in Parquet, some of products that nobody knows."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tests.real.feeding import RealProject, money, read_csv

pytestmark = pytest.mark.real


@pytest.mark.req("S1", "S5")
def test_baskets_against_published_figures(real_project: Callable[[str], RealProject], shared_data: Path) -> None:
    """Sums, departments and stores equal the expected tables; lines without product master are kept with a warning."""
    project = real_project("complete_journey")
    folder = shared_data / "retail/complete_journey"
    project.drop("products", folder / "products.parquet")
    project.drop("transactions", folder / "transactions_2017h1.parquet")
    project.run()
    totals = project.rows(
        "SELECT count(*) AS n, sum(sales_value) AS sales, sum(retail_disc) AS disc, "
        "count(*) FILTER (len(_warnings) > 0) AS warned FROM bronze.transactions"
    )[0]
    assert totals["n"] == 728_336
    assert money(totals["sales"]) == Decimal("2249188.20")
    assert money(totals["disc"]) == Decimal("394817.04")
    assert totals["warned"] == 2_132
    found = {
        ("" if row["department"] == "(no product master)" else row["department"], row["month"]): (
            row["lines"],
            money(row["sales"]),
            money(row["retail_disc"]),
        )
        for row in project.rows("SELECT * FROM gold.sales_by_department_month")
    }
    expected = {
        (row["department"], row["ym"]): (int(row["lines_"]), money(row["sales"]), money(row["retail_disc"]))
        for row in read_csv(shared_data / "expected/complete_journey_sales_by_department_month.csv")
    }
    assert found == expected
    stores = {
        (row["store_id"], str(row["week"])): (row["lines"], row["baskets"], money(row["sales"]))
        for row in project.rows("SELECT * FROM gold.sales_by_store_week")
    }
    assert stores == {
        (row["store_id"], row["week"]): (int(row["lines_"]), int(row["baskets"]), money(row["sales"]))
        for row in read_csv(shared_data / "expected/complete_journey_sales_by_store_week.csv")
    }
