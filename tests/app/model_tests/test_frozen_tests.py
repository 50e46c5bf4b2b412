"""Freezing: real rows and the input rows that make them become a test, without values that contracts classify."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.app.model_tests.freeze import freeze
from entrepot.app.model_tests.runs import TestVerdict, load_project_tests, run_tests
from entrepot.app.model_tests.stand_ins import find_closed
from entrepot.kernel.errors import UsageError
from tests.flow.running import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path / "shop")
    made.drop("products", p="product,price\np1,1.00\np2,2.00\np3,3.00\n")
    made.orders("a", "1,p1,2026-01-01,5", "2,p2,2026-01-02,7", "3,p1,2026-01-02,1", "4,p3,2026-01-02,1")
    return made


def verdicts(shop: Shop) -> list[TestVerdict]:
    return [each.verdict for each in run_tests(shop.platform(), load_project_tests(shop.root))]


@pytest.mark.slow
@pytest.mark.req("S12")
def test_a_row_is_frozen_with_exactly_the_rows_that_make_it(shop: Shop) -> None:
    """Two orders and one price make the turnover of p1; the test passes, and fails when the model counts otherwise."""
    shop.run()
    found = freeze(shop.platform(), "gold.turnover", "product = 'p1'", None, with_personal=False)
    assert dict(found.inputs) == {"silver.orders": 2, "bronze.products": 1} and not found.replaced
    text = found.path.read_text()
    assert "p2" not in text and "p3" not in text
    assert verdicts(shop) == [TestVerdict.PASSED]
    second = freeze(shop.platform(), "gold.turnover", "product = 'p2'", None, with_personal=False)
    assert second.name != found.name and verdicts(shop) == [TestVerdict.PASSED] * 2
    shop.edit("models/gold/turnover.sql", "sum(o.quantity) AS units", "sum(o.quantity + 1) AS units")
    assert verdicts(shop) == [TestVerdict.FAILED] * 2


def test_classified_values_do_not_leave_the_lake(shop: Shop) -> None:
    """Values of a classified column, also under another name in a model below, are replaced, equal by equal; the join still holds."""
    contract = shop.root / "contracts/orders.odcs.yaml"
    contract.write_text(
        contract.read_text().replace("name: product\n", "name: product\n        classification: confidential\n")
    )
    shop.edit("models/silver/orders.sql", "o.product,", "o.product, upper(o.product) AS big,")
    shop.edit("models/gold/turnover.sql", "SELECT o.product,", "SELECT o.product, max(o.big) AS big,")
    price = shop.root / "contracts/products.odcs.yaml"
    price.write_text(
        price.read_text().replace("name: product\n", "name: product\n        classification: confidential\n")
    )
    shop.run()
    project = shop.platform().project
    assert find_closed(project, "silver.orders", ["order_id", "product", "big", "quantity"]) == {"product", "big"}
    found = freeze(shop.platform(), "gold.turnover", "product = 'p1'", None, with_personal=False)
    text = found.path.read_text()
    assert "p1" not in text.lower() and "product-1" in text and "turnover: 6.00" in text
    assert set(found.replaced) == {"silver.orders.product", "silver.orders.big", "bronze.products.product"}
    assert verdicts(shop) == [TestVerdict.PASSED]
    kept = freeze(shop.platform(), "gold.turnover", "product = 'p1'", "with values", with_personal=True)
    assert "product: p1" in kept.path.read_text() and not kept.replaced


@pytest.mark.parametrize(
    ("dataset", "where", "said"),
    [
        ("gold.turnovr", None, "Did you mean gold.turnover"),
        ("gold.turnover", "product = 'p9'", "no row fits"),
        ("bronze.orders", None, "there is no model 'bronze.orders'"),
    ],
)
def test_what_cannot_be_frozen_is_refused(shop: Shop, dataset: str, where: str | None, said: str) -> None:
    """Unknown models, and conditions that no row fits."""
    shop.run()
    with pytest.raises(UsageError, match=said):
        freeze(shop.platform(), dataset, where, None, with_personal=False)
