"""State and lake are held against each other before anything is planned: right or refused, never silent."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from entrepot.flow.rebuild import rebuild_state
from entrepot.kernel.errors import DamageError
from tests.flow.running import Shop, errors_of


def _copy(shop: Shop, what: str, to: Path) -> None:
    source = shop.root / ".entrepot" / what
    if source.is_dir():
        shutil.copytree(source, to)
    else:
        for path in source.parent.glob(f"{what}*"):
            to.mkdir(exist_ok=True)
            shutil.copy(path, to / path.name)


def _put_back(shop: Shop, what: str, saved: Path) -> None:
    target = shop.root / ".entrepot" / what
    if target.is_dir():
        shutil.rmtree(target)
        shutil.copytree(saved, target)
    else:
        for path in target.parent.glob(f"{what}*"):
            path.unlink()
        for path in saved.iterdir():
            shutil.copy(path, target.parent / path.name)


@pytest.mark.req("X3")
def test_an_older_state_is_refused_and_can_be_rebuilt(shop: Shop, tmp_path: Path) -> None:
    """With the state restored from before the last batch a run refuses; rebuilt from the lake, new files come once."""
    shop.orders("a", "1,p1,2026-01-01,3")
    shop.run()
    _copy(shop, "state.db", tmp_path / "saved")
    shop.orders("b", "2,p1,2026-01-01,3")
    shop.run()
    _put_back(shop, "state.db", tmp_path / "saved")
    shop.orders("c", "3,p1,2026-01-01,3")
    refused = errors_of(shop.run(clean=False))
    assert refused and all(isinstance(error, DamageError) for error in refused)
    assert "older than the lake" in str(refused[0])
    platform = shop.platform()
    assert len(rebuild_state(platform.tables, platform.state)) >= 1
    shop.run()
    assert sorted(row["order_id"] for row in shop.rows("SELECT order_id FROM q.t")) == [1, 2, 3]
    assert shop.content("silver.orders") == shop.content()


@pytest.mark.req("X3")
def test_an_empty_state_is_rebuilt_whole(shop: Shop) -> None:
    """Without any state at all the lake's commits give every plan back, and content taken before stays taken."""
    shop.orders("a", "1,p1,2026-01-01,3", "2,p1,2026-01-01,bad")
    shop.run()
    for path in (shop.root / ".entrepot").glob("state.db*"):
        path.unlink()
    platform = shop.platform()
    rebuild_state(platform.tables, platform.state)
    shop.orders("again", "1,p1,2026-01-01,3", "2,p1,2026-01-01,bad")
    shop.orders("b", "3,p1,2026-01-01,4")
    shop.run()
    assert sorted(row["order_id"] for row in shop.rows("SELECT order_id FROM q.t")) == [1, 3]
    assert shop.platform().rejects.find("bronze.orders")[0].row["quantity"] == "bad"


@pytest.mark.req("X3")
def test_an_older_lake_is_refused(shop: Shop, tmp_path: Path) -> None:
    """With the lake restored from before the last batch a run says so and writes nothing."""
    shop.orders("a", "1,p1,2026-01-01,3")
    shop.run()
    _copy(shop, "lake", tmp_path / "saved")
    shop.orders("b", "2,p1,2026-01-01,3")
    shop.run()
    _put_back(shop, "lake", tmp_path / "saved")
    shop.orders("c", "3,p1,2026-01-01,3")
    refused = errors_of(shop.run(clean=False))
    assert any(isinstance(error, DamageError) and "older than the state" in str(error) for error in refused)
    assert [row["order_id"] for row in shop.rows("SELECT order_id FROM q.t")] == [1]


def test_a_table_made_anew_is_refused(shop: Shop) -> None:
    """A table that somebody deleted is not silently begun again."""
    shop.orders("a", "1,p1,2026-01-01,3")
    shop.run()
    shutil.rmtree(shop.root / ".entrepot/lake/bronze/orders")
    shop.orders("b", "2,p1,2026-01-01,3")
    assert any(isinstance(error, DamageError) for error in errors_of(shop.run(clean=False)))


@pytest.mark.req("X3")
def test_a_batch_that_only_reached_quarantine_survives_the_loss_of_the_state(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies between quarantine and main table, then the state is lost: rebuilt, the batch is finished as it was begun."""
    from entrepot.adapters.embedded.delta import DeltaWriter
    from entrepot.ports.writer import Batch, Committed

    shop.orders("a", "1,p1,2026-01-01,3", "2,p1,2026-01-01,bad")
    real = DeltaWriter.commit

    def die_before_main(self: DeltaWriter, batch: Batch) -> Committed:
        if self.name == "bronze.orders":
            raise KeyboardInterrupt
        return real(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(DeltaWriter, "commit", die_before_main)
        with pytest.raises(KeyboardInterrupt):
            shop.run("orders")
    for path in (shop.root / ".entrepot").glob("state.db*"):
        path.unlink()
    platform = shop.platform()
    restored = rebuild_state(platform.tables, platform.state)
    assert [plan.status.value for plan in restored if plan.flow == "orders"] == ["open"]
    shop.orders("b", "3,p1,2026-01-01,4")
    shop.run()
    assert sorted(row["order_id"] for row in shop.rows("SELECT order_id FROM q.t")) == [1, 3]
    assert [row["row"] for row in shop.rows('SELECT "row" FROM q.t', "quarantine.bronze.orders")] != []
    assert len(shop.platform().rejects.find("bronze.orders")) == 1


def test_loss_can_be_accepted(shop: Shop, tmp_path: Path) -> None:
    """With the lake older for good the state is made of it, and the lost file can be brought again."""
    from entrepot.app.cli.doctor import examine

    shop.orders("a", "1,p1,2026-01-01,3")
    shop.run()
    _copy(shop, "lake", tmp_path / "saved")
    shop.orders("b", "2,p1,2026-01-01,3")
    shop.run()
    _put_back(shop, "lake", tmp_path / "saved")
    examine(shop.root, rebuild=False, accept_loss=True, as_json=True)
    processed = shop.root / "storage/orders/processed/orders_b.csv"
    processed.rename(shop.root / "storage/orders/incoming/orders_b.csv")
    shop.run()
    assert sorted(row["order_id"] for row in shop.rows("SELECT order_id FROM q.t")) == [1, 2]
