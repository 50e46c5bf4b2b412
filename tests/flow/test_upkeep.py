"""Upkeep never changes rows, keeps what releases name, and makes many small commits quick to open."""

from __future__ import annotations

from entrepot.app.cli.query import query_release
from entrepot.app.upkeep import tend
from entrepot.lake.maintenance import policy
from tests.flow.running import Shop


def test_many_small_batches_are_joined_and_every_release_stays_readable(shop: Shop, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """After enough runs there are checkpoints and fewer files; the first release still shows what it showed."""
    monkeypatch.setattr(policy, "CHECKPOINT_COMMITS", 4)
    first = None
    for number in range(18):
        shop.orders(f"{number:02d}", f"{number},p1,2026-01-01,3", f"{number},p1,2026-01-01,none")
        release = shop.run("orders").release
        first = first or release
    platform = shop.platform()
    shape = platform.tables.shape("bronze.orders")
    assert shape.checkpoint is not None
    assert len(shape.sizes_bytes) < 18
    assert shop.content().total() == 18
    assert first is not None
    found = query_release(platform, first, "SELECT count(*) AS n FROM bronze.orders").read_all()
    assert found["n"][0].as_py() == 1
    tend(platform, ["bronze.orders"])
    assert not shop.run().problems
