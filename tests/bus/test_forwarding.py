"""Rows of an integration with a topic are put on it, each once, whatever bronze, upkeep and crashes do meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from entrepot.app.forwarding import Forwarder
from entrepot.app.project import open_project
from entrepot.app.session import run_project
from entrepot.app.topics_upkeep import tend_topics
from entrepot.app.wiring import Platform
from entrepot.intake.gateway.settings import inbound_of
from entrepot.kernel.errors import DamageError
from entrepot.kernel.events import Event
from entrepot.kernel.points import install_hook, remove_hook
from entrepot.ports.bus import Message, Outgoing, TopicSettings, partition_of
from entrepot.ports.inbox import Arrival, Processed
from entrepot.ports.relations import QueryScan, TableVersion
from tests.gateway.source.inbox_lab import AT, Post, submit

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: {name}
version: 1.0.0
status: active
schema:
  - name: {name}
    physicalName: bronze.{name}
    properties:
      - {{name: n, logicalType: integer, required: true}}
      - {{name: record_id, logicalType: string}}
"""


class Shop:
    """A project with one integration that feeds a topic, and a source that takes it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("entrepot.yaml", "name: p\n")
        self.integrate("topic: events")
        self.write("contracts/orders.odcs.yaml", CONTRACT.format(name="orders"))
        (root / ".entrepot").mkdir()
        self.post = Post(root / ".entrepot")
        self.events: list[Event] = []
        self.open()

    def write(self, name: str, text: str) -> None:
        """A file of the project."""
        (self.root / name).parent.mkdir(exist_ok=True)
        (self.root / name).write_text(text)

    def integrate(self, *options: str) -> None:
        """The integration `orders`."""
        lines = "".join(f"  {option}\n" for option in options)
        self.write("sources/orders.yaml", f"connector: inbox\ndataset: bronze.orders\noptions:\n  window: 1h\n{lines}")

    def open(self) -> None:
        """As a new process would."""
        self.platform = Platform(open_project(self.root), self.events.append, threads=1)
        project = self.platform.project
        inbounds = inbound_of(project.sources, self.platform.stores.secrets, lambda header: None, project.root)
        self.forwarder = Forwarder(self.platform, lambda: inbounds)

    def messages(self) -> list[Message]:
        """All messages of the topic, by the order of putting."""
        bus = self.platform.stores.bus()
        found = [one for n in bus.ends("events") for one in bus.fetch("events", n, bus.starts("events")[n])]
        return sorted(
            found, key=lambda one: int(dict(one.headers)["revision"]) * 1000 + int(one.value.split(b":")[1][:-1])
        )

    def tidy(self) -> None:
        """Upkeep of the inbox, now."""
        inbox = self.post.inbox()
        while inbox._clean():
            pass
        inbox.close()

    def bronze(self, name: str) -> list[tuple[int, str, str]]:
        """Number, record id and origin of each row."""
        version = self.platform.tables.version(f"bronze.{name}")
        scan = QueryScan(
            "SELECT n, record_id, _origin FROM q.t ORDER BY n", {"q.t": TableVersion(f"bronze.{name}", version)}
        )
        return [tuple(row.values()) for row in self.platform.engine.query(scan).batches().read_all().to_pylist()]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """An empty one."""
    made = Shop(tmp_path)
    yield made
    made.platform.stores.close()


def numbers(messages: list[Message]) -> list[bytes]:
    """The values."""
    return [one.value for one in messages]


@pytest.mark.req("G2", "S4")
def test_rows_are_put_once(shop: Shop) -> None:
    """Each row is a message with the record's id, time of receipt and reference; another turn adds nothing."""
    a, b = shop.post.post(["{}"] * 2, rows=[['{"n": 1}'], ['{"n": 2}', '{"n": 3}']])
    assert shop.forwarder.turn() == 3
    assert shop.forwarder.turn() == 0
    found = shop.messages()
    assert numbers(found) == [b'{"n": 1}', b'{"n": 2}', b'{"n": 3}']
    assert [one.id for one in found] == [a, b, b]
    assert found[0].timestamp_us == 1_790_000_000_123_457
    assert dict(found[2].headers) == {
        "integration": b"orders", "external-reference": b"r-2", "revision": b"0", "row": b"2",
    }  # fmt: skip


def test_bronze_may_be_first(shop: Shop) -> None:
    """What bronze took, and upkeep would remove, waits for the topic; once it is there, it goes."""
    shop.post.post(['{"n": 1}', '{"n": 2}'])
    run_project(shop.platform, ())
    shop.tidy()
    shop.open()
    inbox = shop.platform.stores.inbox()
    later = datetime(2030, 1, 1, tzinfo=UTC)
    assert not inbox.archivable(later, 10), "its record must stay too"
    assert shop.forwarder.turn() == 2
    assert len(inbox.archivable(later, 10)) == 2
    shop.tidy()
    assert not inbox.outputs("orders", 0, 1 << 60)
    assert len(shop.messages()) == 2


def test_without_topic_nothing_is_held(shop: Shop) -> None:
    """An integration that no longer names a topic holds nothing for it."""
    shop.post.post(['{"n": 1}'])
    run_project(shop.platform, ())
    shop.integrate()
    shop.open()
    assert shop.forwarder.turn() == 0
    shop.tidy()
    assert not shop.platform.stores.inbox().outputs("orders", 0, 1 << 60)


def test_a_crash_between_put_and_mark(shop: Shop) -> None:
    """Rows that were put, but not marked so, are put again, which adds nothing."""
    shop.post.post([f'{{"n": {n}}}' for n in range(5)])

    def cut(point: str) -> None:
        if point == "forward.put":
            raise KeyboardInterrupt

    install_hook(cut)
    try:
        with pytest.raises(KeyboardInterrupt):
            shop.forwarder.turn()
    finally:
        remove_hook(cut)
    assert len(shop.messages()) == 5
    shop.post.post(['{"n": 5}'])
    shop.open()
    assert shop.forwarder.turn() == 1
    assert numbers(shop.messages()) == [f'{{"n": {n}}}'.encode() for n in range(6)]


def test_two_forwarders(shop: Shop) -> None:
    """Two processes that forward the same integration put each row once."""
    shop.post.post([f'{{"n": {n}}}' for n in range(5)])
    first = shop.forwarder
    shop.open()
    inbox = shop.platform.stores.inbox()
    inbox.hold_outputs("orders", wanted=True)
    assert first.turn() + shop.forwarder.turn() == 5
    assert len(shop.messages()) == 5


def test_a_replay_is_put_again(shop: Shop) -> None:
    """Rows that a replay gives come behind the old ones, with their revision."""
    (a,) = shop.post.post(['{"n": 1}'])
    shop.forwarder.turn()
    shop.post.replay(a, ['{"n": 10}'])
    assert shop.forwarder.turn() == 1
    assert [(one.value, dict(one.headers)["revision"]) for one in shop.messages()] == [
        (b'{"n": 1}', b"0"), (b'{"n": 10}', b"1"),
    ]  # fmt: skip


def test_a_removal_is_an_empty_message(shop: Shop) -> None:
    """A record that gives no rows any more is told by a message without value, with its id and revision."""
    (a,) = shop.post.post(['{"n": 1}'])
    shop.forwarder.turn()
    shop.post.replay(a, [])
    assert shop.forwarder.turn() == 1
    bus = shop.platform.stores.bus()
    (found,) = [one for n in bus.ends("events") for one in bus.fetch("events", n, 0) if not one.value]
    assert (found.id, dict(found.headers)["revision"], dict(found.headers)["row"]) == (a, b"1", b"0")


def test_keys_go_along(shop: Shop) -> None:
    """A record's key is its rows' key: all of a key stand in one partition, in order."""
    inbox = shop.post.inbox()
    submit(inbox, [Arrival("orders", f"r{n}", 1, b"{}", key=f"k{n % 3}") for n in range(12)])
    waiting = inbox.waiting("orders", 0, 20)
    inbox.finish([Processed(one.seq, 0, AT, (f'{{"n": {n}}}',)) for n, one in enumerate(waiting)])
    inbox.close()
    assert shop.forwarder.turn() == 12
    bus = shop.platform.stores.bus()
    for n in bus.ends("events"):
        page = bus.fetch("events", n, 0)
        assert all(one.key is not None and partition_of(one.key, 4) == n for one in page)
        for key in {one.key for one in page}:
            values = [int(one.value[6:-1]) for one in page if one.key == key]
            assert values == sorted(values) and len(values) == 4


def test_an_older_inbox_is_refused(shop: Shop) -> None:
    """An inbox that knows less than stands on the topic is another one; the trouble is told."""
    bus = shop.platform.stores.bus()
    bus.ensure_topic("events")
    bus.produce("events", [Outgoing(b"{}", sequence=17)], producer="inbox:orders")
    shop.post.post(['{"n": 1}'])
    with pytest.raises(DamageError, match="older or another inbox"):
        shop.forwarder.turn()
    assert [event.name for event in shop.events] == ["forwarding_failed"]


@pytest.mark.req("S4", "G2")
def test_through_to_bronze(shop: Shop) -> None:
    """From the inbox over the topic to a dataset: each row once, with its record's id, and what was taken may then be dropped."""
    shop.write("sources/events.yaml", "connector: topic\ndataset: bronze.events\noptions: {topic: events}\n")
    shop.write("contracts/events.odcs.yaml", CONTRACT.format(name="events"))
    shop.open()
    ids = shop.post.post([f'{{"n": {n}}}' for n in range(4)])
    for _ in range(2):
        shop.forwarder.turn()
        run_project(shop.platform, ())
    assert [(n, id) for n, id, _ in shop.bronze("events")] == list(enumerate(ids))
    assert {origin.split("@")[0] for _, _, origin in shop.bronze("events")} <= {f"topic/events/{n}" for n in range(4)}
    assert [n for n, _, _ in shop.bronze("orders")] == [0, 1, 2, 3]
    bus = shop.platform.stores.bus()
    assert {one.group: set(one.lag.values()) for one in bus.groups("events")} == {"source:events": {0}}
    bus.change_topic("events", TopicSettings(keep_us=0))
    shop.events.clear()
    assert tend_topics(bus, shop.events.append) == 4
    assert {event.name for event in shop.events} == {"messages_dropped"}
