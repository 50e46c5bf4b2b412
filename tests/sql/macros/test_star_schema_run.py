"""Macros through a whole run: cleaned orders, a dimension, facts with its keys, sums of days; and again when more comes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from entrepot.app.project import open_project
from entrepot.app.session import run_project
from entrepot.app.wiring import Platform
from entrepot.ports.relations import QueryScan, TableVersion

pytestmark = pytest.mark.req("A8")

FILES = {
    "entrepot.yaml": "name: star\ntime_zone: Europe/Berlin\n",
    "contracts/star.odcs.yaml": """
apiVersion: v3.2.0
kind: DataContract
id: star
version: 1.0.0
status: active
schema:
  - name: orders
    physicalName: bronze.orders
    properties:
      - {name: order_id, logicalType: string}
      - {name: product_id, logicalType: string}
      - {name: updated_at, logicalType: timestamp, required: true}
      - {name: amount, logicalType: number, physicalType: "decimal(12,2)", required: true}
  - name: products
    physicalName: bronze.products
    properties:
      - {name: product_id, logicalType: string, primaryKey: true}
      - {name: product, logicalType: string, required: true}
  - name: dim
    physicalName: gold.products
    properties:
      - {name: product_key, logicalType: string, primaryKey: true}
      - {name: product_id, logicalType: string}
      - {name: product, logicalType: string, required: true}
""",
    "sources/orders.yaml": "connector: files\ndataset: bronze.orders\nwrite: append\noptions: {path: storage/orders, wait: {stable_s: 0}}\n",
    "sources/products.yaml": "connector: files\ndataset: bronze.products\nwrite: merge\noptions: {path: storage/products, wait: {stable_s: 0}}\n",
    "models/silver/orders.sql": """SELECT order_id, product_id, updated_at, amount, loaded_at
FROM clean(bronze.orders, required := [order_id], newest := {key: [order_id], by: updated_at}, stamp := loaded_at)
""",
    "models/silver/stamped.sql": """/* ---
kind: append
driving: bronze.orders
--- */
SELECT * FROM clean(bronze.orders, required := [order_id], stamp := loaded_at)
""",
    "models/gold/products.sql": """SELECT *
FROM dimension(
  bronze.products, id := product_key, key := [product_id], columns := [product], unknown := {product: '(unknown)'}
)
""",
    "models/gold/orders.sql": """SELECT order_id, product_key, updated_at, amount
FROM fact(silver.orders, keys := {product_key: {to: gold.products, on: [product_id]}})
""",
    "models/gold/daily.sql": """SELECT *
FROM daily(gold.orders, day := updated_at, by := [product_key], sum := [amount], count := orders, distinct := {ids: order_id})
""",
    "storage/orders/incoming/1.csv": "order_id,product_id,updated_at,amount\n"
    "A1,P1,2026-03-01T09:00:00Z,10.00\n"
    ",P1,2026-03-01T09:00:00Z,99.00\n"
    "A2,P2,2026-03-01T23:30:00Z,5.00\n"  # the second of March in Berlin
    "A1,P1,2026-03-01T10:00:00Z,12.00\n"
    "A3,,2026-03-01T11:00:00Z,1.00\n",
    "storage/products/incoming/1.csv": "product_id,product\nP1,Tea\n",
}
DAYS = """
SELECT d.day::VARCHAR AS day, p.product, d.amount::VARCHAR AS amount, d.orders, d.ids
FROM gold.daily AS d JOIN gold.products AS p USING (product_key) ORDER BY ALL
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def run(root: Path) -> None:
    """Everything, without an error."""
    report = run_project(Platform(open_project(root)))
    assert [str(result.error) for result in report.results if result.error is not None] == []


def ask(root: Path, sql: str) -> list[tuple[Any, ...]]:
    """Rows of the newest release."""
    platform = Platform(open_project(root))
    release = platform.release_for(None)
    tables = {name: TableVersion(name, version) for name, version in release.tables.items()}
    found = platform.engine.query(QueryScan(sql, tables, release.views)).batches().read_all().to_pylist()
    return [tuple(row.values()) for row in found]


def test_a_star_of_dirty_orders(project: Path) -> None:
    """The newest order counts once, on its day in the project's zone; what no dimension knows is unknown until it comes."""
    run(project)
    assert ask(project, DAYS) == [
        ("2026-03-01", "(unknown)", "1.00", 1, 1),
        ("2026-03-01", "Tea", "12.00", 1, 1),
        ("2026-03-02", "(unknown)", "5.00", 1, 1),
    ]
    assert ask(project, "SELECT count(*), count(loaded_at), count(DISTINCT _record_id) FROM silver.stamped") == [
        (4, 4, 4)
    ]
    same = "SELECT bool_and(s.loaded_at = b._received_at) FROM silver.stamped AS s JOIN bronze.orders AS b USING (_record_id)"
    assert ask(project, same) == [(True,)]
    (project / "storage/orders/incoming/2.csv").write_text(
        "order_id,product_id,updated_at,amount\nA2,P2,2026-03-02T08:00:00Z,6.00\nA1,P1,2026-02-01T08:00:00Z,1000.00\n"
    )
    (project / "storage/products/incoming/2.csv").write_text("product_id,product\nP2,Coffee\n")
    run(project)
    assert ask(project, DAYS) == [
        ("2026-03-01", "(unknown)", "1.00", 1, 1),
        ("2026-03-01", "Tea", "12.00", 1, 1),
        ("2026-03-02", "Coffee", "6.00", 1, 1),
    ]
    assert ask(project, "SELECT count(*) FROM silver.stamped") == [(6,)]
