"""Rounds: what is new is taken, what failed is tried again though nothing new came, what triggers name is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.app.project import open_project
from entrepot.app.up.batches import LiveBatches
from entrepot.app.up.busy import BusyNodes
from entrepot.app.wiring import Platform
from entrepot.ports.relations import QueryScan, TableVersion

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: orders
version: 1.0.0
status: active
schema:
  - name: orders
    physicalName: bronze.orders
    properties:
      - {name: id, logicalType: integer, required: true}
"""
MODEL = "/* ---\nname: gold.total\nkind: full\n--- */\nSELECT count(*) AS orders FROM bronze.orders\n"


class Shop:
    """A project of one folder, looked at by a clock that the test turns."""

    def __init__(self, root: Path) -> None:
        files = {
            "entrepot.yaml": "name: shop\nlive: {files_every: 1s}\n",
            "contracts/orders.odcs.yaml": CONTRACT,
            "sources/orders.yaml": "connector: files\ndataset: bronze.orders\noptions: {path: in, wait: {stable_s: 0}}\n",
            "models/gold/total.sql": MODEL,
        }
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        (root / "in" / "incoming").mkdir(parents=True)
        self.root, self.now, self.reports = root, 0.0, []  # type: tuple[Path, float, list[RunReport]]
        self.platform = Platform(open_project(root), threads=1)
        self.batches = LiveBatches(lambda: self.platform, BusyNodes(), self.reports.append, monotonic=lambda: self.now)

    def drop(self, name: str, *ids: int) -> None:
        """Put a file in."""
        (self.root / "in" / "incoming" / name).write_text("id\n" + "".join(f"{id}\n" for id in ids))

    def turn(self, seconds: float = 2.0) -> int:
        """Some time passes, then a round; how many reports it gave."""
        self.now += seconds
        before = len(self.reports)
        self.batches.turn()
        return len(self.reports) - before

    def total(self) -> int:
        """What the newest release says."""
        release = self.platform.state.latest_release()
        assert release is not None
        table = TableVersion("gold.total", release.tables["gold.total"])
        return int(
            self.platform.engine.query(QueryScan("SELECT orders FROM q.t", {"q.t": table}))
            .batches()
            .read_all()["orders"][0]
            .as_py()
        )


@pytest.mark.req("S5", "D5")
def test_a_file_that_arrives_is_in_the_figure(tmp_path: Path) -> None:
    """A file is taken in the next round, with what descends from it; a round without news does nothing."""
    shop = Shop(tmp_path)
    shop.drop("a.csv", 1, 2)
    shop.turn()
    assert shop.total() == 2
    assert shop.turn() == 0
    shop.drop("b.csv", 3)
    shop.turn()  # notes when the folder is looked into next
    shop.turn()
    assert shop.total() == 3
    assert not any((tmp_path / "logs" / "refresh_completed").glob(f"{shop.reports[-1].id}*"))


def test_a_model_that_failed_is_tried_again(tmp_path: Path) -> None:
    """A model whose lease somebody else holds fails; it comes up to date soon after, though nothing new arrives."""
    shop = Shop(tmp_path)
    shop.drop("a.csv", 1)
    shop.turn()
    lease = shop.platform.state.acquire("flow:gold.total", "somebody/else", 600)
    shop.drop("b.csv", 2)
    for _ in range(3):
        shop.turn()
    assert shop.total() == 1
    shop.platform.state.release_lease(lease)
    for _ in range(8):
        shop.turn(20.0)
    assert shop.total() == 2
    assert shop.turn(60.0) == 0


def test_sources_of_triggers_are_left_alone(tmp_path: Path) -> None:
    """A source that a trigger names is not taken by rounds, not even by the first."""
    shop = Shop(tmp_path)
    (tmp_path / "triggers").mkdir()
    (tmp_path / "triggers" / "nightly.yaml").write_text('name: nightly\nwhen: {cron: "0 3 * * *"}\nrun: [orders+]\n')
    shop.platform = Platform(open_project(tmp_path), threads=1)
    shop.drop("a.csv", 1)
    shop.turn()
    shop.turn()
    shop.turn()
    assert (tmp_path / "in" / "incoming" / "a.csv").exists()
