"""A range is taken again only where no older value can take the place of a newer one; then the tables are what they were."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from entrepot.app.scheduling.backfill import carry_out, plan_backfill
from entrepot.kernel.errors import UsageError
from entrepot.runner.backfill import Order, Refusal, Subject, decide_order
from tests.flow.running import Shop

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("subject", "to_the_newest", "found"),
    [
        (Subject("s", "files", "append", "name"), False, Order.ANY),
        (Subject("s", "files", "merge"), True, Order.AS_BEFORE),
        (Subject("s", "files", "append", "period"), True, Order.AS_BEFORE),
        (Subject("s", "files", "merge"), False, "newer batches"),
        (Subject("s", "files", "append", "period"), False, "newer batches"),
        (Subject("s", "files", "append"), True, "only appends"),
        (Subject("s", "files", "replace"), True, "replace"),
        (Subject("s", "sqlite", "merge"), True, "cursor"),
        (Subject("s", "files", "append", "name", is_shared=True), True, "several datasets"),
        (Subject("s", "files", "append", "name", is_kept=True), True, "where they stand"),
    ],
)
def test_what_may_be_taken_again_follows_from_how_it_is_written(
    subject: Subject, to_the_newest: bool, found: Order | str
) -> None:
    """Each refusal says why and what to do instead."""
    decided = decide_order(subject, to_the_newest=to_the_newest)
    if isinstance(found, Order):
        assert decided is found
    else:
        assert isinstance(decided, Refusal)
        assert found in decided.why
        assert decided.hint


def _with(shop: Shop, source: str, text: str) -> None:
    (shop.root / "sources" / f"{source}.yaml").write_text(text)


MERGED = """\
connector: files
dataset: bronze.products
write: merge
options: {path: storage/products, wait: {stable_s: 0}}
"""


def test_merged_batches_are_taken_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    """The newest price stays the newest, though its file's name sorts first; a part of the range alone is refused."""
    shop = Shop(tmp_path / "shop")
    _with(shop, "products", MERGED)
    shop.drop("products", z="product,name,price\np1,One,1.50\n")
    shop.run("products")
    shop.drop("products", a="product,name,price\np1,One,2.50\n")
    shop.run("products")
    before = shop.rows("SELECT product, price FROM q.t", "bronze.products")
    assert [str(row["price"]) for row in before] == ["2.50"]
    platform = shop.platform()
    plans = platform.state.plans(flow="products")
    with pytest.raises(UsageError, match="newer batches"):
        plan_backfill(platform, "products", LONG_AGO, plans[1].draft.received_at)
    backfill = plan_backfill(platform, "products", LONG_AGO, None)
    assert [[path.name for path in paths] for _, paths in backfill.batches] == [["z.csv"], ["a.csv"]]
    report = carry_out(platform, backfill, "a test")
    assert [r.error for r in report.results if r.error] == []
    assert shop.rows("SELECT product, price FROM q.t", "bronze.products") == before
    assert [len(p.draft.contents) for p in shop.platform().state.plans(flow="products")] == [1, 1, 1, 1]


def test_a_file_that_was_replaced_is_not_taken_again(tmp_path: Path) -> None:
    """Of two files of one name only the newer one counts; every row stands once afterwards."""
    shop = Shop(tmp_path / "shop")
    (shop.root / "sources" / "products.yaml").write_text(
        "connector: files\ndataset: bronze.products\nwrite: append\n"
        "options: {path: storage/products, wait: {stable_s: 0}, supersedes: {by: name}}\n"
    )
    shop.drop("products", a="product,name,price\np1,One,1.50\n")
    shop.run("products")
    shop.drop("products", a="product,name,price\np1,One,2.50\n", b="product,name,price\np2,Two,3.00\n")
    shop.run("products")
    platform = shop.platform()
    backfill = plan_backfill(platform, "bronze.products", LONG_AGO, None)
    assert [len(paths) for _, paths in backfill.batches] == [0, 2]
    carry_out(platform, backfill, "a test")
    rows = shop.rows("SELECT product, price FROM q.t ORDER BY 1", "bronze.products")
    assert [(row["product"], str(row["price"])) for row in rows] == [("p1", "2.50"), ("p2", "3.00")]


def test_models_and_unknown_names_are_answered_with_what_to_do(tmp_path: Path) -> None:
    """A model holds what its inputs give at any time."""
    shop = Shop(tmp_path / "shop")
    platform = shop.platform()
    model = next(node.target for node in platform.nodes if node.kind == "model")
    with pytest.raises(UsageError, match="--rebuild"):
        plan_backfill(platform, model, LONG_AGO, None)
    with pytest.raises(UsageError, match="Did you mean"):
        plan_backfill(platform, "product", LONG_AGO, None)
    shop_time = datetime.now(UTC) + timedelta(days=1)
    _with(shop, "products", MERGED)
    with pytest.raises(UsageError, match="nothing came"):
        plan_backfill(shop.platform(), "products", shop_time, None)
