"""The conformance suite of sources: subclass `SourceConformance`, give it your source, run pytest.

    class TestMySource(SourceConformance):
        @pytest.fixture
        def source(self, tmp_path):
            return MySourceUnderTest(tmp_path)

`MySourceUnderTest` is a `SourceUnderTest`: it puts rows where your connector finds them and builds readers anew. The readers
are given nothing but a folder and a clock, so that every test also proves that they work without state and without a lake.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pytest

from entrepot.kernel.errors import EntrepotError
from entrepot.kernel.positions import Position, position_from_json, position_to_json
from entrepot.ports.reader import Reader
from entrepot.ports.relations import RECORD
from entrepot.testing.faults import Fault, RandomFault
from entrepot.testing.processes import run_killed
from entrepot.testing.sources.drain import SOURCE, Ledger
from entrepot.testing.sources.rows import (
    TYPED_ROWS,
    WIDE_TEXTS,
    Row,
    TypedRow,
    batches_of,
    claim_next,
    describe_parts,
    make_rows,
    records_of,
    rows_of,
    take,
    typed_rows_of,
)

_LARGEST_BATCH_BYTES = 16 << 20
_MOST_GROWTH_BYTES = 64 << 20
_KILLS: tuple[Fault | RandomFault, ...] = (
    *map(Fault, ("claim.moved", "claim.after", "plan.after", "main.after", "acknowledge.moved")),
    RandomFault(1, 600),
)


class SourceUnderTest(Protocol):
    """A source as its author provides it to the suite. It is pickled for the test that kills: let it hold plain values."""

    large_rows: int
    """How many rows the test of bounded memory puts: some ten times more than a batch holds."""
    gaps: Mapping[str, str]
    """Tests that this source cannot pass, by name, and why: they must fail, else the gap is no gap. Mostly empty."""
    secrets: Sequence[str]
    """Secret values that the readers are built with: they may appear nowhere. Mostly empty."""

    def put(self, rows: Sequence[Row]) -> None:
        """Bring rows, as one arrival (a file, a transaction)."""
        ...

    def put_typed(self, rows: Sequence[TypedRow]) -> None:
        """Bring rows of typed values, as one arrival, into a source that has had none."""
        ...

    def widen(self) -> None:
        """Give the source another column, `extra`: later arrivals hold `extra <id>` in it."""
        ...

    def disturb(self, position: Position) -> None:
        """Change what was claimed behind the reader's back, as careless people and programs do."""
        ...

    def build(self) -> Reader:
        """A reader that remembers nothing of earlier ones."""
        ...


class SourceConformance:
    """What every source must do. What a source cannot do it declares in `gaps`."""

    @pytest.fixture(autouse=True)
    def _declare_gap(self, request: pytest.FixtureRequest, source: SourceUnderTest) -> None:
        """A declared gap is a strict expected failure."""
        reason = source.gaps.get(request.node.originalname)
        if reason is not None:
            request.applymarker(pytest.mark.xfail(reason=reason, strict=True))

    def test_empty(self, source: SourceUnderTest) -> None:
        """A source without rows brings nothing, at the start and after a range."""
        assert source.build().find_next(None) is None, "an empty source must bring nothing"
        source.put(make_rows(1, 3))
        position, _ = take(source.build(), None)
        assert source.build().find_next(position) is None, "a range must not be brought twice"

    def test_one_row(self, source: SourceUnderTest) -> None:
        """One row arrives as it is."""
        source.put([Row(1, "one")])
        _, rows = take(source.build(), None)
        assert rows == [Row(1, "one")]

    def test_many_batches(self, source: SourceUnderTest) -> None:
        """Arrivals one after the other are taken in order, each row once."""
        reader = source.build()
        previous: Position | None = None
        taken: list[Row] = []
        for first in (1, 11, 21, 31):
            source.put(make_rows(first, 10))
            previous, rows = take(reader, previous)
            reader.acknowledge(previous)
            taken += rows
        assert taken == make_rows(1, 40)

    def test_read_twice(self, source: SourceUnderTest) -> None:
        """A claimed range reads the same again: from one part, from one reader, from a new process, from its plan as JSON."""
        source.put(make_rows(1, 500))
        reader = source.build()
        position = claim_next(reader, None)
        parts = reader.read(position)
        first = describe_parts(parts)
        assert describe_parts(parts) == first, "a part opened again must give the same"
        assert describe_parts(reader.read(position)) == first, "read called again must give the same"
        planned = position_from_json(position_to_json(position))
        assert describe_parts(source.build().read(planned)) == first, "a new reader must give the same"

    def test_range_is_fixed(self, source: SourceUnderTest) -> None:
        """What arrives after the claim is not in the range, and is in the next."""
        source.put(make_rows(1, 10))
        reader = source.build()
        position = claim_next(reader, None)
        source.put(make_rows(11, 10))
        assert rows_of(reader.read(position)) == make_rows(1, 10)
        reader.acknowledge(position)
        _, rows = take(source.build(), position)
        assert rows == make_rows(11, 10)

    def test_resume_anywhere(self, source: SourceUnderTest) -> None:
        """A new process after each range goes on where the last plan ended; nothing is lost, nothing doubled."""
        previous: Position | None = None
        taken: list[Row] = []
        for first in range(1, 60, 7):
            source.put(make_rows(first, 7))
            position, rows = take(source.build(), previous)
            source.build().acknowledge(position)
            taken += rows
            previous = position_from_json(position_to_json(position))
        assert [row.id for row in taken] == list(range(1, 64))

    def test_crashed_claim(self, source: SourceUnderTest) -> None:
        """A range that was claimed but never planned is found again by a new process."""
        source.put(make_rows(1, 20))
        claim_next(source.build(), None)
        _, rows = take(source.build(), None)
        assert rows == make_rows(1, 20)

    def test_acknowledge_twice(self, source: SourceUnderTest) -> None:
        """Acknowledging again, also by a new process, changes nothing."""
        source.put(make_rows(1, 5))
        reader = source.build()
        position = claim_next(reader, None)
        reader.acknowledge(position)
        reader.acknowledge(position)
        source.build().acknowledge(position)
        assert source.build().find_next(position) is None

    def test_refuse_twice(self, source: SourceUnderTest) -> None:
        """A refused range may be refused again, and is not brought again."""
        source.put(make_rows(1, 5))
        reader = source.build()
        position = claim_next(reader, None)
        reader.refuse(position, "a test")
        source.build().refuse(position, "a test")
        assert source.build().find_next(position) is None

    def test_refuse_leaves_the_rest(self, source: SourceUnderTest) -> None:
        """Refusing a range touches nothing that came after it was claimed."""
        source.put(make_rows(1, 5))
        reader = source.build()
        position = claim_next(reader, None)
        source.put(make_rows(6, 5))
        reader.refuse(position, "a test")
        _, rows = take(source.build(), position)
        assert rows == make_rows(6, 5)

    def test_secrets_appear_nowhere(self, source: SourceUnderTest) -> None:
        """No secret stands in a place (which becomes `_origin`), in a position (which becomes a plan), or in the reader's own words."""
        source.put(make_rows(1, 3))
        reader = source.build()
        position = claim_next(reader, None)
        parts = reader.read(position)
        said = [*(part.place for part in parts), str(position_to_json(position)), repr(reader), repr(parts)]
        assert not [secret for secret in source.secrets if any(secret in text for text in said)]

    def test_wide_unicode(self, source: SourceUnderTest) -> None:
        """Texts arrive character for character."""
        wanted = [Row(number, text) for number, text in enumerate(WIDE_TEXTS, 1)]
        source.put(wanted)
        _, rows = take(source.build(), None)
        assert rows == wanted

    def test_nulls(self, source: SourceUnderTest) -> None:
        """A missing value arrives as null, not as a text."""
        wanted = [Row(1, None), Row(2, "two"), Row(3, None)]
        source.put(wanted)
        _, rows = take(source.build(), None)
        assert rows == wanted

    def test_record_numbers(self, source: SourceUnderTest) -> None:
        """Record numbers begin at 1 or later and grow within a part."""
        source.put(make_rows(1, 1000))
        reader = source.build()
        for part in reader.read(claim_next(reader, None)):
            numbers = [
                number
                for batch in batches_of(part)
                if RECORD in batch.schema.names
                for number in batch.column(RECORD).to_pylist()
            ]
            assert numbers == sorted(set(numbers)), "record numbers must grow"
            assert not numbers or numbers[0] >= 1, "record numbers count from 1"

    def test_bounded_memory(self, source: SourceUnderTest) -> None:
        """Many rows come in batches of bounded size; Arrow's memory does not grow with their number."""
        source.put([Row(number, _wide_text(number)) for number in range(1, source.large_rows + 1)])
        reader = source.build()
        parts = reader.read(claim_next(reader, None))
        before = pa.total_allocated_bytes()
        count = 0
        for part in parts:
            last = 0
            for batch in batches_of(part):
                check_rows(batch, count + 1)
                last = check_numbers(batch, last)
                count += batch.num_rows
                assert batch.nbytes <= _LARGEST_BATCH_BYTES, f"a batch has {batch.nbytes:,} bytes"
                grown = pa.total_allocated_bytes() - before
                assert grown <= _MOST_GROWTH_BYTES, f"reading holds {grown:,} bytes"
        assert count == source.large_rows

    def test_values(self, source: SourceUnderTest) -> None:
        """Decimals, instants and days arrive exactly, whatever the zone of the machine."""
        source.put_typed(TYPED_ROWS)
        reader = source.build()
        assert typed_rows_of(reader.read(claim_next(reader, None))) == list(TYPED_ROWS)

    def test_schema_change(self, source: SourceUnderTest) -> None:
        """A column that comes later is there from then on; what was claimed before does not change."""
        source.put(make_rows(1, 5))
        reader = source.build()
        first = claim_next(reader, None)
        before = describe_parts(reader.read(first))
        source.widen()
        source.put(make_rows(6, 5))
        assert describe_parts(source.build().read(first)) == before, "a claimed range must not gain a column"
        reader.acknowledge(first)
        again = source.build()
        records = list(records_of(again.read(claim_next(again, first))))
        assert [(int(str(r["id"])), r["extra"]) for r in records] == [(n, f"extra {n}") for n in range(6, 11)]

    def test_changed_after_claim(self, source: SourceUnderTest) -> None:
        """What was claimed reads the same or is refused, never otherwise, when somebody changes it afterwards."""
        source.put(make_rows(1, 50))
        reader = source.build()
        position = claim_next(reader, None)
        source.disturb(position)
        try:
            rows = rows_of(source.build().read(position))
        except EntrepotError:
            return
        assert rows == make_rows(1, 50), "changed rows were read as if they were the claimed ones"

    @pytest.mark.timeout(300)
    def test_killed_anywhere(self, source: SourceUnderTest, tmp_path: Path) -> None:
        """A process that takes rows is killed at each step of the protocol and at random instants: each row comes once."""
        folder = tmp_path / "ledger"
        folder.mkdir()
        killed = 0
        for number, fault in enumerate((*_KILLS, None)):
            source.put(make_rows(1 + 200 * number, 200))
            (folder / SOURCE).write_bytes(pickle.dumps(source))
            done = run_killed(
                [sys.executable, "-m", "entrepot.testing.sources.drain", str(folder)],
                fault,
                env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
            assert done.killed or done.returncode == 0, done.stderr
            killed += done.killed
        assert killed >= 3, "the process was hardly ever killed: is it too quick, or are its points not reached?"
        assert Ledger(folder).rows() == make_rows(1, 200 * (len(_KILLS) + 1))
        assert source.build().find_next(Ledger(folder).plans()[-1]) is None


def check_rows(batch: pa.RecordBatch, first: int) -> None:
    """A batch of the test of bounded memory holds the rows from `first` on."""
    ids = [int(str(value)) for value in batch.column("id").to_pylist()]
    assert ids == list(range(first, first + batch.num_rows)), f"the batch that begins with row {first} holds other rows"
    texts = batch.column("text").to_pylist()
    assert texts == [_wide_text(number) for number in ids], f"the batch that begins with row {first} holds other texts"


def check_numbers(batch: pa.RecordBatch, last: int) -> int:
    """Record numbers go on growing from batch to batch; the last one of this batch."""
    if RECORD not in batch.schema.names:
        return last
    numbers = batch.column(RECORD).to_pylist()
    assert numbers == sorted(set(numbers)) and numbers[0] > last, "record numbers must grow, also from batch to batch"
    return int(numbers[-1])


def _wide_text(number: int) -> str:
    return f"some text that makes the row wider {number}"
