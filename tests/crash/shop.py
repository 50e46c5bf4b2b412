"""A small project for crash tests: files with dirt, models of several kinds; quick to run, every outcome known."""

from __future__ import annotations

import random
from pathlib import Path

PROJECT = "name: shop\ntime_zone: UTC\n"

ORDERS_CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: orders
version: 1.0.0
status: active
schema:
  - name: orders
    physicalName: bronze.orders
    properties:
      - name: order_id
        logicalType: integer
        primaryKey: true
        required: true
      - name: product
        logicalType: string
        required: true
      - name: ordered_on
        logicalType: date
      - name: quantity
        logicalType: integer
        logicalTypeOptions: {minimum: 1, maximum: 100}
"""

PRODUCTS_CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: products
version: 1.0.0
status: active
schema:
  - name: products
    physicalName: bronze.products
    properties:
      - name: product
        logicalType: string
        primaryKey: true
        required: true
      - name: price
        logicalType: number
        physicalType: decimal(10,2)
        required: true
"""

ORDERS_SOURCE = """\
connector: files
dataset: bronze.orders
write: append
options:
  path: storage/orders
  pattern: "orders_*.csv"
  max_files: 2
  wait: {stable_s: 0}
"""

PRODUCTS_SOURCE = """\
connector: files
dataset: bronze.products
write: merge
options:
  path: storage/products
  pattern: "*.csv"
  max_files: 1
  wait: {stable_s: 0}
"""

SILVER = """\
/* ---
name: silver.orders
kind: append
driving: bronze.orders
--- */
SELECT o.order_id, o.product, o.ordered_on, o.quantity
FROM bronze.orders AS o
"""

GOLD = """\
/* ---
name: gold.turnover
kind: full
--- */
SELECT o.product, sum(o.quantity) AS units, count(*) AS orders, sum(o.quantity * p.price) AS turnover
FROM silver.orders AS o
LEFT JOIN bronze.products AS p ON p.product = o.product
GROUP BY o.product
"""

DAILY = """\
/* ---
name: gold.daily
kind: partition
partition: [ordered_on]
incremental: always
--- */
SELECT o.ordered_on, sum(o.quantity) AS units, sum(o.quantity * p.price) AS turnover
FROM silver.orders AS o
LEFT JOIN bronze.products AS p ON p.product = o.product
GROUP BY o.ordered_on
"""

STATES = """\
/* ---
name: silver.states
kind: history
history: {key: [product], valid_from: ordered_on}
incremental: always
--- */
SELECT product, ordered_on, max(quantity) AS most
FROM bronze.orders
GROUP BY ALL
"""

FILES = {
    "entrepot.yaml": PROJECT,
    "contracts/orders.odcs.yaml": ORDERS_CONTRACT,
    "contracts/products.odcs.yaml": PRODUCTS_CONTRACT,
    "sources/orders.yaml": ORDERS_SOURCE,
    "sources/products.yaml": PRODUCTS_SOURCE,
    "models/silver/orders.sql": SILVER,
    "models/gold/turnover.sql": GOLD,
    "models/gold/daily.sql": DAILY,
    "models/silver/states.sql": STATES,
}


def make_project(root: Path) -> Path:
    """Write the project's files."""
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def order_files(seed: int, count: int) -> dict[str, str]:
    """Name → text of `count` files of orders: about one row in ten breaks the contract."""
    dice = random.Random(seed)
    files = {}
    for number in range(count):
        lines = ["order_id,product,ordered_on,quantity"]
        for row in range(dice.randint(1, 30)):
            order = number * 1000 + row
            dirt = dice.random()
            quantity = "many" if dirt < 0.05 else "0" if dirt < 0.1 else str(dice.randint(1, 100))
            lines.append(f"{order},p{dice.randint(1, 9)},2026-01-{dice.randint(1, 28):02d},{quantity}")
        files[f"orders_{number:03d}.csv"] = "\n".join(lines) + "\n"
    return files


def product_files(seed: int, count: int) -> dict[str, str]:
    """Name → text of `count` versions of the product list."""
    dice = random.Random(seed + 1)
    files = {}
    for number in range(count):
        lines = ["product,price"]
        lines += [f"p{product},{dice.randint(100, 999) / 100:.2f}" for product in range(1, 10) if dice.random() < 0.7]
        files[f"products_{number:03d}.csv"] = "\n".join(lines) + "\n"
    return files


def drop(root: Path, area: str, files: dict[str, str]) -> None:
    """Put files into the area's incoming folder, as careful people do: aside, then renamed."""
    incoming = root / "storage" / area / "incoming"
    incoming.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        aside = incoming / f".{name}.tmp"
        aside.write_text(text)
        aside.rename(incoming / name)
