"""What releases and files bring about is told once, for exactly the datasets that changed, and with their health."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from entrepot.app.scheduling.watching import Watcher
from entrepot.kernel.documents import parse_document
from entrepot.ports.schedule import Decision, Happening, Snapshot
from entrepot.runner.triggers.load import read_trigger
from entrepot.runner.triggers.trigger import Trigger
from tests.flow.running import Shop

NOW = datetime(2026, 11, 21, tzinfo=UTC)
VIEW = "/* ---\nkind: view\n--- */\nSELECT order_id, quantity FROM bronze.orders\n"
RULE = """\
    quality:
      - {id: few, metric: rowCount, mustBeLessThan: 3, severity: warning}
"""


def _trigger(text: str) -> Trigger:
    return read_trigger(parse_document(text, Path("triggers/t.yaml")), time_zone="UTC")


def _watch(shop: Shop, *triggers: Trigger) -> list[Happening]:
    platform = shop.platform()
    Watcher(platform, platform.schedule).watch(triggers)
    told: list[Happening] = []

    def decide(snapshot: Snapshot) -> Decision:
        told[:] = snapshot.happenings
        return Decision(seen=tuple(each.id for each in snapshot.happenings))

    platform.schedule.turn(NOW, decide)
    return told


@pytest.mark.req("D5", "S5")
def test_a_release_tells_of_the_datasets_that_it_brought_on(tmp_path: Path) -> None:
    """Tables and views; the first look tells nothing, a release without new rows of a dataset neither, a broken rule says so."""
    shop = Shop(tmp_path / "shop")
    contract = shop.root / "contracts" / "orders.odcs.yaml"
    text = contract.read_text()
    contract.write_text(text.replace("    physicalName: bronze.orders\n", f"    physicalName: bronze.orders\n{RULE}"))
    (shop.root / "models/gold").mkdir(parents=True, exist_ok=True)
    (shop.root / "models/gold/lines.sql").write_text(VIEW)
    wanted = _trigger("when: {release: [bronze.orders, bronze.products, gold.lines], if: healthy}")
    shop.drop("products", a="product,name,price\np1,One,1.50\n")
    shop.orders("a", "1,p1,2026-01-01,3")
    shop.run()
    assert _watch(shop, wanted) == []
    shop.orders("b", "2,p1,2026-01-01,3")
    shop.run()
    told = _watch(shop, wanted)
    assert [(each.subject, each.is_healthy) for each in told] == [("bronze.orders", True), ("gold.lines", True)]
    assert _watch(shop, wanted) == []
    shop.orders("c", "3,p1,2026-01-01,3", "4,p1,2026-01-01,3")
    shop.run()
    told = _watch(shop, wanted)
    assert [(each.subject, each.is_healthy) for each in told] == [("bronze.orders", False), ("gold.lines", False)]


def test_a_file_is_told_of_once_while_it_lies_there(tmp_path: Path) -> None:
    """A new one and a changed one are told of; what was taken away meanwhile is forgotten."""
    shop = Shop(tmp_path / "shop")
    shop.run()
    wanted = _trigger("when: {files: orders}")
    assert _watch(shop, wanted) == []
    shop.orders("a", "1,p1,2026-01-01,3")
    assert [each.why for each in _watch(shop, wanted)] == ["file for orders: orders_a.csv"]
    assert _watch(shop, wanted) == []
    shop.orders("b", "2,p1,2026-01-01,3")
    shop.orders("a", "1,p1,2026-01-01,30")
    assert [each.why for each in _watch(shop, wanted)] == ["files for orders: orders_a.csv, orders_b.csv"]
    shop.run()
    assert _watch(shop, wanted) == []
