"""Replays: a dry run says what would change and keeps nothing; a replay takes the place of what a record gave before, and is idempotent."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot.app.gateway_processing import make_processing, try_records
from entrepot.app.project import open_project
from entrepot.app.records_desk import RecordsDesk
from entrepot.app.session import run_project
from entrepot.app.wiring import Platform
from entrepot.intake.gateway.settings import inbound_of
from entrepot.kernel.errors import UsageError
from entrepot.ports.inbox import Arrival, RecordFilter, RecordStatus
from entrepot.ports.relations import QueryScan, TableVersion

FILES = {
    "entrepot.yaml": "name: shop\ntime_zone: UTC\n",
    "contracts/orders.odcs.yaml": """\
apiVersion: v3.1.0
kind: DataContract
id: orders
version: 1.0.0
status: active
schema:
  - name: orders
    physicalName: bronze.orders
    properties:
      - {name: order, logicalType: string, required: true}
      - {name: amount, logicalType: number, physicalType: "decimal(18,2)", required: true}
      - {name: external_reference, logicalType: string}
""",
    "sources/shop.yaml": "connector: inbox\ndataset: bronze.orders\noptions: {auth: none, reference: {body: order}, handler: shop}\n",
    "models/gold/total.sql": "/* ---\nname: gold.total\nkind: full\n--- */\nSELECT sum(amount) AS amount, count(*) AS orders FROM bronze.orders\n",
}
WRONG = """\
from entrepot.handlers import Record

def handle(record: Record) -> dict:
    value = record.json()
    return {"order": value["order"], "amount": float(value["amount"])}
"""
RIGHT = WRONG.replace('float(value["amount"])', 'value["amount"].replace(",", ".")')
WAIT_S = 30.0


class Shop:
    """A project whose handler can be mended."""

    def __init__(self, root: Path) -> None:
        for name, text in (FILES | {"handlers/shop.py": WRONG}).items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        self.root = root
        self.platform = Platform(open_project(root), threads=1)
        self.inbox = self.platform.stores.inbox()
        self.desk = RecordsDesk(self.platform, try_records, "tester")

    def send(self, order: str, amount: str) -> str:
        """Store one record; return its id."""
        answered: list[object] = []
        stored = threading.Event()
        body = f'{{"order": "{order}", "amount": "{amount}"}}'.encode()
        arrival = Arrival("shop", order, 1_795_000_000_000_000, body, "application/json")
        self.inbox.submit([arrival], lambda told: (answered.append(told), stored.set())[0])
        assert stored.wait(WAIT_S)
        return answered[0][0].id  # type: ignore[index]

    def process(self) -> None:
        """Process what waits."""
        project = self.platform.project
        inbound = inbound_of(project.sources, self.platform.stores.secrets, lambda headers: None, project.root)["shop"]
        loop = make_processing(self.platform, inbound)
        thread = threading.Thread(target=loop.run)
        thread.start()
        deadline = time.monotonic() + WAIT_S
        while self.inbox.counts("shop").by_status.get(RecordStatus.JUST_IN, 0):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        loop.stop()
        thread.join(WAIT_S)

    def total(self) -> tuple[str, int]:
        """The released figure, after a run."""
        assert run_project(self.platform).succeeded
        release = self.platform.state.latest_release()
        assert release is not None
        table = TableVersion("gold.total", release.tables["gold.total"])
        row = (
            self.platform.engine.query(QueryScan("SELECT * FROM q.t", {"q.t": table}))
            .batches()
            .read_all()
            .to_pylist()[0]
        )
        return str(row["amount"]), row["orders"]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """The shop, closed at the end."""
    found = Shop(tmp_path)
    yield found
    found.platform.stores.close()


@pytest.mark.req("G4", "G6")
@pytest.mark.timeout(180)
def test_a_mended_handler_and_a_replay(shop: Shop) -> None:
    """The record in error is told with its reason; the dry run says what it would give; the replay brings it in, once; a second one changes nothing."""
    good, bad = shop.send("A1", "2.50"), shop.send("A2", "3,25")
    shop.process()
    assert shop.total() == ("2.50", 1)
    assert [record.id for record in shop.desk.find(RecordFilter(status=RecordStatus.ERROR), 10)] == [bad]
    file = shop.desk.show("A2")
    assert file.record.error is not None
    assert file.record.error.code == "handler_failed"
    assert b"3,25" in file.received_body
    everything = RecordFilter(integration="shop")
    assert {e.record.id: e.verdict for e in shop.desk.preview(everything).effects} == {good: "unchanged", bad: "error"}

    (shop.root / "handlers" / "shop.py").write_text(RIGHT)
    preview = shop.desk.preview(everything)
    assert {effect.record.id: effect.verdict for effect in preview.effects} == {good: "unchanged", bad: "new"}
    assert list(preview.tables) == ["bronze.orders", "gold.total"]
    assert shop.total() == ("2.50", 1)  # nothing was kept

    assert shop.desk.replay(everything, "handler mended") == 2
    shop.process()
    assert shop.total() == ("5.75", 2)
    assert shop.desk.replay(everything, "once more") == 2
    shop.process()
    assert shop.total() == ("5.75", 2)
    assert [change.who for change in shop.desk.show(bad).history][-2:] == ["tester", ""]


@pytest.mark.req("G6")
@pytest.mark.timeout(180)
def test_an_edited_body_takes_the_place_of_its_rows(shop: Shop) -> None:
    """What an edited body gives replaces the record's row; the body as received stays; edits need a reason and one record."""
    (shop.root / "handlers" / "shop.py").write_text(RIGHT)
    first = shop.send("A1", "2,50")
    shop.send("A2", "1,00")
    shop.process()
    assert shop.total() == ("3.50", 2)
    one = RecordFilter(ids=(first,))
    with pytest.raises(UsageError, match="reason"):
        shop.desk.replay(one, " ")
    with pytest.raises(UsageError, match="one record"):
        shop.desk.replay(RecordFilter(integration="shop"), "why", body=b"{}")
    assert shop.desk.replay(one, "typing error", body=b'{"order": "A1", "amount": "20,00"}') == 1
    shop.process()
    assert shop.total() == ("21.00", 2)
    file = shop.desk.show(first)
    assert file.received_body == b'{"order": "A1", "amount": "2,50"}'
    assert [str(row["amount"]) for row in file.rows] == ["20.00"]


def test_what_is_not_there_is_told(shop: Shop) -> None:
    """An unknown id, and a filter that matches nothing, say what to do."""
    with pytest.raises(UsageError, match="no record"):
        shop.desk.show("nothing")
    with pytest.raises(UsageError, match="matches"):
        shop.desk.replay(RecordFilter(integration="shop"), "why")
