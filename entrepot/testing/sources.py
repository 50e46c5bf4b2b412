"""The conformance suite of sources: subclass `SourceConformance`, give it your source, run pytest.

    class TestMySource(SourceConformance):
        @pytest.fixture
        def source(self, tmp_path):
            return MySourceUnderTest(tmp_path)

`MySourceUnderTest` is a `SourceUnderTest`: it puts rows where your connector finds them and builds readers anew. The readers
are given nothing but a folder and a clock, so that every test also proves that they work without state and without a lake.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from entrepot.kernel.positions import Position, position_from_json, position_to_json
from entrepot.ports.reader import Reader
from entrepot.ports.relations import RECORD, ParquetScan, Part, Stream

WIDE_TEXTS = (
    "Zürich", "Ærøskøbing", "日本語", "العربية", "हिन्दी", "\U0001f9fe receipt", "e\u0301 combined", "a\u200bb", "\u202eright to left",
    "line\u2028separator", "it's \"quoted\"", "semi;colon, comma|bar", "a\\b", " padded ", "NULL", "0001", "1e5", "=1+1", "\U0010ffff",
)  # fmt: skip
_LARGEST_BATCH_BYTES = 16 << 20
_MOST_GROWTH_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Row:
    """What the suite puts into a source: columns `id` (numbers, growing) and `text`."""

    id: int
    text: str | None


class SourceUnderTest(Protocol):
    """A source as its author provides it to the suite."""

    large_rows: int
    """How many rows the test of bounded memory puts: some ten times more than a batch holds."""

    def put(self, rows: Sequence[Row]) -> None:
        """Bring rows, as one arrival (a file, a transaction)."""
        ...

    def build(self) -> Reader:
        """A reader that remembers nothing of earlier ones."""
        ...


class SourceConformance:
    """What every source must do. A property that a source cannot have is declared by overriding its test with the reason."""

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
        source.put(
            [Row(number, f"some text that makes the row wider {number}") for number in range(1, source.large_rows + 1)]
        )
        reader = source.build()
        parts = reader.read(claim_next(reader, None))
        before = pa.total_allocated_bytes()
        count = 0
        for part in parts:
            for batch in batches_of(part):
                count += batch.num_rows
                assert batch.nbytes <= _LARGEST_BATCH_BYTES, f"a batch has {batch.nbytes:,} bytes"
                grown = pa.total_allocated_bytes() - before
                assert grown <= _MOST_GROWTH_BYTES, f"reading holds {grown:,} bytes"
        assert count == source.large_rows


def make_rows(first: int, count: int) -> list[Row]:
    """Rows with ids from `first` on."""
    return [Row(number, f"text {number}") for number in range(first, first + count)]


def claim_next(reader: Reader, previous: Position | None) -> Position:
    """The next range, claimed; there must be one."""
    found = reader.find_next(previous)
    assert found is not None, "the source has rows, but find_next found nothing"
    claimed = reader.claim(found)
    assert claimed.follows(previous), "a range must continue the one before"
    return claimed


def take(reader: Reader, previous: Position | None) -> tuple[Position, list[Row]]:
    """Claim and read the next range."""
    position = claim_next(reader, previous)
    return position, rows_of(reader.read(position))


def rows_of(parts: Sequence[Part]) -> list[Row]:
    """All rows of the parts, in order."""
    return [
        Row(int(record["id"]), record["text"])
        for part in parts
        for batch in batches_of(part)
        for record in batch.to_pylist()
    ]


def describe_parts(parts: Sequence[Part]) -> list[tuple[str, list[dict[str, object]]]]:
    """Places and every value, to compare two readings."""
    return [(part.place, [record for batch in batches_of(part) for record in batch.to_pylist()]) for part in parts]


def batches_of(part: Part) -> Iterator[pa.RecordBatch]:
    """The rows of a part, also where the engine would read them itself."""
    match part.rows:
        case Stream() as stream:
            yield from stream.open()
        case ParquetScan(path):
            with pq.ParquetFile(path) as file:
                yield from file.iter_batches(batch_size=16_384)
        case _:
            raise AssertionError("a source gives streams or Parquet files")
