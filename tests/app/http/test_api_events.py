"""Who watches misses nothing, or is told that something may be missing."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import httpx
import pytest

from entrepot.app.clock import SystemClock
from entrepot.app.http import EventHub
from entrepot.app.http.hub import MOST_WAITING, Listener, topics_of
from entrepot.kernel.events import Event
from tests.app.http.serving import Shop


def _read(text: str) -> list[dict[str, str]]:
    """The events of a stream."""
    blocks = [block.splitlines() for block in text.split("\n\n")]
    found = [dict(line.split(": ", 1) for line in lines if not line.startswith(":")) for lines in blocks]
    return [each for each in found if "event" in each]


def test_a_watcher_sees_what_changes_and_goes_on_where_it_was(client: httpx.Client, shop: Shop) -> None:
    """By the last id that it has seen."""
    first = shop.context.hub.publish("test.a", "one", "x", {"n": 1}).id
    shop.context.hub.publish("test.b", "two", "y")
    shop.context.hub.publish("test.a", "three", "z")
    wanted = {"topics": "test.a", "seconds": 0.3}
    seen = _read(client.get("/events", params=wanted, headers={"Last-Event-ID": first}).text)
    assert [(each["event"], json.loads(each["data"])["event"]) for each in seen] == [("test.a", "three")]
    assert _read(client.get("/events", params=wanted).text) == []
    whole = _read(
        client.get("/events", params={"topics": "test.*", "seconds": 0.3}, headers={"Last-Event-ID": first}).text
    )
    assert [json.loads(each["data"])["subject"] for each in whole] == ["y", "z"]


@pytest.mark.parametrize("last", ["other-5", "nonsense", "", "x-999999999999999999999", "-1", "é-1"])
def test_who_comes_from_before_a_restart_is_told_to_load_all_again(client: httpx.Client, last: str) -> None:
    """Never nothing, as if nothing had happened."""
    response = client.get("/events", params={"seconds": 0.2}, headers={"Last-Event-ID": last.encode()})  # type: ignore[dict-item]
    assert [each["event"] for each in _read(response.text)] == ["reset"]


def test_what_is_no_longer_kept_is_a_reset_too() -> None:
    """The ring is bounded."""
    hub = EventHub(SystemClock(), kept=3, epoch="e")
    ids = [hub.publish("t", "n", str(n)).id for n in range(5)]
    listener = Listener((), asyncio.new_event_loop())
    assert hub.join(listener, ids[0]) == ([], True)
    missed, is_reset = hub.join(listener, ids[1])
    assert ([each.subject for each in missed], is_reset) == (["2", "3", "4"], False)
    assert hub.join(listener, "e-6") == ([], True)
    listener._loop.close()


async def _too_slow(hub: EventHub) -> Listener:
    listener = Listener(("t",), asyncio.get_running_loop())
    hub.join(listener, None)
    for n in range(MOST_WAITING + 10):
        hub.publish("t", "n", str(n))
    await asyncio.sleep(0.05)
    return listener


def test_a_watcher_that_is_too_slow_is_not_waited_for() -> None:
    """Its queue is bounded, and it learns that it missed something."""
    listener = asyncio.run(_too_slow(EventHub(SystemClock())))
    assert listener.is_behind
    assert listener.queue.qsize() == MOST_WAITING


def test_a_run_is_seen_as_it_goes(own: tuple[Shop, httpx.Client]) -> None:
    """The platform's facts become the topics that pages watch; rows that are read, and tracebacks, do not."""
    shop, client = own
    before = shop.context.hub.last_id
    response = client.post("/runs", json={})
    from tests.app.http.serving import deliver, wait_for

    wait_for(client, response.headers["location"].removeprefix("/api/v1"))
    deliver(shop.root, "more.csv", "id,buyer,day,amount\n8,A,2026-06-04,5\n")
    wait_for(client, client.post("/runs", json={}).headers["location"].removeprefix("/api/v1"))
    seen = _read(client.get("/events", params={"seconds": 0.3}, headers={"Last-Event-ID": before}).text)
    topics = {each["event"] for each in seen}
    assert {"run.changed", "release.published", "balance.closed"} <= topics
    assert any(topic.startswith("operation.") for topic in topics)
    assert topics_of(Event("rows_read", "sales")) == topics_of(Event("node_crashed", "sales")) == ()


def test_instants_are_utc(shop: Shop) -> None:
    """Whatever the project's zone."""
    assert shop.context.hub.publish("t", "n", "s").at.tzinfo is UTC
    assert datetime.now(UTC).tzinfo is UTC
