"""In the retail example, the records that explain a KPI add up to it, computed by hand from the files' own rows."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from entrepot.app.explaining import ExplainDesk, Limits
from entrepot.app.project import open_project
from entrepot.app.session import run_project
from entrepot.app.wiring import Platform
from entrepot.examples import copy_example, generate_data

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, run once."""
    folder = tmp_path_factory.mktemp("explain") / "shop"
    generate_data(copy_example("retail", folder), folder)
    assert run_project(Platform(open_project(folder))).succeeded
    return folder


def _export(root: Path, dataset: str, where: str, into: Path) -> list[dict[str, str]]:
    desk = ExplainDesk(Platform(open_project(root)), Limits(full=True))
    answer = desk.explain(dataset, where, csv=into)
    assert not any(step.refused or step.notes for step in answer.steps), answer.steps
    with into.open() as file:
        return list(csv.DictReader(file))


def _read_line(root: Path, origin: str) -> dict[str, object]:
    """One row of a file of the example, by its number, read without the platform."""
    name, _, number = origin.partition("#")
    path = next((root / "storage").rglob(name))
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"SELECT * FROM {'read_parquet' if path.suffix == '.parquet' else 'read_csv'}(?)", [str(path)]
        ).to_arrow_table()
    return dict(rows.slice(int(number) - 1, 1).to_pylist()[0])


@pytest.mark.req("X2")
def test_total_sales_is_the_sum_of_the_till_lines_that_explain_it(root: Path, tmp_path: Path) -> None:
    where = "day = '2026-09-20' AND region = 'Centre' AND product_id = 'P0010'"
    rows = _export(root, "gold.kpi_total_sales", where, tmp_path / "records.csv")
    lines = [_read_line(root, row["origin"]) for row in rows if row["dataset"] == "bronze.sales"]
    total = sum(
        (1 if line["type"] == "sale" else -1)
        * (Decimal(str(line["quantity"])) * Decimal(str(line["unit_price"])) - Decimal(str(line["discount"])))
        for line in lines
    )
    answer = ExplainDesk(Platform(open_project(root))).explain("gold.kpi_total_sales", where)
    assert lines and answer.rows[0]["value"] == total


@pytest.mark.req("X2")
@pytest.mark.parametrize(
    ("dataset", "where"),
    [
        ("gold.kpi_stock_availability", "day = '2026-06-02' AND store_id = 'S01' AND product_id = 'P0296'"),
        ("gold.kpi_restock_frequency", "week = '2026-06-08' AND store_id = 'S01' AND product_id = 'P0006'"),
        ("gold.kpi_inventory_turnover", "month = '2026-08-01' AND store_id = 'S01' AND category = 'Drinks'"),
        ("gold.kpi_product_turnover_rate", "week = '2026-08-10' AND product_id = 'P0010'"),
    ],
)
def test_every_kpi_leads_to_its_files(root: Path, tmp_path: Path, dataset: str, where: str) -> None:
    rows = _export(root, dataset, where, tmp_path / "records.csv")
    assert {row["dataset"] for row in rows} & {"bronze.stock", "bronze.sales"}
    assert all(row["origin"] for row in rows)
