"""A batch that kills its process again and again is taken apart, or stops its flow until a person has looked."""

from __future__ import annotations

import pytest

import entrepot.flow.loop as loop
from entrepot.kernel.errors import BlockedError
from entrepot.ports.state import PlanStatus
from tests.flow.running import Shop, errors_of


def _die(*_: object) -> None:
    raise KeyboardInterrupt


def _die_often(shop: Shop, monkeypatch: pytest.MonkeyPatch, *patterns: str) -> None:
    """Three processes begin the batch and do not end."""
    with monkeypatch.context() as patch:
        patch.setattr(loop, "commit", _die)
        for _ in range(3):
            with pytest.raises(KeyboardInterrupt):
                shop.run(*patterns)


@pytest.mark.req("X3")
def test_a_deadly_batch_of_files_is_taken_apart(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """After three attempts the batch is void and its files come one by one; nothing is lost or doubled."""
    shop.orders("a", "1,p1,2026-01-01,3")
    shop.orders("b", "2,p1,2026-01-01,4")
    _die_often(shop, monkeypatch, "orders")
    shop.run()
    plans = shop.platform().state.plans(flow="orders")
    assert [plan.status for plan in plans] == [PlanStatus.VOIDED, PlanStatus.SETTLED, PlanStatus.SETTLED]
    assert {row["order_id"] for row in shop.rows("SELECT order_id FROM q.t")} == {1, 2}
    assert shop.content("silver.orders") == shop.content()


def test_a_deadly_batch_of_one_file_blocks_its_flow_only(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be taken apart waits for a person, says so, and goes on when told to; other flows are not held up."""
    from entrepot.app.session import run_project

    shop.orders("a", "1,p1,2026-01-01,3")
    _die_often(shop, monkeypatch, "orders")
    shop.drop("products", v1="product,price\np1,1.00\n")
    errors = errors_of(shop.run(clean=False))
    assert len(errors) == 1 and isinstance(errors[0], BlockedError) and "--retry orders" in str(errors[0])
    assert shop.content("bronze.products", "product").total() == 1
    report = run_project(shop.platform(), forgive=frozenset({"orders"}))
    assert not errors_of(report)
    assert shop.content().total() == 1
