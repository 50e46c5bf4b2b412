"""The connector `inbox` brings every processed row once, with the record's own identity."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from entrepot.connectors import ConnectorSpec, ReaderContext, build_reader, load_connector
from entrepot.contracts.model import Column
from entrepot.contracts.types import ColumnType, Kind
from entrepot.intake.gateway.reader import InboxReader
from entrepot.kernel.errors import DamageError, DataError, ProjectError, RunError, SystemError_
from entrepot.kernel.positions import Cursor, RejectSet
from entrepot.ports.relations import Part
from entrepot.testing.clock import FakeClock
from entrepot.testing.sources import ConnectorConformance, SourceConformance, SourceUnderTest, batches_of, claim_next
from tests.gateway.source.inbox_lab import RECEIVED_US, Post


class TestSpec(ConnectorConformance):
    """What the connector says about itself."""

    @pytest.fixture
    def spec(self) -> ConnectorSpec:
        """The spec."""
        return load_connector("inbox")


class TestInbox(SourceConformance):
    """An inbox of the embedded platform."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> SourceUnderTest:
        """Records of one integration."""
        return Post(tmp_path)


@pytest.fixture
def post(tmp_path: Path) -> Post:
    """An empty inbox."""
    return Post(tmp_path)


def columns(*names: str) -> tuple[Column, ...]:
    """Columns of a contract, of texts."""
    return tuple(Column(name=name, type=ColumnType(Kind.STRING)) for name in names)


def rows_of(parts: list[Part]) -> list[dict[str, Any]]:
    """Every row with its columns."""
    return [row for part in parts for batch in batches_of(part) for row in batch.to_pylist()]


def read_all(reader: InboxReader) -> list[dict[str, Any]]:
    """The rows of the first range."""
    return rows_of(reader.read(claim_next(reader, None)))


@pytest.mark.req("G1")
def test_identity_reaches_the_rows(post: Post) -> None:
    """Integration, record id, reference and time of receipt stand in the columns that the contract declares, whatever the row says."""
    (id,) = post.post(['{"sku": "A1", "record_id": "forged", "received_at": "1999", "payload": "x"}'])
    wanted = columns("sku", "integration_id", "record_id", "external_reference", "received_at", "payload")
    (row,) = read_all(post.build(wanted))
    assert row == {
        "sku": "A1", "_faults": None, "integration_id": "orders", "record_id": id, "external_reference": "r-1",
        "received_at": "2026-09-21T14:13:20.123457+00:00",
        "payload": '{"sku": "A1", "record_id": "forged", "received_at": "1999", "payload": "x"}',
        "_origin": f"inbox/{id}",
    }  # fmt: skip
    assert RECEIVED_US + 1 == 1_790_000_000_123_457


def test_undeclared_identity_is_not_added(post: Post) -> None:
    """A contract without these columns gets none of them, and what else the row has stands beside for the note about it."""
    post.post(['{"sku": "A1", "colour": "red"}'])
    (row,) = read_all(post.build(columns("sku")))
    assert set(row) == {"sku", "colour", "_faults", "_origin"}


def test_origins_number_rows_of_one_record(post: Post) -> None:
    """A record's only row has the record as origin; where it gave several, each has its number."""
    one, two = post.post(["{}", "{}"], rows=[['{"n": 1}'], ['{"n": 2}', '{"n": 3}']])
    found = [(row["n"], row["_origin"]) for row in read_all(post.build())]
    assert found == [("1", f"inbox/{one}"), ("2", f"inbox/{two}#1"), ("3", f"inbox/{two}#2")]


def test_numbers_and_nested_values_keep_their_letters(post: Post) -> None:
    """Decimals, big whole numbers, lists and objects arrive as they were written."""
    post.post(['{"a": 1.10, "b": 12345678901234567890123, "c": {"x": [1.0, "é"]}, "d": true, "e": null}'])
    (row,) = read_all(post.build())
    assert [row[key] for key in "abcde"] == ["1.10", "12345678901234567890123", '{"x": [1.0, "é"]}', "true", None]


def test_a_batch_never_cuts_a_record(post: Post) -> None:
    """Ranges are bounded by batch_rows, but all rows of a record come together."""
    post.post(["{}"] * 3, rows=[[f'{{"n": "{r}.{i}"}}' for i in range(3)] for r in range(3)])
    reader = post.build(batch_rows=4)
    previous, sizes = None, []
    while (found := reader.find_next(previous)) is not None:
        sizes.append(len(rows_of(reader.read(found))))
        reader.acknowledge(found)
        previous = found
    assert sizes == [6, 3]


def test_replayed_before_it_was_taken_comes_once(post: Post) -> None:
    """Of a record that was replayed while its first rows still waited, only the last rows come."""
    first, second = post.post(['{"n": 1}', '{"n": 2}'])
    post.replay(first, ['{"n": 10}', '{"n": 11}'])
    reader = post.build()
    position = claim_next(reader, None)
    assert sorted((row["n"], row["_origin"]) for row in rows_of(reader.read(position))) == [
        ("10", f"inbox/{first}#1"), ("11", f"inbox/{first}#2"), ("2", f"inbox/{second}"),
    ]  # fmt: skip
    assert reader.replaced(position) == (f"inbox/{first}",)


def test_replay_names_what_it_replaces(post: Post) -> None:
    """After a replay the next range holds the new rows, and names the record whose rows they replace; also when it gives none now."""
    first, second = post.post(['{"n": 1}', '{"n": 2}'])
    reader = post.build()
    position = claim_next(reader, None)
    assert reader.replaced(position) == ()
    reader.acknowledge(position)
    post.replay(first, ['{"n": 100}'])
    post.replay(second, [])
    following = claim_next(reader, position)
    assert [row["n"] for row in rows_of(reader.read(following))] == ["100"]
    assert reader.replaced(following) == (f"inbox/{first}", f"inbox/{second}")


def test_an_older_inbox_is_refused(post: Post) -> None:
    """An inbox that knows less than was taken is another one: its new rows would be taken for old ones."""
    post.post(['{"n": 1}'])
    with pytest.raises(DamageError, match="older or another inbox"):
        post.build().find_next(Cursor(None, 17))


def test_a_removed_range_is_refused(post: Post) -> None:
    """A range whose rows the inbox no longer has is an error, never an empty batch."""
    with pytest.raises(DataError, match="no longer has them"):
        post.build().read(Cursor(None, 17))


def test_other_positions_are_refused(post: Post) -> None:
    """A position of another kind is a mistake of the caller."""
    with pytest.raises(RunError, match="kind cursor only"):
        post.build().read(RejectSet((1,)))


def test_works_without_state_or_lake(tmp_path: Path) -> None:
    """A reader is built of options alone; only when it is asked for records does it miss an inbox."""
    reader = build_reader("inbox", {}, ReaderContext(flow="orders", root=tmp_path, clock=FakeClock()))
    with pytest.raises(SystemError_, match="inbox"):
        reader.find_next(None)


def test_feeds_one_dataset_only(tmp_path: Path) -> None:
    """An integration that names several datasets is refused: which would acknowledge?"""
    context = ReaderContext(flow="orders.bronze.a", root=tmp_path, clock=FakeClock(), members=("a", "b"))
    with pytest.raises(ProjectError, match="allowed is one"):
        build_reader("inbox", {}, context)


def test_a_missing_handler_is_found(tmp_path: Path) -> None:
    """A project whose integration names a handler that is not there is told so before anything comes."""
    context = ReaderContext(flow="orders", root=tmp_path, clock=FakeClock())
    with pytest.raises(ProjectError, match=r"handlers/shop\.py"):
        build_reader("inbox", {"handler": "shop"}, context)
    (tmp_path / "handlers").mkdir()
    (tmp_path / "handlers" / "shop.py").touch()
    assert build_reader("inbox", {"handler": "shop"}, context)
