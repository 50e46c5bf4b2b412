"""Rejects: every reason kept, corrected once, as if the row had been right at first."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entrepot.app.rejects_desk import RejectsDesk
from entrepot.flow.rejects import RejectStatus
from entrepot.kernel.errors import UsageError
from tests.flow.running import Shop


@pytest.fixture
def desk(shop: Shop) -> RejectsDesk:
    shop.orders("a", "1,p1,2026-01-01,3", ",p1,soon,0", "2,p2,2026-01-01,many")
    shop.run()
    return RejectsDesk(shop.platform())


@pytest.mark.req("F2")
def test_every_reason_of_a_row_is_kept(desk: RejectsDesk) -> None:
    """A row that breaks three rules names all three, with the values as they came and the file's record."""
    first = desk.list("bronze.orders")[0]
    assert {reason.rule for reason in first.reasons} == {"required:order_id", "type:ordered_on", "range:quantity"}
    assert first.row == {"order_id": None, "product": "p1", "ordered_on": "soon", "quantity": "0"}
    assert first.origin == "orders_a.csv#2"


@pytest.mark.req("F2", "X3")
def test_a_fixed_reject_is_taken_once(shop: Shop, desk: RejectsDesk) -> None:
    """Fix, check, retry: the row is there, once, says what it corrects; a second retry takes nothing."""
    reject = desk.list("bronze.orders")[1]
    desk.fix(reject.id, {"quantity": "7"}, "misread")
    assert desk.check(reject.id).counts.accepted == 1
    assert desk.retry().accepted == 1
    assert desk.retry().taken == 0
    row = shop.rows("SELECT * FROM q.t WHERE order_id = 2")
    assert [(r["quantity"], r["_corrects"], r["_origin"]) for r in row] == [(7, reject.record, "orders_a.csv#3")]
    assert desk.get(reject.id).status is RejectStatus.RETRIED
    with pytest.raises(UsageError):
        desk.fix(reject.id, {"quantity": "8"}, "again")


def test_a_wrong_fix_is_rejected_anew(desk: RejectsDesk) -> None:
    """A fix that still breaks a rule makes a new reject that says which one it corrects."""
    reject = desk.list("bronze.orders")[1]
    desk.fix(reject.id, {"quantity": "9999"}, "guess")
    assert desk.check(reject.id).counts.accepted == 0
    assert desk.retry().rejected == 1
    newest = desk.list("bronze.orders")[-1]
    assert newest.corrects == reject.record and newest.status is RejectStatus.OPEN


def test_an_approved_reject_keeps_its_broken_rules_as_warnings(shop: Shop, desk: RejectsDesk) -> None:
    """Approval lets rules pass, never types."""
    shop.orders("b", "5,p5,2026-01-05,500")
    shop.run()
    high = next(r for r in desk.list("bronze.orders") if r.origin == "orders_b.csv#1")
    many = desk.list("bronze.orders")[1]
    desk.approve([high.id, many.id], "checked")
    done = desk.retry()
    assert (done.taken, done.accepted, done.rejected) == (2, 1, 1)
    assert shop.rows("SELECT _warnings FROM q.t WHERE order_id = 5")[0]["_warnings"] == ["range:quantity"]


def test_balance_closes_through_retries(shop: Shop, desk: RejectsDesk) -> None:
    """received = live + rejected, whatever was corrected, discarded or rejected anew."""
    one, two = desk.list("bronze.orders")
    desk.fix(two.id, {"quantity": "9999"}, "guess")
    desk.discard([one.id], "test record")
    desk.retry()
    shop.orders("b", "9,p9,2026-01-09,9")
    figures = next(b for b in shop.run().balances if b.dataset == "bronze.orders")
    assert figures.closes
    assert (figures.received, figures.live, figures.rejected) == (4, 2, 2)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(quantities=st.lists(st.one_of(st.integers(-5, 120), st.sampled_from(["x", ""])), min_size=1, max_size=8))
def test_retry_of_fixed_rejects_equals_rows_right_at_first(
    tmp_path_factory: pytest.TempPathFactory, quantities: list[object]
) -> None:
    """Whatever was wrong with the quantities: correcting them gives the table that right ones give at once."""
    dirty, clean = Shop(tmp_path_factory.mktemp("dirty") / "shop"), Shop(tmp_path_factory.mktemp("clean") / "shop")
    dirty.orders("a", *(f"{n},p1,2026-01-01,{quantity}" for n, quantity in enumerate(quantities)))
    dirty.run()
    desk = RejectsDesk(dirty.platform())
    rejected = desk.list("bronze.orders")
    for reject in rejected:
        desk.fix(reject.id, {"quantity": "50"}, "corrected")
    desk.retry()
    dirty.run()
    wrong = {int(reject.row["order_id"] or -1) for reject in rejected}
    clean.orders("a", *(f"{n},p1,2026-01-01,{50 if n in wrong else quantity}" for n, quantity in enumerate(quantities)))
    clean.run()
    for table, columns in (
        ("bronze.orders", "order_id, product, quantity, _origin"),
        ("gold.turnover", "product, units, orders"),
    ):
        assert dirty.content(table, columns) == clean.content(table, columns)
