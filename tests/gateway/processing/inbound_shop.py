"""A small project with one integration, `orders`, as a folder."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from entrepot.app.gateway_processing import make_processing
from entrepot.app.project import open_project
from entrepot.app.session import run_project
from entrepot.app.wiring import Platform
from entrepot.intake.gateway.settings import Inbound, inbound_of
from entrepot.kernel.events import Event
from entrepot.ports.access import Principal
from entrepot.ports.inbox import Arrival, InboxRecord, Replay

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: orders
version: 1.0.0
status: active
schema:
  - name: orders
    physicalName: bronze.orders
    properties:
      - {name: order_id, logicalType: string, required: true, primaryKey: true}
      - name: quantity
        logicalType: integer
        logicalTypeOptions: {minimum: 0}
      - {name: price, logicalType: number, physicalType: "decimal(12,2)"}
      - {name: record_id, logicalType: string, required: true}
      - {name: external_reference, logicalType: string}
"""
SOURCE = """
connector: inbox
dataset: bronze.orders
options:
  auth: none
  reference: {{header: X-Id}}
  archive_after: 30d
{more}
"""
HANDLER = """
from entrepot.handlers import Record, Reject

def handle(record):
    order = record.json()
    return {"order_id": order["id"], "quantity": order["n"], "price": order.get("price")}
"""


def write_shop(root: Path, *, handler: str | None = None, more: str = "") -> Path:
    """The folder."""
    for folder in ("contracts", "sources", "handlers"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "entrepot.yaml").write_text("name: shop\n")
    (root / "contracts" / "orders.odcs.yaml").write_text(CONTRACT)
    more = f"  handler: orders\n{more}" if handler else more
    (root / "sources" / "orders.yaml").write_text(SOURCE.format(more=more))
    if handler:
        (root / "handlers" / "orders.py").write_text(handler)
    return root


def nobody(request: Any) -> Principal | None:
    """The administrator whom nobody knows."""
    return None


class Shop:
    """The opened project."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.events: list[Event] = []
        self.platform = Platform(open_project(root), self.events.append, threads=1)
        self.inbox = self.platform.stores.inbox()

    @property
    def inbound(self) -> Inbound:
        """Of `orders`."""
        return self.inbounds["orders"]

    @property
    def inbounds(self) -> Mapping[str, Inbound]:
        """Of all."""
        return inbound_of(self.platform.project.sources, self.platform.stores.secrets, nobody, self.root)

    def put(
        self, *bodies: bytes, first: int = 1, received_us: int | None = None, integration: str = "orders"
    ) -> list[str]:
        """Store records; return their ids."""
        at = time.time_ns() // 1000 if received_us is None else received_us
        arrivals = [Arrival(integration, f"ref-{n}", at + n, body) for n, body in enumerate(bodies, first)]
        found: list[Any] = []
        ready = threading.Event()

        def done(answer: Any) -> None:
            found.append(answer)
            ready.set()

        self.inbox.submit(arrivals, done)
        assert ready.wait(20)
        return [each.id for each in found[0]]

    @contextmanager
    def processing(self) -> Iterator[None]:
        """The loop in a thread."""
        loop = make_processing(self.platform, self.inbound)
        thread = threading.Thread(target=loop.run)
        thread.start()
        try:
            yield
        finally:
            loop.stop()
            thread.join(20)
            assert not thread.is_alive()

    def wait(self, ids: Sequence[str], *, seconds: float = 20) -> str:
        """Letters of the statuses once none is just_in."""
        wait_until(lambda: "j" not in self.status(ids), seconds)
        return self.status(ids)

    def status(self, ids: Sequence[str]) -> str:
        """Letters of the statuses: j, p, e; - for gone."""
        return "".join("-" if (found := self.inbox.get(id)) is None else found.status.value[0] for id in ids)

    def get(self, id: str) -> InboxRecord:
        """A record that is there."""
        found = self.inbox.get(id)
        assert found is not None
        return found

    def replay(self, id: str, body: bytes | None = None) -> None:
        """Again."""
        self.inbox.replay(Replay((id,), "tester", "because", body))

    def run(self) -> None:
        """Bring bronze up to date."""
        report = run_project(self.platform)
        assert report.succeeded, [str(result.error) for result in report.results]

    def rows(self, table: str = "bronze.orders") -> list[dict[str, Any]]:
        """All rows of a table's newest version."""
        from entrepot.ports.relations import QueryScan, TableVersion

        scan = QueryScan(f"SELECT * FROM {table}", {table: TableVersion(table, self.platform.tables.version(table))})
        found: list[dict[str, Any]] = self.platform.engine.query(scan).batches().read_all().to_pylist()
        return found

    def close(self) -> None:
        """Stop."""
        self.platform.stores.close()


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Fail when it does not come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.01)
