"""Files: each content once, bad ones refused, half ones left, corrected ones in the place of the old."""

from __future__ import annotations

import gzip

import pytest

from tests.flow.running import ORDERS, Shop


@pytest.mark.req("F5")
def test_running_twice_changes_nothing(shop: Shop) -> None:
    """A run without news makes no batch, no table version and no release."""
    shop.orders("a", "1,p1,2026-01-01,3")
    first = shop.run()
    before = shop.platform().flows.versions()
    second = shop.run()
    assert first.release is not None and second.release is None
    assert shop.platform().flows.versions() == before


@pytest.mark.req("F5", "X3")
def test_same_content_is_taken_once_whatever_its_name(shop: Shop) -> None:
    """The same bytes under another name, now or later, are put aside with a receipt."""
    shop.orders("a", "1,p1,2026-01-01,3")
    shop.orders("b", "1,p1,2026-01-01,3")
    shop.run()
    shop.orders("c", "1,p1,2026-01-01,3")
    shop.run()
    assert shop.content().total() == 1
    assert shop.files("incoming") == []
    assert shop.files("processed") == ["orders_a.csv", "orders_b.csv", "orders_c.csv"]
    receipt = next((shop.root / "storage/orders/processed").glob("orders_c.csv.receipt.json"))
    assert "batch 1" in receipt.read_text()


@pytest.mark.req("F5")
def test_an_unreadable_file_is_refused_and_the_rest_goes_on(shop: Shop) -> None:
    """A file without the required columns lands in rejected/ with a receipt; files of the same batch are taken."""
    shop.orders("a", "1,p1,2026-01-01,3")
    shop.drop(b="completely,other,columns\n1,2,3\n")
    report = shop.run()
    assert not report.succeeded
    assert shop.content().total() == 1
    assert shop.files("rejected") == ["orders_b.csv"]
    receipt = (shop.root / "storage/orders/rejected/orders_b.csv.receipt.txt").read_text()
    assert "order_id" in receipt
    assert shop.run().succeeded, "the refused file does not come again"


@pytest.mark.req("X3")
def test_a_file_that_breaks_in_the_middle_is_isolated(shop: Shop) -> None:
    """A fault that shows only while rows stream voids the batch; the files come again one by one; nothing is lost or doubled."""
    shop.edit("sources/orders.yaml", '"orders_*.csv"', '["orders_*.csv", "orders_*.csv.gz"]')
    shop.orders("a", "1,p1,2026-01-01,3")
    text = ORDERS + "".join(f"{n},p1,2026-01-01,5\n" for n in range(10, 60_000))
    incoming = shop.root / "storage/orders/incoming"
    incoming.mkdir(parents=True, exist_ok=True)
    (incoming / "orders_b.csv.gz").write_bytes(gzip.compress(text.encode())[:-2000])
    shop.run()
    assert [row["order_id"] for row in shop.rows("SELECT order_id FROM q.t")] == [1]
    assert shop.files("rejected") == ["orders_b.csv.gz"]
    assert shop.files("processed") == ["orders_a.csv"]


@pytest.mark.req("F5")
def test_a_file_of_the_same_name_supersedes(shop: Shop) -> None:
    """With supersedes by name the corrected file's rows stand in the place of the old one's, in models too."""
    shop.edit("sources/orders.yaml", "wait: {stable_s: 0}", "wait: {stable_s: 0}\n  supersedes: {by: name}")
    shop.orders("a", "1,p1,2026-01-01,3", "2,p1,2026-01-01,4")
    shop.orders("b", "3,p2,2026-01-02,5")
    shop.run()
    shop.orders("a", "1,p1,2026-01-01,30")
    report = shop.run()
    assert {(row["order_id"], row["quantity"]) for row in shop.rows("SELECT * FROM q.t")} == {(1, 30), (3, 5)}
    assert shop.content("silver.orders") == shop.content()
    sales = next(b for b in report.balances if b.dataset == "bronze.orders")
    assert (sales.received, sales.live, sales.superseded) == (4, 2, 2)


@pytest.mark.req("F5")
def test_periods_are_replaced_whole(shop: Shop) -> None:
    """With supersedes by period a batch replaces every row of the days that it holds, and no other."""
    shop.edit(
        "sources/orders.yaml", "wait: {stable_s: 0}",
        "wait: {stable_s: 0}\n  supersedes: {by: period, column: ordered_on, grain: day}",
    )  # fmt: skip
    shop.edit(
        "contracts/orders.odcs.yaml",
        "- name: ordered_on\n        logicalType: date",
        "- name: ordered_on\n        logicalType: date\n        required: true",
    )
    shop.orders("a", "1,p1,2026-01-01,3", "2,p1,2026-01-02,4")
    shop.run()
    shop.orders("b", "7,p1,2026-01-02,5", "8,p1,2026-01-03,6")
    shop.run()
    assert {row["order_id"] for row in shop.rows("SELECT * FROM q.t")} == {1, 7, 8}


def test_half_written_files_wait(shop: Shop) -> None:
    """A file younger than the stability window is left in incoming/."""
    shop.edit("sources/orders.yaml", "stable_s: 0", "stable_s: 3600")
    shop.orders("a", "1,p1,2026-01-01,3")
    shop.run()
    assert shop.files("incoming") == ["orders_a.csv"]
    assert shop.content().total() == 0


def test_a_file_can_be_taken_again_on_purpose(shop: Shop) -> None:
    """`run --again FILE --reason …` takes a content once more; its keys are there, so its rows are rejected, not doubled."""
    from entrepot.app.again import bring_back
    from entrepot.app.session import run_project
    from entrepot.kernel.errors import UsageError

    shop.orders("a", "1,p1,2026-01-01,3")
    shop.run()
    file = shop.root / "storage/orders/processed/orders_a.csv"
    platform = shop.platform()
    with pytest.raises(UsageError):
        bring_back(platform, file, None)
    bring_back(platform, file, "wiped by mistake")
    run_project(platform, ["orders"])
    plans = shop.platform().state.plans(flow="orders")
    assert [plan.draft.reason for plan in plans] == [None, "again: wiped by mistake"]
    assert plans[1].counts is not None and plans[1].counts.rejected == 1
    assert shop.content().total() == 1
