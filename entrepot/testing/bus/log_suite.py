"""What every bus must do with messages: order, idempotence, durability, retention."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections import defaultdict
from pathlib import Path

import pytest

from entrepot.kernel.errors import EntrepotError, UsageError
from entrepot.ports.bus import (
    DEAD,
    Bus,
    Message,
    NoSuchTopic,
    OffsetGone,
    Outgoing,
    TopicSettings,
    partition_of,
    put_dead,
)
from entrepot.testing.bus.under_test import BusUnderTest, drain, produce_numbered, put

_KEYS = (None, b"", b"a", "Zürich".encode(), "日本語".encode(), b"\x00\xff\xfe", b"k" * 300)
_SPAWN = multiprocessing.get_context("spawn")


class LogConformance:
    """Of topics and messages."""

    @pytest.fixture
    def bus(self, bus_under_test: BusUnderTest) -> Bus:
        """A connection."""
        return bus_under_test.open()

    def test_messages_come_as_they_were_put(self, bus: Bus) -> None:
        """Value, key, headers, timestamp and id come back byte for byte; each key stands in its partition."""
        bus.ensure_topic("t", TopicSettings(partitions=3))
        headers = (("a", b"1"), ("a", b"\x00\xff"), ("größe", "ü".encode()))
        wanted = [
            Outgoing(bytes(range(256)) * n, key, headers, 1_700_000_000_000_001 + n, f"id-{n}")
            for n, key in enumerate(_KEYS)
        ]
        for one, placed in zip(wanted, bus.produce("t", wanted), strict=True):
            (found,) = bus.fetch("t", placed.partition, placed.offset, limit=1)
            assert one.timestamp_us is not None
            assert found == Message(
                "t", placed.partition, placed.offset, one.key, one.value, headers, one.timestamp_us, one.id
            )
            assert one.key is None or placed.partition == partition_of(one.key, 3)

    def test_ids_and_times_are_given(self, bus: Bus) -> None:
        """A message without id and timestamp gets both."""
        bus.ensure_topic("t", TopicSettings(partitions=1))
        put(bus, "t", [b"1", b"2"])
        one, two = drain(bus, "t")[0]
        assert one.id and two.id and one.id != two.id and one.timestamp_us > 1_000_000_000_000_000

    def test_order_per_key(self, bus: Bus) -> None:
        """Messages of a key come in the order of putting, over many calls; none is missing."""
        bus.ensure_topic("t", TopicSettings(partitions=4))
        for round_ in range(20):
            bus.produce("t", [Outgoing(f"{round_}".encode(), f"k{n}".encode()) for n in range(10)])
        by_key: dict[bytes | None, list[int]] = defaultdict(list)
        for messages in drain(bus, "t", limit=7).values():
            offsets = [one.offset for one in messages]
            assert offsets == sorted(set(offsets)), "offsets must grow"
            for one in messages:
                by_key[one.key].append(int(one.value))
        assert by_key == {f"k{n}".encode(): list(range(20)) for n in range(10)}

    def test_messages_without_key_are_spread(self, bus: Bus) -> None:
        """Calls without keys reach every partition."""
        bus.ensure_topic("t", TopicSettings(partitions=4))
        for n in range(40):
            put(bus, "t", [str(n).encode()])
        found = drain(bus, "t")
        assert sorted(int(one.value) for messages in found.values() for one in messages) == list(range(40))
        assert all(found.values())

    def test_redo_adds_nothing(self, bus_under_test: BusUnderTest, bus: Bus) -> None:
        """The same sequences again, also by another connection and in other cuts, add nothing; new ones behind them are added."""
        bus.ensure_topic("t")
        batch = [Outgoing(str(n).encode(), b"k", sequence=n) for n in range(10)]
        assert not any(one.repeated for one in bus.produce("t", batch[:6], producer="p"))
        assert all(one.repeated for one in bus.produce("t", batch[:6], producer="p"))
        again = bus_under_test.open()
        assert [one.repeated for one in again.produce("t", batch[4:], producer="p")] == [True] * 2 + [False] * 4
        assert [one.value for one in drain(bus, "t")[partition_of(b"k", 4)]] == [str(n).encode() for n in range(10)]
        assert again.last_sequence("t", "p") == 9

    def test_producers_are_their_own(self, bus: Bus) -> None:
        """The same sequence of another producer, or on another topic, is another message."""
        for topic in ("t", "u"):
            bus.ensure_topic(topic, TopicSettings(partitions=1))
            for producer in ("p", "q"):
                bus.produce(topic, [Outgoing(b"x", sequence=1)], producer=producer)
            assert len(drain(bus, topic)[0]) == 2
        assert bus.last_sequence("t", "r") is None

    def test_wrong_sequences_are_refused(self, bus: Bus) -> None:
        """Sequences out of order, or without a producer, are refused as a whole: nothing is put."""
        bus.ensure_topic("t", TopicSettings(partitions=1))
        two = [Outgoing(b"2", sequence=2), Outgoing(b"1", sequence=1)]
        for messages, producer in ((two, "p"), (two[:1], ""), ([Outgoing(b"x")], "p")):
            with pytest.raises(UsageError):
                bus.produce("t", messages, producer=producer)
        assert drain(bus, "t") == {0: []}

    def test_pages(self, bus: Bus) -> None:
        """A page is bounded by count and by bytes; a message larger than a page comes alone."""
        bus.ensure_topic("t", TopicSettings(partitions=1))
        put(bus, "t", [b"x" * 100] * 5 + [b"y" * 5_000_000, b"z"])
        assert [one.offset for one in bus.fetch("t", 0, 1, limit=3)] == [1, 2, 3]
        assert [one.offset for one in bus.fetch("t", 0, 0, most_bytes=250)] == [0, 1]
        (large,) = bus.fetch("t", 0, 5, most_bytes=1_000)
        assert large.value == b"y" * 5_000_000
        assert bus.bound("t", 0, 1, 3) == 4 and bus.bound("t", 0, 5, 100) == 7
        assert bus.fetch("t", 0, 7) == [] or not bus.fetch("t", 0, 7)

    def test_unknown_and_wrong(self, bus: Bus) -> None:
        """A topic that is not there, a partition and an offset that cannot be, and names that are none are errors."""
        with pytest.raises(NoSuchTopic):
            put(bus, "t", [b"x"])
        with pytest.raises(NoSuchTopic):
            bus.fetch("t", 0, 0)
        bus.ensure_topic("t", TopicSettings(partitions=2))
        for partition, offset in ((2, 0), (-1, 0), (0, 1)):
            with pytest.raises(EntrepotError):
                bus.fetch("t", partition, offset)
        for name in ("", "a b", "a/b", "é", "x" * 300):
            with pytest.raises(UsageError):
                bus.ensure_topic(name)
        with pytest.raises(UsageError):
            bus.ensure_topic("u", TopicSettings(partitions=0))
        assert list(bus.topics()) == ["t"]

    def test_growth(self, bus: Bus) -> None:
        """More partitions: what stands stays, and from then on each key has its order in the partition it now belongs to."""
        bus.ensure_topic("t", TopicSettings(partitions=2))
        keys = [f"k{n}".encode() for n in range(16)]
        bus.produce("t", [Outgoing(b"0", key) for key in keys])
        before = drain(bus, "t")
        bus.change_topic("t", TopicSettings(partitions=5))
        for n in range(1, 4):
            bus.produce("t", [Outgoing(str(n).encode(), key) for key in keys])
        after = drain(bus, "t")
        assert sorted(after) == [0, 1, 2, 3, 4]
        assert all(after[n][: len(messages)] == messages for n, messages in before.items())
        for key in keys:
            later = [int(one.value) for one in after[partition_of(key, 5)] if one.key == key and one.value != b"0"]
            assert later == [1, 2, 3]
        with pytest.raises(UsageError):
            bus.change_topic("t", TopicSettings(partitions=4))

    def test_many_threads(self, bus: Bus) -> None:
        """Threads that put at once lose nothing, and each one's order stays."""
        bus.ensure_topic("t", TopicSettings(partitions=3))

        def produce(name: str) -> None:
            for n in range(25):
                bus.produce("t", [Outgoing(f"{n}".encode(), name.encode(), sequence=n)], producer=name)

        threads = [threading.Thread(target=produce, args=(f"p{n}",)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        by_key: dict[bytes | None, list[int]] = defaultdict(list)
        for messages in drain(bus, "t").values():
            for one in messages:
                by_key[one.key].append(int(one.value))
        assert by_key == {f"p{n}".encode(): list(range(25)) for n in range(8)}

    @pytest.mark.timeout(120)
    def test_processes_and_kills(self, bus_under_test: BusUnderTest, tmp_path: Path) -> None:
        """Processes put at once, one is killed: what was acknowledged is there, and doing everything again gives each message once, in order."""
        bus = bus_under_test.open()
        bus.ensure_topic("numbers", TopicSettings(partitions=3))
        counts = {"p": 200, "q": 200, "r": 100_000}
        notes = {name: tmp_path / name for name in counts}
        children = {
            name: _SPAWN.Process(target=produce_numbered, args=(bus_under_test, name, count, notes[name]))
            for name, count in counts.items()
        }
        for child in children.values():
            child.start()
        while not notes["r"].exists() or notes["r"].stat().st_size < 30:
            assert children["r"].is_alive()
            time.sleep(0.01)
        children["r"].kill()
        for child in children.values():
            child.join()
        last = {name: int(path.read_text().split()[-1]) for name, path in notes.items()}
        assert last["p"] == last["q"] == 200
        assert (bus.last_sequence("numbers", "r") or 0) + 1 >= last["r"], "an acknowledged message is missing"
        counts["r"] = (bus.last_sequence("numbers", "r") or 0) + 4
        for name, count in counts.items():
            produce_numbered(bus_under_test, name, count, notes[name])
        by_key: dict[bytes | None, list[int]] = defaultdict(list)
        for messages in drain(bus, "numbers").values():
            for one in messages:
                by_key[one.key].append(int(one.value.split()[1]))
        wanted = {f"{name}-{n}".encode(): list(range(n, counts[name], 3)) for name in counts for n in range(3)}
        assert by_key == wanted

    def test_retention_by_age(self, bus_under_test: BusUnderTest, bus: Bus) -> None:
        """Old messages go, but none that a group has not committed; their time counts from the putting, whatever their timestamp says."""
        bus.ensure_topic("t", TopicSettings(partitions=1, keep_us=3_600_000_000))
        bus.subscribe("g", "t")
        bus.produce("t", [Outgoing(str(n).encode(), timestamp_us=1) for n in range(3)])
        assert not bus.prune("t"), "nothing is old yet"
        bus_under_test.advance(4_000)
        bus.produce("t", [Outgoing(b"3", timestamp_us=1)])
        assert not bus.prune("t"), "the group has not committed them"
        bus.note("g", "t", {0: 2})
        (dropped,) = bus.prune("t")
        assert (dropped.messages, dropped.unread_by, bus.starts("t")) == (2, (), {0: dropped.before})
        assert [one.value for one in drain(bus, "t")[0]] == [b"2", b"3"]
        with pytest.raises(OffsetGone):
            bus.fetch("t", 0, 0)
        bus.forget_group("g", "t")
        assert [one.messages for one in bus.prune("t")] == [1]

    def test_retention_by_size(self, bus: Bus) -> None:
        """The oldest messages go until a partition is small enough; forced, also unread ones, and it is said whose."""
        bus.ensure_topic("t", TopicSettings(partitions=1, keep_us=None, keep_bytes=10_000))
        bus.subscribe("g", "t")
        put(bus, "t", [b"x" * 1_000] * 30)
        assert not bus.prune("t")
        (dropped,) = bus.prune("t", force=True)
        assert dropped.unread_by == ("g",) and 20 <= dropped.messages <= 22
        assert len(drain(bus, "t")[0]) == 30 - dropped.messages
        assert not bus.prune("t", force=True)

    def test_a_sequence_outlives_its_message(self, bus_under_test: BusUnderTest, bus: Bus) -> None:
        """A redo adds nothing, also when the first message was dropped long ago."""
        bus.ensure_topic("t", TopicSettings(partitions=1, keep_us=0))
        bus.produce("t", [Outgoing(b"x", sequence=1)], producer="p")
        bus_under_test.advance(10)
        assert bus.prune("t")
        (placed,) = bus.produce("t", [Outgoing(b"x", sequence=1)], producer="p")
        assert placed.repeated and drain(bus, "t") == {0: []}

    def test_dead_letters(self, bus: Bus) -> None:
        """A message that could not be used is kept as it was, once, with where it stood and why."""
        bus.ensure_topic("t", TopicSettings(partitions=1))
        bus.produce("t", [Outgoing(b"\xff", b"k", (("a", b"1"),), 7, "id")])
        ((message,),) = drain(bus, "t").values()
        assert [put_dead(bus, "g", [(message, "bad_json")]) for _ in range(2)] == [1, 0]
        assert put_dead(bus, "h", [(message, "bad_json")]) == 1, "another group has its own"
        dead = [one for messages in drain(bus, "t" + DEAD).values() for one in messages]
        assert [(one.key, one.value, one.timestamp_us, one.id) for one in dead] == [(b"k", b"\xff", 7, "id")] * 2
        assert dead[0].headers == (
            ("a", b"1"), ("dead-letter-reason", b"bad_json"), ("dead-letter-topic", b"t"), ("dead-letter-partition", b"0"),
            ("dead-letter-offset", b"0"), ("dead-letter-group", b"g"),
        )  # fmt: skip
