"""Fed piece by piece as the events are served, the retail example's streams give the figures of all at once."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from retail_questions import STREAM_QUESTIONS, ask_kpis, find_differences
from retail_streams import Streams, compute

from entrepot.app.project import open_project
from entrepot.app.session import run_project
from entrepot.app.wiring import Platform
from entrepot.examples import copy_example
from entrepot.examples.simulator.events import Event
from entrepot.examples.simulator.pusher import EXAMPLE_SECRET, Pusher
from entrepot.examples.simulator.retail import BOTS, STREAMS, RetailWorld
from entrepot.examples.simulator.server import RetailApi, Simulator
from entrepot.examples.simulator.timing import SimulatedTime
from entrepot.kernel.positions import Versions
from entrepot.ports.relations import QueryScan, TableVersion

pytestmark = [pytest.mark.req("S6"), pytest.mark.slow, pytest.mark.timeout(300)]

IN_PART = {"silver.interaction_events": "insert"} | dict.fromkeys(
    ("silver.sessions", "silver.interactions", "silver.customer_days", "gold.sessions", "gold.customer_engagement"),
    "keys",
)
"""How these come up to date with a piece: by what it touches."""
DOORS = " UNION ALL ".join(
    f"SELECT event_id, integration_id, record_id, external_reference, received_at::VARCHAR AS received_at "
    f"FROM bronze.{stream} WHERE integration_id IS NOT NULL"
    for stream in STREAMS
)
"""What came by a door."""
DAYS = 50
CUSTOMERS = 60


def write_master_data(shop: Path, world: RetailWorld) -> dict[str, str]:
    """Customers and bots; the segments of the customers."""
    segments = {id: Random(id).choice(("family", "single", "student", "senior")) for id in world.customer_ids[:-5]}
    files = {
        "customers": "customer_id,segment\n" + "".join(f"{id},{name}\n" for id, name in segments.items()),
        "bots": "pattern,name\n" + "".join(f"{bot},{bot}\n" for bot in BOTS),
    }
    for name, text in files.items():
        incoming = shop / "storage/master_data" / name / "incoming"
        incoming.mkdir(parents=True)
        (incoming / f"{name}.csv").write_text(text)
    return segments


def write_events(shop: Path, stream: str, number: int, events: Iterable[dict[str, Any]]) -> None:
    """One piece of a stream as a file; as the gateway would take them one by one."""
    incoming = shop / "storage" / stream / "incoming"
    incoming.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in events)
    (incoming / f"{stream}_{number:02d}.ndjson").write_text(text)


def run(shop: Path) -> dict[str, str]:
    """Bring everything up to date; the way that each model went."""
    platform = Platform(open_project(shop))
    report = run_project(platform)
    assert not [f"{r.node.name}: {r.error}" for r in report.results if r.error is not None]
    assert all(balance.closes for balance in report.balances)
    return {
        result.node.name: plan.draft.position.way
        for result in report.results
        for plan in result.plans
        if isinstance(plan.draft.position, Versions)
    }


def ask(shop: Path, sql: str) -> list[dict[str, Any]]:
    """Rows over the newest release."""
    platform = Platform(open_project(shop))
    release = platform.release_for(None)
    tables = {name: TableVersion(name, version) for name, version in release.tables.items()}
    rows: list[dict[str, Any]] = (
        platform.engine.query(QueryScan(sql, tables, release.views)).batches().read_all().to_pylist()
    )
    return rows


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The example without its data; files are taken at once."""
    folder = tmp_path / "shop"
    copy_example("retail", folder)
    for source in (folder / "sources").glob("*_files.yaml"):
        source.write_text(source.read_text() + "  wait: {stable_s: 0}\n")
    return folder


def test_pieces_give_what_all_at_once_gives(shop: Path) -> None:
    """50 days, then an hour, then a day, then the rest of the day: each time the six KPIs are those of plain Python over all so far.

    The pieces are cut by the time at which events are served, so late events and re-deliveries come in later pieces than those they belong to.
    """
    world = RetailWorld(seed=11, customers=CUSTOMERS, visits_per_day=60, interactions_per_day=12)
    segments = write_master_data(shop, world)
    came: dict[str, list[dict[str, Any]]] = {stream: [] for stream in STREAMS}
    cuts = [world.first, *(world.first + timedelta(days=DAYS, hours=hours) for hours in (9, 10, 34, 48))]
    for number, (start, end) in enumerate(pairwise(cuts)):
        feed(shop, world, came, number, start, end)
        ways = run(shop)
        if number:
            assert {name: ways[name] for name in IN_PART} == IN_PART
        streams = Streams(came["web_traffic"], came["interactions"], came["loyalty"], segments, BOTS)
        found = ask_kpis(lambda sql: ask(shop, sql), STREAM_QUESTIONS)
        assert find_differences(found, compute(streams)) == [], f"after piece {number}"


def feed(
    shop: Path, world: RetailWorld, came: dict[str, list[dict[str, Any]]], number: int, start: datetime, end: datetime
) -> None:
    """Bring what is served within a time."""
    for stream in STREAMS:
        events = [dict(event.as_json()) for event in world.served(stream, start, end)]
        write_events(shop, stream, number, events)
        came[stream] += events


def test_files_polls_and_pushes_give_the_same(shop: Path, tmp_path: Path) -> None:
    """Three days of files, then six hours polled from an API with errors, then events pushed through the gateway of `entrepot up`:
    the six KPIs are those of plain Python over all events, and what was pushed says by which door it came.
    """
    world = RetailWorld(seed=12, customers=CUSTOMERS, visits_per_day=120, interactions_per_day=24)
    segments = write_master_data(shop, world)
    came: dict[str, list[dict[str, Any]]] = {stream: [] for stream in STREAMS}
    files, polled = world.first + timedelta(days=3), world.first + timedelta(days=3, hours=9)
    feed(shop, world, came, 0, world.first, files)
    run(shop)
    poll(shop, world, files, polled)
    for stream in STREAMS:
        came[stream] += [dict(event.as_json()) for event in world.served(stream, files, polled)]
    pushed = [
        (stream, event) for stream in STREAMS for event in world.served(stream, polled, polled + timedelta(hours=1))
    ]
    push(shop, pushed, tmp_path / "up.log")
    for stream, event in pushed:
        came[stream].append(dict(event.as_json()))
    streams = Streams(came["web_traffic"], came["interactions"], came["loyalty"], segments, BOTS)
    found = ask_kpis(lambda sql: ask(shop, sql), STREAM_QUESTIONS)
    assert find_differences(found, compute(streams)) == []
    doors = ask(shop, DOORS)
    assert {row["integration_id"] for row in doors} == {stream for stream, _ in pushed}
    assert all(
        row["external_reference"] == row["event_id"] and row["record_id"] and row["received_at"] for row in doors
    )


def poll(shop: Path, world: RetailWorld, start: datetime, until: datetime) -> None:
    """Ask the simulator's APIs for what is served within a time, one answer of ten being an error."""
    api = RetailApi(world, SimulatedTime(until, monotonic=lambda: 0.0), trouble=0.1, seed=3)
    simulator = Simulator(api, 0)
    simulator.start()
    try:
        for source in (shop / "live").glob("*.yaml"):
            text = source.read_text().replace("http://127.0.0.1:8330", simulator.url)
            text = text.replace("2026-09-28T22:00:00Z", f"{start:%Y-%m-%dT%H:%M:%SZ}")
            (shop / "sources" / source.name).write_text(text)
        run(shop)
    finally:
        simulator.stop()
    for source in (shop / "live").glob("*.yaml"):
        (shop / "sources" / source.name).unlink()


def push(shop: Path, events: Sequence[tuple[str, Event]], log: Path) -> None:
    """Post events to a running platform, and wait until all of them stand in bronze."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "entrepot.app.cli", "up", "--project", str(shop), "--port", str(port), "--quiet"]
    environment = {**os.environ, "ENTREPOT_SECRET_RETAIL_WEBHOOK": EXAMPLE_SECRET}
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output, env=environment) as process:
        try:
            pusher = Pusher(f"http://127.0.0.1:{port}/api/v1/in/{{stream}}", EXAMPLE_SECRET)
            for stream, event in events:
                pusher.push(stream, event)  # tried again until the door is open
            pusher.close()
            assert (pusher.pushed.accepted, pusher.pushed.refused) == (len(events), 0), log.read_text()
            ids = {event.event_id for _, event in events}
            end = time.monotonic() + 120
            while {row["event_id"] for row in ask(shop, DOORS)} != ids:
                assert time.monotonic() < end, log.read_text()
                time.sleep(0.5)
        finally:
            process.send_signal(signal.SIGTERM)
    run(shop)
