"""Scanner prices of orange juice and cheese: every cell of the expected tables."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tests.real.feeding import RealProject, money, read_csv

pytestmark = [pytest.mark.real, pytest.mark.req("F3", "F4")]


@pytest.fixture
def scanner(real_project: Callable[[str], RealProject], shared_data: Path) -> RealProject:
    """The project after its run."""
    project = real_project("scanner_prices")
    project.drop("oj", shared_data / "finance/dominicks_oj/oj_weekly.csv.gz")
    project.drop("cheese", shared_data / "finance/cheese_retailers/cheese_sellout.csv")
    report = project.run()
    assert {b.dataset: (b.live, b.rejected) for b in report.balances if b.dataset.startswith("bronze")} == {
        "bronze.oj": (61_600, 0),
        "bronze.cheese": (2_766, 0),
    }
    return project


def test_every_expected_cell(scanner: RealProject, shared_data: Path) -> None:
    """781 brand-weeks of juice to six places, 44 retailers of cheese to the cent."""
    juice = {(row["brand"], row["week"]): row for row in scanner.rows("SELECT * FROM gold.oj_by_brand_week")}
    wanted = read_csv(shared_data / "expected/dominicks_oj_by_brand_week.csv")
    assert len(juice) == len(wanted) == 781
    for row in wanted:
        found = juice[int(row["brand"]), int(row["week"])]
        assert (found["stores"], found["stores_on_deal"]) == (int(row["stores"]), int(row["stores_on_deal"]))
        for name in ("moved", "floor_price", "top_price", "mean_price"):
            assert found[name] == pytest.approx(float(row[name]), rel=1e-9, abs=6e-7), (row["brand"], row["week"], name)
    cheese = {row["retailer"]: row for row in scanner.rows("SELECT * FROM gold.cheese_by_retailer")}
    expected = read_csv(shared_data / "expected/cheese_by_retailer.csv")
    assert len(cheese) == len(expected) == 44
    for row in expected:
        found = cheese[row["RETAILER"]]
        assert (found["n_weeks"], found["volume"], found["weeks_on_display"]) == (
            int(row["n_weeks"]), int(Decimal(row["volume"])), int(row["weeks_on_display"]),
        )  # fmt: skip
        assert money(found["revenue"]) == money(row["revenue"])
        assert float(found["mean_price"]) == pytest.approx(float(row["mean_price"]), abs=6e-7)
    assert money(sum(row["revenue"] for row in cheese.values())) == Decimal("34903730.06")
