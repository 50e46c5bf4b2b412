"""A small project that ran once, with everything that the API shows: rejects, a held rule, a KPI, in- and outbound integrations, a trigger."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import uvicorn

from entrepot.app.administrator import AdministratorToken
from entrepot.app.clock import SystemClock
from entrepot.app.http import ApiContext, EventHub, Projects, create_app
from entrepot.app.project import open_project
from entrepot.app.session import run_project
from entrepot.app.stores import Stores
from entrepot.app.wiring import Platform
from entrepot.ports.inbox import Accepted, Arrival, Inbox

FILES = {
    "entrepot.yaml": "name: shop\ntime_zone: Europe/Berlin\n",
    "contracts/sales.odcs.yaml": """\
apiVersion: v3.1.0
kind: DataContract
id: sales
name: Sales
version: 1.2.0
status: active
team: {name: till crew}
schema:
  - name: sales
    physicalName: bronze.sales
    description: Lines of the till.
    quality:
      - {metric: rowCount, mustBeGreaterThan: 0}
    properties:
      - {name: id, logicalType: integer, primaryKey: true}
      - {name: buyer, logicalType: string, classification: personal}
      - {name: day, logicalType: date, required: true}
      - {name: amount, logicalType: number, physicalType: "DECIMAL(12,2)", required: true, logicalTypeOptions: {minimum: 0}}
  - name: orders
    physicalName: bronze.orders
    properties:
      - {name: number, logicalType: string, required: true}
      - {name: amount, logicalType: number, physicalType: "DECIMAL(12,2)"}
""",
    "sources/sales.yaml": """\
connector: files
dataset: bronze.sales
write: append
options: {path: storage/sales, pattern: '*.csv', wait: {stable_s: 0}}
""",
    "sources/orders.yaml": "connector: inbox\ndataset: bronze.orders\noptions: {auth: none}\n",
    "models/silver/sales.sql": "/* ---\nkind: append\ndriving: bronze.sales\n--- */\nSELECT id, day, amount FROM bronze.sales\n",
    "models/gold/sales.sql": "/* ---\nkind: full\n--- */\nSELECT day, id % 2 AS lane, amount FROM silver.sales\n",
    "models/gold/latest.sql": "/* ---\nkind: view\n--- */\nSELECT * FROM gold.sales\n",
    "kpis/turnover.yaml": """\
name: turnover
title: Turnover
definition: All that was sold.
model: gold.sales
measure: sum(amount)
grain: [day, lane]
unit: EUR
owner: till crew
format: "#,##0.00"
target: 3000
direction: higher_is_better
thresholds: {good: 2000, warning: 1000}
""",
    "kpis/large_share.yaml": """\
name: large_share
title: Share of large sales
definition: How many sales are larger than 500.
model: gold.sales
numerator: count(*) FILTER (WHERE amount > 500)
denominator: count(*)
grain: [day, lane]
unit: '%'
owner: till crew
format: "0.0%"
""",
    "publish/partner.yaml": "connector: queue\noptions: {lease: 30s}\n",
    "triggers/nightly.yaml": "when: {cron: '0 6 * * *'}\nrun: [bronze.sales+]\ndescription: All of it.\n",
}
FIRST = """\
id,buyer,day,amount
1,ZORA-QUILL,2026-06-01,1250.50
2,ODIN-MARSH,2026-06-01,1000.00
3,ODIN-MARSH,2026-06-02,400.10
4,ODIN-MARSH,2026-06-03,10.20
5,ZORA-QUILL,2026-06-03,-7
6,ZORA-QUILL,never,12
7,ZORA-QUILL,2026-06-03,-9
"""


def make_shop(folder: Path) -> Path:
    """Write the project with its first delivery."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    deliver(folder, "first.csv", FIRST)
    return folder


def deliver(folder: Path, name: str, text: str) -> None:
    """Put a file where the source looks."""
    incoming = folder / "storage" / "sales" / "incoming"
    incoming.mkdir(parents=True, exist_ok=True)
    (incoming / name).write_text(text)


@dataclass
class Shop:
    """A project with its API in front of it."""

    root: Path
    context: ApiContext
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """What lets somebody in."""
        return {"Authorization": f"Bearer {self.token}"}


@contextmanager
def opened(root: Path, *, with_stores: bool = True) -> Iterator[Shop]:
    """The context over a project, closed afterwards."""
    clock = SystemClock()
    hub = EventHub(clock)
    projects = Projects(root, hub.listen)
    administrator = AdministratorToken(root / ".entrepot")
    token = administrator.ensure(clock.now()) or administrator.renew(clock.now())
    runtime = root / ".entrepot"
    stores = Stores(runtime, clock)
    projects.share(stores=stores)
    inbox, outbox = (stores.inbox(), stores.outbox()) if with_stores else (None, None)
    context = ApiContext(projects, administrator, hub, clock, inbox=inbox, outbox=outbox)
    context.facts.share = 1e9  # tests look at once
    try:
        yield Shop(root, context, token)
    finally:
        context.stop()
        stores.close()


def run_once(root: Path) -> None:
    """Bring everything up to date."""
    run_project(Platform(open_project(root)))


def receive(inbox: Inbox, *arrivals: Arrival) -> list[Accepted]:
    """Store arrivals and wait until they are durable."""
    done = threading.Event()
    found: list[Accepted] = []

    def note(answer: object) -> None:
        assert not isinstance(answer, Exception), answer
        found.extend(answer)  # type: ignore[arg-type]
        done.set()

    inbox.submit(list(arrivals), note)
    assert done.wait(10)
    return found


@contextmanager
def served(shop: Shop) -> Iterator[str]:
    """A real server in front of a shop; gives its address."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen(64)
        address = f"http://127.0.0.1:{door.getsockname()[1]}"
        config = uvicorn.Config(
            create_app(shop.context), log_level="error", lifespan="off", ws="none", timeout_graceful_shutdown=2
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
        thread.start()
        try:
            _await(address)
            yield address
        finally:
            shop.context.hub.close()
            server.should_exit = True
            thread.join(10)


def _await(address: str) -> None:
    for _ in range(200):
        try:
            if httpx.get(f"{address}/healthz", timeout=1).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.02)
    raise AssertionError("the server did not come up")


def wait_for(client: httpx.Client, location: str) -> dict[str, object]:
    """An operation that has ended."""
    for _ in range(600):
        found: dict[str, object] = client.get(location).json()
        if found["status"] not in ("waiting", "running"):
            return found
        time.sleep(0.05)
    raise AssertionError("the operation did not end")
