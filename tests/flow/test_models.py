"""Models are flows: they follow what they read, are rebuilt when they must be, and stay where they are when they fail."""

from __future__ import annotations

import pytest

from entrepot.app.cli.query import query_release
from entrepot.runner.execute import Verdict
from tests.flow.running import Shop, errors_of


@pytest.mark.req("S5")
def test_a_driven_model_takes_only_new_records(shop: Shop) -> None:
    """The second batch brings only the second file's rows, and record ids are those of the driving table."""
    shop.orders("a", "1,p1,2026-01-01,3")
    shop.run()
    shop.orders("b", "2,p1,2026-01-01,3", "3,p1,2026-01-01,3")
    report = shop.run()
    silver = next(r for r in report.results if r.node.name == "silver.orders")
    assert [plan.counts.received for plan in silver.plans if plan.counts] == [2]
    assert shop.content("silver.orders", "order_id, _record_id, _origin") == shop.content(
        "bronze.orders", "order_id, _record_id, _origin"
    )


def test_a_changed_model_is_rebuilt(shop: Shop) -> None:
    """New SQL with the same inputs builds the whole anew, driven models too, and nothing is doubled."""
    shop.orders("a", "1,p1,2026-01-01,3")
    shop.run()
    shop.edit("models/silver/orders.sql", "o.quantity\n", "o.quantity * 2 AS quantity\n")
    shop.run()
    assert [row["quantity"] for row in shop.rows("SELECT * FROM q.t", "silver.orders")] == [6]
    assert [row["units"] for row in shop.rows("SELECT * FROM q.t", "gold.turnover")] == [6]


def test_a_failed_model_holds_what_descends_from_it(shop: Shop) -> None:
    """The release goes on with what is right; the failed model and its children stay at their old version."""
    shop.orders("a", "1,p1,2026-01-01,3")
    first = shop.run().release
    assert first is not None
    shop.edit("models/silver/orders.sql", "o.quantity\n", "CAST(o.product AS INTEGER) AS quantity\n")
    shop.orders("b", "2,p1,2026-01-01,3")
    report = shop.run(clean=False)
    assert [r.verdict for r in report.results if r.node.name in ("silver.orders", "gold.turnover")] == [
        Verdict.FAILED,
        Verdict.HELD,
    ]
    assert "silver.orders" in str(errors_of(report)[0]) or "product" in str(errors_of(report)[0])
    assert report.release is not None
    assert report.release.tables["bronze.orders"] > first.tables["bronze.orders"]
    assert report.release.tables["gold.turnover"] == first.tables["gold.turnover"]
    assert set(report.release.held) == {"silver.orders", "gold.turnover", "gold.daily"}


def test_an_earlier_release_shows_what_it_showed(shop: Shop) -> None:
    """`--at` gives tables as they were together."""
    shop.orders("a", "1,p1,2026-01-01,3")
    first = shop.run().release
    shop.orders("b", "2,p1,2026-01-01,4")
    shop.run()
    platform = shop.platform()
    assert first is not None
    rows = query_release(
        platform, platform.release_for(str(first.id)), "SELECT sum(units) AS n FROM gold.turnover"
    ).read_all()
    assert int(rows["n"][0].as_py()) == 3


def test_a_view_is_read_through(shop: Shop) -> None:
    """A view has no table; models and queries read through it, and a change of it rebuilds what reads it."""
    (shop.root / "models/silver/big.sql").write_text(
        "/* ---\nkind: view\n--- */\nSELECT * FROM silver.orders WHERE quantity >= 4\n"
    )
    shop.edit("models/gold/turnover.sql", "FROM silver.orders AS o", "FROM silver.big AS o")
    shop.orders("a", "1,p1,2026-01-01,3", "2,p1,2026-01-01,4")
    shop.run()
    assert [row["units"] for row in shop.rows("SELECT units FROM q.t", "gold.turnover")] == [4]
    platform = shop.platform()
    found = query_release(platform, platform.release_for(None), "SELECT count(*) AS n FROM silver.big").read_all()
    assert found["n"][0].as_py() == 1
    shop.edit("models/silver/big.sql", ">= 4", ">= 3")
    shop.run()
    assert [row["units"] for row in shop.rows("SELECT units FROM q.t", "gold.turnover")] == [7]


def test_a_join_that_doubles_records_is_refused(shop: Shop) -> None:
    """A driven model whose join gives a record twice fails by name, and mended it goes on without any further word."""
    shop.drop("products", a="product,price\np1,1.00\np2,1.00\n")
    shop.orders("a", "1,p1,2026-01-01,3")
    good = (shop.root / "models/silver/orders.sql").read_text()
    (shop.root / "models/silver/orders.sql").write_text(good + "LEFT JOIN bronze.products AS p ON p.price = 1.00\n")
    for expected in ("more than once", "more than once", "more than once", "was tried 3 times"):
        errors = errors_of(shop.run(clean=False))
        assert len(errors) == 1 and expected in str(errors[0])
    (shop.root / "models/silver/orders.sql").write_text(good)
    shop.run()
    assert shop.content("silver.orders") == shop.content()
