"""A project polls an API that makes trouble: after kills and restarts its tables hold each event once, and each row names its page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from entrepot.app.project import open_project
from entrepot.app.querying import query_release
from entrepot.app.session import run_project
from entrepot.app.wiring import Platform
from entrepot.examples.simulator.retail import RetailWorld
from entrepot.examples.simulator.server import RetailApi, Simulator
from entrepot.examples.simulator.timing import SimulatedTime

CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: 2f1d7c9e-0a51-4c7e-9a10-0000000000f1
version: 1.0.0
status: active
name: {name}
schema:
  - name: {name}
    physicalName: bronze.{name}
    properties:
      - {{name: event_id, logicalType: string, primaryKey: true}}
      - {{name: event_type, logicalType: string, required: true}}
      - {{name: occurred_at, logicalType: timestamp, required: true}}
      - {{name: recorded_at, logicalType: timestamp, required: true}}
"""
SOURCE = """\
connector: http
dataset: bronze.{name}
write: merge
options:
  url: {url}{path}
  auth: {{bearer: {{secret: retail/token}}}}
  cursor: {{field: recorded_at, param: since, older: take}}
  retry: {{wait: 1ms, longest: 5ms, attempts: 30}}
  {rest}
"""
SOURCES = {
    "web_traffic": (
        "/api/web-traffic/",
        "records: data\n  pagination: {kind: cursor, from: body.next_cursor, size_param: limit, size: 200}",
    ),
    "interactions": (
        "/api/customer-interaction/",
        "records: results\n  pagination: {kind: page, pages: body.pages, size_param: page_size, size: 30}",
    ),
    "loyalty": ("/api/loyalty/", "pagination: {kind: link_header, size_param: limit, size: 50}"),
}


class Now(SimulatedTime):
    """Stands still until it is moved."""

    def __init__(self, at: datetime) -> None:
        super().__init__(at, monotonic=lambda: 0.0)
        self.at = at

    def now(self) -> datetime:
        """Where it was moved to."""
        return self.at


@pytest.fixture
def api() -> Iterator[tuple[RetailApi, Simulator]]:
    """The simulator with a tenth of its answers in trouble, on the second day of its world."""
    world = RetailWorld()
    answering = RetailApi(world, Now(world.first + timedelta(days=2)), trouble=0.1, token="t0ken")
    simulator = Simulator(answering, 0)
    simulator.start()
    yield answering, simulator
    simulator.stop()


def make_project(folder: Path, url: str) -> None:
    """Three sources over the simulator."""
    (folder / "contracts").mkdir(parents=True)
    (folder / "sources").mkdir()
    (folder / "entrepot.yaml").write_text("name: poll\nnamespace: poll\n")
    for name, (path, rest) in SOURCES.items():
        (folder / "contracts" / f"{name}.odcs.yaml").write_text(CONTRACT.format(name=name))
        (folder / "sources" / f"{name}.yaml").write_text(SOURCE.format(name=name, url=url, path=path, rest=rest))


@pytest.mark.req("S3")
def test_polled_events_come_once(
    tmp_path: Path, api: tuple[RetailApi, Simulator], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three polls, each some hours later, through 500 and 429: every table holds the served events, re-deliveries once; a fourth brings nothing."""
    answering, simulator = api
    # a server that says `Retry-After: 1` is waited for; here not by real seconds
    monkeypatch.setattr("entrepot.app.clock.SystemClock.sleep", lambda self, seconds: None)
    monkeypatch.setenv("ENTREPOT_SECRET_RETAIL_TOKEN", "t0ken")
    make_project(tmp_path, simulator.url)
    assert isinstance(answering.time, Now)
    for _ in range(3):
        report = run_project(Platform(open_project(tmp_path)))
        assert report.succeeded, report
        answering.time.at += timedelta(hours=5)
    answering.time.at -= timedelta(hours=5)
    platform = Platform(open_project(tmp_path))
    assert run_project(platform).succeeded
    until = answering.time.now()
    for name in SOURCES:
        served = {event.event_id for event in answering.world.served(name, answering.world.first, until)}
        table = _read(platform, f"bronze.{name}")
        assert {row["event_id"] for row in table} == served and len(table) == len(served)
        assert all("/page-" in row["_origin"] and row["_origin"].startswith(f"{name}@") for row in table)
        assert len(platform.state.plans(flow=name)) <= 3


def _read(platform: Platform, name: str) -> list[dict[str, str]]:
    rows = query_release(platform, platform.release_for(None), f"SELECT * FROM {name}")
    return list(rows.read_all().to_pylist())
