"""The connector `topic` brings every message once, with what the message itself says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from entrepot.adapters.embedded.bus import SqliteBus
from entrepot.connectors import ConnectorSpec, ReaderContext, build_reader, load_connector
from entrepot.contracts.model import Column
from entrepot.contracts.types import ColumnType, Kind
from entrepot.intake.streams.reader import TopicReader
from entrepot.kernel.errors import DamageError, ProjectError, RunError, SystemError_
from entrepot.kernel.positions import Offsets, RejectSet, position_from_json, position_to_json
from entrepot.ports.bus import OffsetGone, Outgoing, TopicSettings
from entrepot.ports.relations import Part
from entrepot.testing.clock import FakeClock
from entrepot.testing.sources import (
    ConnectorConformance,
    SourceConformance,
    SourceUnderTest,
    batches_of,
    claim_next,
    make_rows,
)
from tests.bus.buses import Topic


class TestTopicSpec(ConnectorConformance):
    """What the connector says about itself."""

    @pytest.fixture
    def spec(self) -> ConnectorSpec:
        """The spec."""
        return load_connector("topic")


@pytest.mark.req("S4")
class TestTopic(SourceConformance):
    """A topic of the embedded bus, of one partition: the suite wants one order."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> SourceUnderTest:
        """An empty topic."""
        return Topic(tmp_path)


@pytest.fixture
def topic(tmp_path: Path) -> Topic:
    """An empty bus."""
    return Topic(tmp_path)


def columns(*names: str) -> tuple[Column, ...]:
    """Columns of a contract, of texts."""
    return tuple(Column(name=name, type=ColumnType(Kind.STRING)) for name in names)


def rows_of(parts: list[Part]) -> list[dict[str, Any]]:
    """Every row with its columns."""
    return [row for part in parts for batch in batches_of(part) for row in batch.to_pylist()]


def read_all(reader: TopicReader) -> list[dict[str, Any]]:
    """The rows of the first range."""
    return rows_of(reader.read(claim_next(reader, None)))


@pytest.mark.req("S4")
def test_the_message_reaches_the_rows(topic: Topic) -> None:
    """What the message says stands in the columns that the contract declares; each row has its origin."""
    bus = topic.bus()
    bus.ensure_topic("events", TopicSettings(partitions=1))
    bus.produce("events", [Outgoing(b'{"n": 1.10}', "Zürich".encode(), (), 1_790_000_000_123_457, "r1")])
    wanted = columns("n", "topic", "partition", "offset", "key", "published_at", "record_id")
    (row,) = read_all(topic.build(wanted))
    assert row == {
        "n": "1.10", "_faults": None, "topic": "events", "partition": "0", "offset": "0", "key": "Zürich",
        "published_at": "2026-09-21T14:13:20.123457+00:00", "record_id": "r1", "_origin": "topic/events/0@0",
    }  # fmt: skip


def test_an_own_value_under_such_a_name_is_a_fault(topic: Topic) -> None:
    """An object that has `offset` itself is rejected, unless the option says which one is meant; a record id is never the object's."""
    topic.send(['{"offset": "3 h", "record_id": "forged"}'])
    (row,) = read_all(topic.build(columns("offset", "record_id")))
    assert [fault["reason"] for fault in row["_faults"]] == ["metadata_name"]
    (row,) = read_all(topic.build(columns("offset", "record_id"), metadata=["offset", "record_id"]))
    assert row["offset"] == "0" and row["record_id"] != "forged" and row["_faults"] is None
    (row,) = read_all(topic.build(columns("offset", "record_id"), metadata="record_id"))
    assert row["offset"] == "3 h" and row["record_id"] != "forged"
    (row,) = read_all(topic.build(columns("offset", "record_id"), metadata="key"))
    assert row["offset"] == "3 h" and row["record_id"] != "forged"
    with pytest.raises(ProjectError, match="published_at"):
        topic.build(metadata=["ofset"])


def test_lists_give_a_row_each(topic: Topic) -> None:
    """A list's objects are rows with numbered origins, letter by letter; what is no object among them is a fault of its own."""
    topic.send(['[{"a": 1.0, "b": [2.50]}, {"a": "x"}, 3]', "[]", '{"a": null}'])
    found = read_all(topic.build())
    assert [(row["a"], row["b"], row["_origin"]) for row in found] == [
        ("1.0", "[2.50]", "topic/events/0@0#1"), ("x", None, "topic/events/0@0#2"), (None, None, "topic/events/0@0#3"),
        (None, None, "topic/events/0@2"),
    ]  # fmt: skip
    assert [bool(row["_faults"]) for row in found] == [False, False, True, False]


def test_unreadable_messages_are_rejected(topic: Topic) -> None:
    """A message that is no JSON is a fault with its text; the others come."""
    topic.send([b'{"a": 1}', b"", b"{", b'{"a": "\xff"}', b"7", b'{"a": 1, "a": 2}', b'{"a": 2}'])
    found = read_all(topic.build(columns("a")))
    reasons = [row["_faults"] and row["_faults"][0]["reason"] for row in found]
    assert reasons == [None, "bad_json", "bad_json", "not_utf8", "not_an_object", "duplicate_key", None]
    assert found[3]["_faults"][0]["text"] == '{"a": "\\xff"}'
    assert [row["a"] for row in found] == ["1", None, None, None, None, None, "2"]


def test_unreadable_messages_go_to_the_dead_letters(topic: Topic) -> None:
    """With dead_letter they leave the rows at once, and stand on the dead-letter topic once after the acknowledgement, however often it comes."""
    topic.send([b'{"a": 1}', b"{", b'[{"a": 2}, 3]', b'{"a": 4}'])
    reader = topic.build(on_unreadable="dead_letter")
    position = claim_next(reader, None)
    assert [row["a"] for row in rows_of(reader.read(position))] == ["1", "4"]
    assert "events.dead" not in topic.bus().topics()
    for again in (reader, reader, topic.build(on_unreadable="dead_letter")):
        again.acknowledge(position)
    dead = topic.bus().fetch("events.dead", 0, 0)
    assert [one.value for one in dead] == [b"{", b'[{"a": 2}, 3]']
    assert [dict(one.headers)["dead-letter-reason"] for one in dead] == [b"bad_json", b"not_an_object"]


def test_text_and_bytes(topic: Topic) -> None:
    """A text stands in `payload` as it is, bytes as Base64; what is not UTF-8 is no text."""
    topic.send(["Grüße\n", b"\xff\x00"])
    found = read_all(topic.build(format="text"))
    assert found[0]["payload"] == "Grüße\n" and found[1]["_faults"][0]["reason"] == "not_utf8"
    assert [row["payload"] for row in read_all(topic.build(format="bytes"))] == ["R3LDvMOfZQo=", "/wA="]


def test_a_key_that_is_no_text(topic: Topic) -> None:
    """A key that is not UTF-8 is a fault where the contract wants the key, and no matter elsewhere."""
    topic.send(["{}"], key=b"\xff")
    assert read_all(topic.build(columns("key")))[0]["_faults"][0]["reason"] == "not_utf8"
    assert read_all(topic.build(columns("a")))[0]["_faults"] is None


def test_batches_are_shared_by_partitions(topic: Topic) -> None:
    """A batch takes so many messages in all, an even part of each partition; several batches take all, each in its order."""
    for n in range(6):
        topic.send([f'{{"n": {n * 10 + i}}}' for i in range(2 + 5 * (n == 0))], partitions=3, key=f"{n}".encode())
    reader = topic.build(batch_rows=6)
    previous, sizes, origins = None, [], []
    while (found := reader.find_next(previous)) is not None:
        assert found.follows(previous) and position_from_json(position_to_json(found)) == found
        rows = rows_of(reader.read(found))
        sizes.append(len(rows))
        origins += [row["_origin"] for row in rows]
        reader.acknowledge(found)
        previous = found
    assert sum(sizes) == 17 and max(sizes) <= 6 and len(set(origins)) == 17
    for n in range(3):
        mine = [int(origin.split("@")[1]) for origin in origins if origin.startswith(f"topic/events/{n}@")]
        assert mine == list(range(len(mine)))


def test_new_partitions_are_taken_from_their_start(topic: Topic) -> None:
    """A partition that came later is taken from its first message on, and the position still follows."""
    topic.send(['{"n": 1}'], partitions=1)
    reader = topic.build()
    first = claim_next(reader, None)
    topic.bus().change_topic("events", TopicSettings(partitions=3))
    bus = topic.bus()
    bus.produce("events", [Outgoing(f'{{"n": {n}}}'.encode()) for n in (2, 3)])
    bus.produce("events", [Outgoing(b'{"n": 4}')])
    following = claim_next(reader, first)
    assert sorted(row["n"] for row in rows_of(reader.read(following))) == ["2", "3", "4"]
    assert set(following.upto) == {"0", "1", "2"} if isinstance(following, Offsets) else False


def test_positions_follow() -> None:
    """A range follows when every known partition goes on where it ended, whatever new ones do; backwards it never does."""
    before = Offsets({"0": 0}, {"0": 5})
    assert Offsets({"0": 5, "1": 3}, {"0": 6, "1": 9}).follows(before)
    assert Offsets({"0": 7}, {"0": 9}).follows(None)
    for wrong in (
        Offsets({"0": 4}, {"0": 6}), Offsets({"1": 0}, {"1": 1}), Offsets({"0": 5}, {"0": 6, "1": 2}), Offsets({"0": 5}, {"0": 4}),
    ):  # fmt: skip
        assert not wrong.follows(before)
    assert not Offsets({"0": 5}, {"0": 6}).follows(RejectSet((1,)))


def test_latest_begins_at_the_first_look(topic: Topic) -> None:
    """With `latest`, what was there before the first look is left, and what comes after it is taken, though no batch was planned between."""
    topic.send(['{"n": 1}'])
    assert topic.build(start="latest").find_next(None) is None
    topic.send(['{"n": 2}'])
    assert [row["n"] for row in read_all(topic.build(start="latest"))] == ["2"]


def test_what_waits_is_kept(topic: Topic) -> None:
    """From the first look on nothing is dropped that was not acknowledged; then it is."""
    topic.send(['{"n": 1}', '{"n": 2}'])
    bus = topic.bus()
    bus.change_topic("events", TopicSettings(partitions=1, keep_us=0))
    reader = topic.build()
    position = claim_next(reader, None)
    topic.clock.advance(60)
    assert not bus.prune("events")
    assert len(rows_of(reader.read(position))) == 2
    reader.acknowledge(position)
    assert bus.prune("events")[0].messages == 2
    reader.acknowledge(position)
    assert topic.build().find_next(position) is None
    with pytest.raises(OffsetGone):
        topic.build().find_next(Offsets({"0": 0}, {"0": 1}))


def test_another_bus_is_refused(topic: Topic) -> None:
    """A bus that knows less than was taken is another one: its new messages would be taken for old ones."""
    reader = topic.build()
    assert reader.find_next(None) is None, "the topic is made later"
    with pytest.raises(DamageError, match="another bus"):
        reader.find_next(Offsets({"0": 0}, {"0": 17}))
    topic.send(['{"n": 1}'])
    for previous in (Offsets({"0": 0}, {"0": 17}), Offsets({"3": 0}, {"3": 1})):
        with pytest.raises(DamageError, match="older or another bus"):
            reader.find_next(previous)
    with pytest.raises(DamageError, match="bus"):
        rows_of(reader.read(Offsets({"0": 0}, {"0": 17})))


def test_misuse(topic: Topic) -> None:
    """A position of another kind, a reader without a bus and several datasets are refused."""
    with pytest.raises(RunError, match="kind offsets only"):
        topic.build().read(RejectSet((1,)))
    bare = ReaderContext(flow="web", root=topic.root, clock=FakeClock())
    with pytest.raises(SystemError_, match="bus"):
        build_reader("topic", {"topic": "events"}, bare).find_next(None)
    with pytest.raises(ProjectError, match="a topic feeds one"):
        build_reader("topic", {"topic": "events"}, ReaderContext("w.a", topic.root, FakeClock(), members=("a", "b")))


def test_two_sources_take_the_same_topic(topic: Topic) -> None:
    """Each source has its own place."""
    topic.send([f'{{"id": {row.id}}}' for row in make_rows(1, 3)])
    bus: SqliteBus = topic.bus()
    for flow in ("one", "two"):
        context = ReaderContext(flow=flow, root=topic.root, clock=topic.clock, bus=lambda: bus)
        reader = build_reader("topic", {"topic": "events"}, context)
        reader.acknowledge(claim_next(reader, None))
    assert {one.group: one.lag for one in bus.groups("events")} == {"source:one": {0: 0}, "source:two": {0: 0}}
