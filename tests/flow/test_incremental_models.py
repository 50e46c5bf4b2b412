"""Models that are computed in part hold what they would hold if they were computed as a whole, whatever happens to their inputs."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from entrepot.app.session import run_project
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


KEYED = """\
apiVersion: v3.2.0
kind: DataContract
id: {id}
version: 1.0.0
status: active
schema:
  - name: {id}
    physicalName: {dataset}
    properties:
{columns}
"""


def _contract(shop: Shop, dataset: str, *columns: str) -> None:
    name = dataset.partition(".")[2]
    text = KEYED.format(id=name, dataset=dataset, columns="\n".join(f"      - {{{column}}}" for column in columns))
    (shop.root / f"contracts/{name}.odcs.yaml").write_text(text)


def _priced(shop: Shop, prices: str) -> None:
    shop.drop("products", **{f"list{abs(hash(prices))}": "product,price\n" + prices.replace(" ", "\n") + "\n"})


@pytest.mark.parametrize(
    ("kind", "more", "key"),
    [
        ("append", "driving: bronze.orders\n", "order_id"),
        ("partition", "partition: [order_id]\n", "order_id"),
        ("partition", "partition: [product]\n", "order_id"),
        ("partition", "partition: [ordered_on]\n", "order_id"),
    ],
)
@pytest.mark.parametrize("key_type", ["integer", "string"])
@pytest.mark.req("X3")
def test_rows_with_a_key_of_the_contract_stay(shop: Shop, kind: str, more: str, key: str, key_type: str) -> None:
    """Few or many touched keys, a key that the contract turns into another type: no row is held against those that it replaces."""
    for name, way in (("kept", "always"), ("kept_twin", "never")):
        sql = (
            "SELECT o.order_id, o.product, o.ordered_on, o.quantity * p.price AS turnover FROM bronze.orders AS o "
            "LEFT JOIN bronze.products AS p ON p.product = o.product"
        )
        _write(shop, f"silver/{name}", kind if way == "always" else "full", more if way == "always" else "", way, sql)
        _contract(
            shop,
            f"silver.{name}",
            f"name: order_id, logicalType: {key_type}, primaryKey: true, required: true",
            "name: product, logicalType: string",
            "name: ordered_on, logicalType: date",
            "name: turnover, logicalType: number, physicalType: 'decimal(18,2)'",
        )
    _priced(shop, "p1,1.00 p2,2.00 p3,3.00")
    shop.orders("a", *(f"{n},p{1 + n % 3},2026-01-{1 + n % 9:02d},{1 + n}" for n in range(30)))
    shop.run()
    for prices in ("p1,5.00", "p1,6.00 p2,7.00 p3,8.00", "p3,9.00"):
        _priced(shop, prices)
        report = shop.run()
        assert not sum(plan.counts.rejected for r in report.results for plan in r.plans if plan.counts)
        columns = "order_id, product, ordered_on, turnover"
        assert shop.content("silver.kept", columns) == shop.content("silver.kept_twin", columns)


def test_of_two_rows_with_a_key_the_same_stays_in_part_as_a_whole(shop: Shop) -> None:
    """A key that stands in two partitions is settled over all rows, so an unrelated row later does not change which one is kept."""
    for name, way in (("kept", "always"), ("kept_twin", "never")):
        sql = "SELECT product, ordered_on, max(quantity) AS most FROM bronze.orders GROUP BY ALL"
        more = "partition: [ordered_on]\n" if way == "always" else ""
        _write(shop, f"gold/{name}", "partition" if way == "always" else "full", more, way, sql)
        _contract(
            shop,
            f"gold.{name}",
            "name: product, logicalType: string, primaryKey: true, required: true",
            "name: ordered_on, logicalType: date",
            "name: most, logicalType: integer",
        )
    shop.orders("a", "1,p1,2026-01-05,5", *(f"{n},p{n},2026-01-{n:02d},1" for n in range(10, 20)))
    for name, row in (("late", "2,p1,2026-01-02,9"), ("other", "3,p77,2026-01-07,1"), ("again", "4,p78,2026-01-05,1")):
        shop.run()
        assert shop.content("gold.kept", "*") == shop.content("gold.kept_twin", "*")
        shop.orders(name, row)
    shop.run()
    assert shop.content("gold.kept", "*") == shop.content("gold.kept_twin", "*")


def test_rows_as_a_whole_keep_their_system_columns(shop: Shop) -> None:
    """A model that keeps raw records as JSON sees each record with all that it carries, whenever it came."""
    sql = "SELECT o.order_id, to_json(o) AS raw, hash(o) AS digest FROM bronze.orders AS o"
    _write(shop, "silver/raw", "append", "driving: bronze.orders\n", "always", sql)
    shop.orders("a", "1,p1,2026-01-01,3")
    shop.run()
    shop.orders("b", "2,p1,2026-01-02,4")
    shop.run()
    rows = shop.rows(
        "SELECT json_extract(raw, '$._batch') AS b, json_extract(raw, '$._received_at') AS r FROM q.t", "silver.raw"
    )
    assert len(rows) == 2 and all(row["b"] != "null" and row["r"] != "null" for row in rows)


def test_a_text_as_a_partition_key_is_read_as_a_date(shop: Shop) -> None:
    """Where the range of a key cannot be compared with the stored column, all is computed, and nothing is blocked."""
    sql = "SELECT CAST(CAST(ordered_on AS VARCHAR) AS DATE) AS day, count(*) AS n FROM silver.texts GROUP BY ALL"
    _write(
        shop, "silver/texts", "full", "", "never", "SELECT CAST(ordered_on AS VARCHAR) AS ordered_on FROM bronze.orders"
    )
    _write(shop, "gold/days", "partition", "partition: [day]\n", "always", sql)
    for name, row in (("a", "1,p1,2026-01-01,3"), ("b", "2,p1,2026-01-02,4"), ("c", "3,p1,2026-01-02,4")):
        shop.orders(name, row)
        shop.run()
    assert sum(row["n"] for row in shop.rows("SELECT n FROM q.t", "gold.days")) == 3


def test_rejects_of_a_model_come_back_when_what_they_refer_to_comes(shop: Shop) -> None:
    """A row that was rejected for a missing product is judged again when products came, in a model that only adds rows too."""
    _write(shop, "silver/kept", "append", "driving: bronze.orders\n", "always", _plain())
    text = KEYED.format(
        id="kept",
        dataset="silver.kept",
        columns="      - {name: order_id, logicalType: integer}\n"
        "      - {name: product, logicalType: string, relationships: [{type: foreignKey, to: bronze.products.product, "
        "customProperties: [{property: entrepot.severity, value: error}]}]}",
    )
    (shop.root / "contracts/kept.odcs.yaml").write_text(text)
    _priced(shop, "p1,1.00")
    shop.orders("a", "1,p1,2026-01-01,3", "2,p2,2026-01-01,3")
    shop.run()
    rejected = shop.rows("SELECT count(*) AS n FROM q.t", "quarantine.silver.kept")
    assert rejected and rejected[0]["n"] == 1
    _priced(shop, "p2,2.00")
    shop.run()
    assert {row["order_id"] for row in shop.rows("SELECT order_id FROM q.t", "silver.kept")} == {1, 2}


def _plain() -> str:
    return "SELECT o.order_id, o.product FROM bronze.orders AS o"


def test_a_rebuild_that_somebody_asks_for(shop: Shop) -> None:
    """A model may be computed as a whole once, though nothing changed."""
    shop.orders("a", "1,p1,2026-01-01,3")
    shop.run()
    platform = shop.platform()
    platform.flows.models.rebuild.add("gold.daily")
    report = run_project(platform)
    (daily,) = [plan for r in report.results if r.node.name == "gold.daily" for plan in r.plans]
    assert daily.draft.reason == "somebody asked for it"
