"""Models that are computed in part hold what they would hold if they were computed as a whole, whatever happens to their inputs."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from entrepot.kernel.positions import Versions
from tests.flow.running import Shop

HEAD = "/* ---\nkind: {kind}\n{more}incremental: {incremental}\n--- */\n{sql}\n"

PARTITIONS = {
    "by_product": (
        "product",
        "SELECT product, sum(quantity) AS n, count(*) AS rows FROM bronze.orders GROUP BY product",
    ),
    "by_day": (
        "day",
        "SELECT ordered_on AS day, p.price, sum(o.quantity) AS n FROM bronze.orders AS o "
        "LEFT JOIN bronze.products AS p ON p.product = o.product GROUP BY ALL",
    ),
    "running": (
        "product",
        "SELECT product, order_id, sum(quantity) OVER (PARTITION BY product ORDER BY ordered_on, order_id) AS n "
        "FROM bronze.orders",
    ),
    "latest": (
        "product",
        "SELECT product, order_id, quantity FROM bronze.orders "
        "QUALIFY row_number() OVER (PARTITION BY product ORDER BY ordered_on DESC, order_id DESC) = 1",
    ),
    "priced": (
        "order_id",
        "SELECT o.order_id, o.quantity * p.price AS turnover FROM bronze.orders AS o JOIN bronze.products AS p USING (product)",
    ),
    "unsold": (
        "product",
        "SELECT p.product, p.price FROM bronze.products AS p "
        "WHERE NOT EXISTS (SELECT 1 FROM bronze.orders AS o WHERE o.product = p.product AND o.quantity > 20)",
    ),
    "share": (
        "ordered_on",
        "WITH d AS (SELECT ordered_on, product, sum(quantity) AS n FROM silver.plain GROUP BY ALL) "
        "SELECT ordered_on, product, n, sum(n) OVER (PARTITION BY ordered_on) AS total FROM d",
    ),
    "above": (
        "product",
        "SELECT product, count(*) AS n FROM silver.some WHERE quantity > 10 GROUP BY product HAVING count(*) > 1",
    ),
}
"""name → partition columns, SELECT."""


NEWEST = """\
apiVersion: v3.2.0
kind: DataContract
id: newest
version: 1.0.0
status: active
schema:
  - name: newest
    physicalName: silver.newest
    properties:
      - {name: product, logicalType: string, primaryKey: true, required: true}
      - {name: order_id, logicalType: integer}
      - {name: quantity, logicalType: integer}
"""


@pytest.fixture
def modelled(tmp_path: Path) -> Shop:
    """A shop with a twin of each incremental model that is computed as a whole every time."""
    shop = Shop(tmp_path / "shop")
    shop.edit("sources/orders.yaml", "  max_files: 2", "  max_files: 2\n  supersedes: {by: name}")
    for name, (keys, sql) in PARTITIONS.items():
        _write(shop, f"gold/{name}", "partition", f"partition: [{keys}]\n", "always", sql)
        _write(shop, f"gold/{name}_twin", "full", "", "never", sql)
    _write(shop, "silver/plain", "append", "driving: bronze.orders\n", "always", _joined())
    (shop.root / "contracts/newest.odcs.yaml").write_text(NEWEST)
    newest = "SELECT o.product, o.order_id, o.quantity FROM bronze.orders AS o"
    _write(shop, "silver/newest", "merge", "driving: bronze.orders\n", "always", newest)
    last = " QUALIFY row_number() OVER (PARTITION BY product ORDER BY _record_id DESC) = 1"
    _write(shop, "silver/newest_twin", "full", "", "never", newest + last)
    _write(shop, "silver/plain_twin", "full", "", "never", _joined())
    _write(shop, "silver/some", "view", "", "auto", "SELECT * FROM silver.plain WHERE quantity > 3")
    history = "SELECT product, ordered_on, max(quantity) AS most FROM bronze.orders GROUP BY ALL"
    options = "history: {key: [product], valid_from: ordered_on}\n"
    _write(shop, "silver/states", "history", options, "always", history)
    _write(shop, "silver/states_twin", "history", options, "never", history)
    return shop


def _joined() -> str:
    return (
        "SELECT o.order_id, o.product, o.ordered_on, o.quantity, p.price FROM bronze.orders AS o "
        "LEFT JOIN bronze.products AS p ON p.product = o.product"
    )


def _write(shop: Shop, name: str, kind: str, more: str, incremental: str, sql: str) -> None:
    text = HEAD.format(kind=kind, more=more, incremental=incremental, sql=sql)
    (shop.root / f"models/{name}.sql").write_text(text)


def _twins(shop: Shop) -> list[tuple[str, str]]:
    names = [f"gold.{name}" for name in PARTITIONS] + ["silver.plain", "silver.newest", "silver.states"]
    return [(name, f"{name}_twin") for name in names]


def _rows(shop: Shop, name: str) -> Counter[str]:
    system = "_record_id, _batch, _source, _origin, _received_at, _corrects, _warnings"
    columns = f"* EXCLUDE ({system})" if name in ("silver.plain", "silver.newest") else "*"
    return shop.content(name, columns)


def _ways(shop: Shop) -> Counter[str]:
    plans = shop.platform().state.plans()
    return Counter(plan.draft.position.way for plan in plans if isinstance(plan.draft.position, Versions))


def _orders(dice: random.Random) -> list[str]:
    numbers = dice.sample(range(1000), dice.randint(1, 12))
    return [
        f"{number},{dice.choice(['p1', 'p2', 'p3', 'p4'])},2026-01-{dice.randint(1, 6):02d},{dice.randint(1, 30)}"
        for number in numbers
    ]


def _change(shop: Shop, dice: random.Random, number: int) -> None:
    """New, late, corrected or missing orders (a file sent again), or other prices."""
    happening = dice.random()
    if happening < 0.35:
        prices = [f"p{n},{dice.randint(1, 9)}.00" for n in range(1, 5) if dice.random() < 0.7]
        shop.drop("products", **{f"list{number}": "product,price\n" + "".join(f"{line}\n" for line in prices)})
    if happening > 0.2:
        base = dice.randint(0, 3)
        rows = [f"{base * 1000 + int(row.split(',')[0])},{row.split(',', 1)[1]}" for row in _orders(dice)]
        shop.orders(f"file{base}", *dict.fromkeys(rows))


def _check(shop: Shop, seed: int, step: int) -> None:
    for name, twin in _twins(shop):
        assert _rows(shop, name) == _rows(shop, twin), f"{name} after step {step} of seed {seed}"


@pytest.mark.req("F20")
def test_in_part_as_a_whole(modelled: Shop) -> None:
    """Appends, corrections, deletions, late rows and other dimensions leave each model equal to its twin, and parts were computed."""
    dice = random.Random(1)
    for step in range(4):
        _change(modelled, dice, step)
        modelled.run()
        _check(modelled, 1, step)
    assert _ways(modelled)["keys"] > 10, _ways(modelled)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(10, 15))
def test_in_part_as_a_whole_at_length(modelled: Shop, seed: int) -> None:
    """The same over longer histories."""
    dice = random.Random(seed)
    for step in range(10):
        _change(modelled, dice, step)
        modelled.run()
        _check(modelled, seed, step)
