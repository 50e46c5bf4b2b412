"""The embedded bus keeps order, gives each message once, and loses none, whoever dies."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from entrepot.adapters.embedded.bus import SqliteBus
from entrepot.adapters.embedded.bus.grouping import Answer
from entrepot.adapters.embedded.bus.producing import Request
from entrepot.kernel.errors import FencedError
from entrepot.ports.bus import NoSuchTopic, Outgoing, TopicSettings
from entrepot.testing.bus import BusConformance, BusUnderTest, drain, put
from entrepot.testing.clock import FakeClock
from tests.bus.buses import SqliteBusUnderTest


@pytest.mark.req("S4")
class TestSqliteBus(BusConformance):
    """The suite of buses."""

    @pytest.fixture
    def bus_under_test(self, tmp_path: Path) -> BusUnderTest:
        """An empty bus."""
        return SqliteBusUnderTest(tmp_path)


def test_a_clock_that_goes_back(tmp_path: Path) -> None:
    """A lease that was given in what is now the future keeps nobody waiting; order and retention take no harm."""
    under_test = SqliteBusUnderTest(tmp_path)
    bus = under_test.open()
    bus.ensure_topic("t", TopicSettings(partitions=1, keep_us=60_000_000))
    dead = bus.join("g", "t", "dead", 30)
    put(bus, "t", [b"1"])
    under_test.advance(-3_600)
    put(bus, "t", [b"2"])
    assert bus.join("g", "t", "new", 30).partitions == (0,)
    with pytest.raises(FencedError):
        bus.commit(dead, {0: 1})
    assert [one.value for one in drain(bus, "t")[0]] == [b"1", b"2"]
    assert not bus.prune("t")


def test_calls_that_wait_are_written_together(tmp_path: Path) -> None:
    """While one transaction is written others queue up, and share the next."""
    bus = SqliteBus(tmp_path / "bus.db", FakeClock())
    bus.ensure_topic("t")
    groups: list[int] = []
    store = bus._grouping._store

    def counted(requests: Sequence[Request]) -> Sequence[Answer]:
        groups.append(len(requests))
        time.sleep(0.01)
        return store(requests)

    bus._grouping._store = counted
    threads = [threading.Thread(target=put, args=(bus, "t", [b"x"])) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(groups) == 20 and len(groups) < 15
    assert sum(bus.ends("t").values()) == 20


def test_one_bad_call_spoils_no_other(tmp_path: Path) -> None:
    """A call for a topic that is not there is refused; those written with it are not."""
    bus = SqliteBus(tmp_path / "bus.db", FakeClock())
    bus.ensure_topic("t")
    answers = bus._store([Request("nope", [Outgoing(b"x")], ""), Request("t", [Outgoing(b"x")], "")])
    assert isinstance(answers[0], NoSuchTopic) and not isinstance(answers[1], Exception)
    assert sum(bus.ends("t").values()) == 1
