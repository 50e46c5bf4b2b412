"""Situations in which a wrong number could slip in although every count closes."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.app.rejects_desk import RejectsDesk
from entrepot.flow.rejects import RejectStatus
from entrepot.kernel.errors import EntrepotError, ProjectError, UsageError
from entrepot.kernel.points import clear_hooks, install_hook
from tests.flow.running import ORDERS, Shop

BY_NAME = ("wait: {stable_s: 0}", "wait: {stable_s: 0}\n  supersedes: {by: name}")
BY_DAY = ("wait: {stable_s: 0}", "wait: {stable_s: 0}\n  supersedes: {by: period, column: ordered_on, grain: day}")


def quantities(shop: Shop, table: str = "bronze.orders") -> dict[int, int]:
    """order_id → quantity; fails when an order is there twice."""
    rows = shop.rows("SELECT order_id, quantity FROM q.t", table)
    assert len({row["order_id"] for row in rows}) == len(rows), rows
    return {row["order_id"]: row["quantity"] for row in rows}


def without_key(shop: Shop) -> None:
    """Take the primary key out of the contract of orders."""
    shop.edit("contracts/orders.odcs.yaml", "        primaryKey: true\n", "")


@pytest.mark.req("X3")
def test_a_kill_within_a_void_loses_no_good_file(shop: Shop) -> None:
    """The process dies between the empty commit and the state's void: the good file is taken, the bad one refused."""
    shop.orders("a", "1,p1,2026-01-01,3")
    shop.drop(b="other,columns\n1,2\n")

    def die(point: str) -> None:
        if point == "void.after":
            raise KeyboardInterrupt

    install_hook(die)
    try:
        with pytest.raises(KeyboardInterrupt):
            shop.run()
    finally:
        clear_hooks()
    shop.run()
    assert quantities(shop) == {1: 3}
    assert shop.files("rejected") == ["orders_b.csv"]


def test_a_retry_never_replaces_the_table(shop: Shop) -> None:
    """A reject of a source that replaces its table is added to what is there."""
    shop.edit("sources/orders.yaml", "write: append", "write: replace")
    shop.orders("a", "1,p1,2026-01-01,3", "2,p1,2026-01-01,bad")
    shop.run()
    desk = RejectsDesk(shop.platform())
    desk.fix(desk.list("bronze.orders")[0].id, {"quantity": "4"}, "read again")
    desk.retry()
    assert quantities(shop) == {1: 3, 2: 4}


def test_a_rebuilt_merge_model_keeps_the_last_row_of_a_key(shop: Shop) -> None:
    """Built step by step or anew as a whole, a merge model holds the newest row of each key."""
    shop.edit("models/silver/orders.sql", "kind: append", "kind: merge")
    contract = (shop.root / "contracts/orders.odcs.yaml").read_text()
    silver = (
        contract.replace("id: orders", "id: silver")
        .replace("bronze.orders", "silver.orders")
        .replace("- name: order_id", "- name: product")
    )
    silver = silver.replace(
        "logicalType: integer\n        primaryKey: true", "logicalType: string\n        primaryKey: true", 1
    )
    silver = silver.replace(
        "      - name: product\n        logicalType: string\n        required: true\n",
        "      - name: order_id\n        logicalType: integer\n",
        1,
    )
    (shop.root / "contracts/silver.odcs.yaml").write_text(silver)
    shop.orders("a", "1,p1,2026-01-01,3")
    shop.run()
    shop.orders("b", "2,p1,2026-01-01,50")
    shop.run()
    assert [row["quantity"] for row in shop.rows("SELECT * FROM q.t", "silver.orders")] == [50]
    shop.edit("models/silver/orders.sql", "o.quantity\n", "o.quantity + 0 AS quantity\n")
    shop.run()
    assert [row["quantity"] for row in shop.rows("SELECT * FROM q.t", "silver.orders")] == [50]


def test_a_period_with_a_key_is_replaced(shop: Shop) -> None:
    """Rows that come again with the keys of the period that they replace are no duplicates."""
    shop.edit("sources/orders.yaml", *BY_DAY)
    shop.orders("a", "1,p1,2026-01-01,1", "2,p1,2026-01-01,2", "9,p1,2026-01-09,9")
    shop.run()
    shop.orders("b", "1,p1,2026-01-01,11", "2,p1,2026-01-01,22", "3,p1,2026-01-01,33")
    shop.run()
    assert quantities(shop) == {1: 11, 2: 22, 3: 33, 9: 9} == quantities(shop, "silver.orders")


@pytest.mark.parametrize("keyed", [True, False])
def test_a_corrected_file_takes_its_corrected_rejects_along(shop: Shop, keyed: bool) -> None:
    """A row that was mended by hand goes with the file that it came in, and a reject of that file can no longer be taken."""
    shop.edit("sources/orders.yaml", *BY_NAME)
    if not keyed:
        without_key(shop)
    shop.orders("a", "1,p1,2026-01-01,3", "2,p1,2026-01-01,bad", "3,p1,2026-01-01,bad")
    shop.run()
    desk = RejectsDesk(shop.platform())
    mended, waiting = desk.list("bronze.orders")
    desk.fix(mended.id, {"quantity": "99"}, "guess")
    desk.fix(waiting.id, {"quantity": "98"}, "guess")
    desk.retry(ids=[mended.id])
    shop.run()
    shop.orders("a", "1,p1,2026-01-01,3", "2,p1,2026-01-01,4", "3,p1,2026-01-01,5")
    shop.run()
    assert quantities(shop) == {1: 3, 2: 4, 3: 5} == quantities(shop, "silver.orders")
    desk = RejectsDesk(shop.platform())
    assert desk.get(waiting.id).status is RejectStatus.SUPERSEDED
    assert desk.retry().taken == 0


def test_a_reject_of_a_replaced_period_is_not_taken_again(shop: Shop) -> None:
    """When the period has been replaced since, a corrected reject of the old one would stand twice: it is refused."""
    shop.edit("sources/orders.yaml", *BY_DAY)
    without_key(shop)
    shop.orders("a", "1,p1,2026-01-01,3", "2,p1,2026-01-01,bad")
    shop.run()
    shop.orders("b", "1,p1,2026-01-01,3", "2,p1,2026-01-01,4")
    shop.run()
    desk = RejectsDesk(shop.platform())
    reject = desk.list("bronze.orders")[0]
    desk.fix(reject.id, {"quantity": "4"}, "late")
    with pytest.raises(EntrepotError, match="replaced since"):
        desk.retry()
    shop.run()
    assert quantities(shop) == {1: 3, 2: 4}


def test_what_comes_back_is_news_where_rows_are_replaced(shop: Shop) -> None:
    """Deliveries A, B, A of a table that is replaced, and of one that is merged, end with A."""
    shop.edit("sources/orders.yaml", "write: append", "write: replace")
    for name, quantity in (("a", 1), ("b", 2), ("c", 1)):
        shop.orders(name, f"1,p1,2026-01-01,{quantity}")
        shop.drop("products", **{name: f"product,price\np1,{quantity}.00\n"})
        shop.run()
    assert quantities(shop) == {1: 1}
    assert [str(row["price"]) for row in shop.rows("SELECT price FROM q.t", "bronze.products")] == ["1.00"]


def test_an_append_model_follows_updates(shop: Shop) -> None:
    """A model of kind append over a table that is merged holds the present row of each key, with its record id."""
    (shop.root / "models/silver/products.sql").write_text(
        "/* ---\nkind: append\ndriving: bronze.products\n--- */\nSELECT p.product, p.price FROM bronze.products AS p\n"
    )
    shop.drop("products", a="product,price\np1,1.00\np2,2.00\n")
    shop.run()
    shop.drop("products", b="product,price\np1,5.00\n")
    shop.run()
    columns = "product, price, _record_id"
    assert shop.content("silver.products", columns) == shop.content("bronze.products", columns)


def test_a_late_reject_does_not_undo_an_update(shop: Shop) -> None:
    """A reject that is mended after a newer row of its key came stays a reject; one that nobody overtook updates."""
    shop.drop("products", a="product,price\np1,bad\np2,bad\n")
    shop.run()
    shop.drop("products", b="product,price\np1,5.00\n")
    shop.run()
    desk = RejectsDesk(shop.platform())
    for reject in desk.list("bronze.products"):
        desk.fix(reject.id, {"price": "3.00"}, "list of January")
    done = desk.retry()
    assert (done.accepted, done.rejected) == (1, 1)
    prices = {row["product"]: str(row["price"]) for row in shop.rows("SELECT * FROM q.t", "bronze.products")}
    assert prices == {"p1": "5.00", "p2": "3.00"}


def test_a_part_of_the_project_does_not_publish_half_a_refresh(shop: Shop) -> None:
    """After a run of the source alone, readers still see bronze and gold of one refresh; the next whole run moves both."""
    shop.orders("a", "1,p1,2026-01-01,3")
    first = shop.run().release
    shop.orders("b", "2,p1,2026-01-01,4")
    shop.run("orders")
    platform = shop.platform()
    assert first is not None
    assert platform.release_for(None).tables["bronze.orders"] == first.tables["bronze.orders"]
    whole = shop.run().release
    assert whole is not None and whole.tables["bronze.orders"] > first.tables["bronze.orders"]


def test_a_changed_contract_judges_a_model_anew(shop: Shop) -> None:
    """New rules for a model are applied to the rows it has."""
    contract = (shop.root / "contracts/orders.odcs.yaml").read_text().replace("bronze.orders", "silver.orders")
    (shop.root / "contracts/silver.odcs.yaml").write_text(contract)
    shop.orders("a", "1,p1,2026-01-01,3", "2,p1,2026-01-01,50")
    shop.run()
    shop.edit("contracts/silver.odcs.yaml", "maximum: 100", "maximum: 10")
    shop.run()
    assert quantities(shop, "silver.orders") == {1: 3}
    with pytest.raises(UsageError, match="rejected by a model"):
        RejectsDesk(shop.platform()).approve([RejectsDesk(shop.platform()).list("silver.orders")[0].id], "no")


def test_a_retry_after_the_contract_grew(shop: Shop) -> None:
    """A reject from before a column was required can be completed and taken; what is still missing is a reject, not a stuck flow."""
    shop.orders("a", "1,p1,2026-01-01,bad")
    shop.run()
    shop.edit(
        "contracts/orders.odcs.yaml",
        "      - name: quantity",
        "      - name: till\n        logicalType: string\n        required: true\n      - name: quantity",
    )
    desk = RejectsDesk(shop.platform())
    reject = desk.list("bronze.orders")[0]
    desk.fix(reject.id, {"quantity": "3"}, "read again")
    assert desk.retry().rejected == 1
    newest = desk.list("bronze.orders")[-1]
    desk.fix(newest.id, {"till": "T1"}, "known")
    assert desk.retry().accepted == 1
    assert quantities(shop) == {1: 3}


def test_doubles_are_never_rounded_to_money(tmp_path: Path) -> None:
    """A third digit in a double is refused as it is in text, also in large amounts."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    shop = Shop(tmp_path / "shop")
    shop.edit("sources/products.yaml", '"*.csv"', '"*.parquet"')
    incoming = shop.root / "storage/products/incoming"
    incoming.mkdir(parents=True)
    shop.edit("contracts/products.odcs.yaml", "decimal(10,2)", "decimal(14,2)")
    prices = [12345678.999, 6000000.005, 2.55, 0.1 + 0.2, 1.8e-15, 123456789.25]
    table = pa.table({"product": [f"p{n}" for n in range(len(prices))], "price": prices})
    pq.write_table(table, incoming / "a.parquet")
    shop.run()
    found = {row["product"]: str(row["price"]) for row in shop.rows("SELECT * FROM q.t", "bronze.products")}
    assert found == {"p2": "2.55", "p3": "0.30", "p4": "0.00", "p5": "123456789.25"}


def test_a_hash_in_a_file_name_is_refused(shop: Shop) -> None:
    """The sign stands between file and record, so it may not be part of a name."""
    incoming = shop.root / "storage/orders/incoming"
    incoming.mkdir(parents=True)
    (incoming / "orders_a#2.csv").write_text(ORDERS + "1,p1,2026-01-01,3\n")
    shop.run()
    assert shop.files("rejected") == ["orders_a#2.csv"]


@pytest.mark.parametrize("name", ["../../escaped", "silver.orders", "Ä", ""])
def test_names_of_sources_are_plain(shop: Shop, name: str) -> None:
    """A source's name is part of paths and of transactions: anything but a plain word is refused."""
    path = shop.root / "sources/orders.yaml"
    path.write_text(f'name: "{name}"\n' + path.read_text())
    if name:
        with pytest.raises(ProjectError, match="not a name for a source"):
            shop.platform()
    else:
        assert shop.platform().project.sources


def test_columns_without_counterpart_are_told(shop: Shop) -> None:
    """A misspelt header of an optional column is not silent: the run's notes name both sides."""
    from entrepot.app.cli.run import notes

    shop.drop(a="order_id,product,orderedon_,amount\n1,p1,2026-01-01,3\n")
    report = shop.run()
    told = notes(report, shop.platform().project.contracts)
    assert any("no column for quantity" in text and "ignored amount" in text for text in told), told
