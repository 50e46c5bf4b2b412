"""`plan` tells what a run would do, what another definition would change, and what would be lost; losses need `--allow`."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.app.planning import Outlook, RowDifference, Step, foresee
from entrepot.app.planning import difference as comparing
from entrepot.app.session import RunReport, run_project
from tests.flow.running import Shop, errors_of


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    found = Shop(tmp_path / "shop")
    found.drop("products", list="product,price\np1,2.00\np2,3.00\n")
    found.orders("a", "1,p1,2026-01-01,3", "2,p2,2026-01-02,4", "3,p2,2026-01-02,5")
    return found


def _foresee(shop: Shop, *selection: str) -> Outlook:
    return foresee(shop.platform(), selection)


def _step(shop: Shop, name: str) -> Step:
    return next(step for step in _foresee(shop).steps if step.dataset == name)


def _run_allowing(shop: Shop, *names: str) -> RunReport:
    platform = shop.platform()
    platform.flows.allow = names
    return run_project(platform)


def test_a_first_run_is_new(shop: Shop) -> None:
    """Before the first run every step is new, and after it nothing is to be done."""
    assert all(step.is_new and step.will_run for step in _foresee(shop).steps if step.flow in ("orders", "products"))
    shop.run()
    assert not any(step.will_run for step in _foresee(shop).steps)


def test_models_below_a_change_say_how_they_would_follow(shop: Shop) -> None:
    """Before a source has run only the SQL tells whether a model can be computed in part."""
    shop.run()
    shop.orders("b", "4,p1,2026-01-01,3")
    assert "in part then, by ordered_on" in _step(shop, "gold.daily").why
    assert "in part then, by _record_id" in _step(shop, "silver.orders").why
    shop.edit("models/gold/daily.sql", "LEFT JOIN", "FULL JOIN")
    shop.edit("models/gold/daily.sql", "incremental: always", "incremental: auto")
    assert "FULL JOIN" in _step(shop, "gold.daily").why


def test_the_difference_of_another_definition(shop: Shop) -> None:
    """Rows that come, go and change are counted by key, with the columns in which they change; nothing is written."""
    shop.run()
    before = shop.content("gold.daily", "*")
    shop.edit("models/gold/daily.sql", "sum(o.quantity) AS units", "sum(o.quantity) FILTER (o.quantity > 3) AS units")
    shop.edit("models/gold/daily.sql", "GROUP BY", "WHERE o.order_id <> 1 OR o.order_id = 1\nGROUP BY")
    step = _step(shop, "gold.daily")
    assert step.way == "full" and step.why == "its definition changed"
    assert step.difference == RowDifference(2, 0, 0, 1, {"units": 1, "turnover": 0})
    assert str(step.difference) == "of 2 rows 1 rows change (units in 1)"
    assert shop.content("gold.daily", "*") == before


def test_the_difference_of_rows_without_a_key(shop: Shop) -> None:
    """Where no column tells rows apart they are compared as multisets."""
    (shop.root / "models/gold/flat.sql").write_text("SELECT product, quantity FROM silver.orders\n")
    shop.run()
    shop.edit("models/gold/flat.sql", "silver.orders", "silver.orders WHERE product = 'p1'")
    difference = _step(shop, "gold.flat").difference
    assert difference is not None
    assert (difference.came, difference.went, difference.changed) == (0, 2, None)


def test_large_tables_are_compared_by_a_sample(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """One key in so many is looked at on both sides, and the figures are scaled up."""
    shop.orders("many", *(f"{n},p1,2026-{1 + n % 12:02d}-{1 + n % 28:02d},{1 + n % 90}" for n in range(10, 900)))
    shop.run()
    monkeypatch.setattr(comparing, "SAMPLE_ROWS", 20)
    shop.edit("models/gold/daily.sql", "sum(o.quantity) AS units", "sum(o.quantity) + 1 AS units")
    difference = _step(shop, "gold.daily").difference
    assert difference is not None and difference.one_in > 1
    assert difference.changed and difference.rows / 2 < difference.changed < difference.rows * 2
    assert difference.columns["turnover"] == 0


def test_columns_go_only_when_somebody_allows_it(shop: Shop) -> None:
    """A run refuses to drop a column or to change its type, says how to allow it, and then does it in one commit."""
    shop.run()
    shop.edit("models/gold/turnover.sql", ", count(*) AS orders", "")
    shop.edit("models/gold/turnover.sql", "sum(o.quantity) AS units", "CAST(sum(o.quantity) AS VARCHAR) AS units")
    loss = _step(shop, "gold.turnover").needs_allowing
    assert loss is not None and "orders would go" in loss and "units would change" in loss
    (error,) = errors_of(shop.run(clean=False))
    assert "orders would go" in str(error) and "--allow gold.turnover" in str(error.hint)
    assert {row["orders"] for row in shop.rows("SELECT orders FROM q.t", "gold.turnover")} == {1, 2}
    report = _run_allowing(shop, "gold.*")
    assert not errors_of(report)
    rows = shop.rows("SELECT * FROM q.t", "gold.turnover")
    assert all("orders" not in row for row in rows)
    assert {row["units"] for row in rows} == {"3", "9"}
    assert not any(step.will_run for step in _foresee(shop).steps)


def test_what_would_break_is_named(shop: Shop) -> None:
    """A column that goes although another model reads it is told before anything runs."""
    shop.run()
    shop.edit("models/silver/orders.sql", ", o.quantity", "")
    breaks = "\n".join(_foresee(shop).breaks)
    assert "gold.turnover" in breaks and "gold.daily" in breaks and "quantity" in breaks


def test_a_dataset_leaves_the_release_only_when_somebody_allows_it(shop: Shop) -> None:
    """A model that is deleted stays readable until it may go."""
    first = shop.run().release
    (shop.root / "models/gold/turnover.sql").unlink()
    shop.orders("b", "4,p1,2026-01-01,3")
    assert _foresee(shop).leaving == ["gold.turnover"]
    report = shop.run()
    assert first is not None and report.release is not None
    assert report.release.tables["gold.turnover"] == first.tables["gold.turnover"]
    assert "--allow gold.turnover" in report.held["gold.turnover"]
    allowed = _run_allowing(shop, "gold.turnover").release
    assert allowed is not None and "gold.turnover" not in allowed.tables
    assert _foresee(shop).leaving == []


def test_a_first_build_that_failed_does_not_stand_in_the_way(shop: Shop) -> None:
    """What never held a row loses nothing: the mended model needs no permission, and a deleted one leaves nothing open."""
    path = shop.root / "models/gold/odd.sql"
    path.write_text("SELECT CAST(product AS INTEGER) AS c FROM silver.orders\n")
    shop.run(clean=False)
    path.write_text("SELECT product FROM silver.orders\n")
    shop.run()
    assert shop.content("gold.odd", "*").total() == 3
    other = shop.root / "models/gold/other.sql"
    other.write_text("SELECT CAST(product AS INTEGER) AS c FROM silver.orders\n")
    shop.run(clean=False)
    other.unlink()
    shop.orders("z", "9,p1,2026-01-01,3")
    assert "gold.other" not in shop.run().held


def test_a_model_that_lost_all_its_rows_is_held(shop: Shop) -> None:
    """When a contract rejects every row of a model, readers keep the rows they had."""
    first = shop.run().release
    contract = (shop.root / "contracts/products.odcs.yaml").read_text()
    text = contract.replace("id: products", "id: daily").replace("bronze.products", "gold.daily")
    (shop.root / "contracts/daily.odcs.yaml").write_text(text)
    shop.edit(
        "models/gold/daily.sql",
        "SELECT o.ordered_on,",
        "SELECT CAST(NULL AS VARCHAR) AS product, 1.0 AS price, o.ordered_on,",
    )
    report = _run_allowing(shop, "gold.daily")
    assert "were rejected" in report.held["gold.daily"]
    assert first is not None and (report.release or first).tables["gold.daily"] == first.tables["gold.daily"]
