"""What the suite puts into a source, and how it takes it out again: claim, read, compare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq

from entrepot.kernel.positions import Position
from entrepot.ports.reader import Reader
from entrepot.ports.relations import ParquetScan, Part, Stream

WIDE_TEXTS = (
    "Zürich", "Ærøskøbing", "日本語", "العربية", "हिन्दी", "\U0001f9fe receipt", "e\u0301 combined", "a\u200bb", "\u202eright to left",
    "line\u2028separator", "it's \"quoted\"", "semi;colon, comma|bar", "a\\b", " padded ", "NULL", "0001", "1e5", "=1+1", "\U0010ffff",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """What most tests put into a source: columns `id` (numbers, growing) and `text`."""

    id: int
    text: str | None


@dataclass(frozen=True, slots=True)
class TypedRow:
    """What the test of values puts into a source: columns `id`, `amount`, `at` and `day`."""

    id: int
    amount: Decimal
    at: datetime
    """With a zone."""
    day: date


TYPED_ROWS = (
    TypedRow(1, Decimal("0.10"), datetime(2024, 3, 31, 1, 30, tzinfo=UTC), date(2024, 2, 29)),
    TypedRow(
        2, Decimal("-1234567890123456.05"), datetime(1999, 12, 31, 23, 59, 59, 123456, tzinfo=UTC), date(1970, 1, 1)
    ),
    TypedRow(
        3,
        Decimal("9999999999999999.99"),
        datetime(2024, 10, 27, 2, 30, tzinfo=timezone(timedelta(hours=2))),
        date(2999, 12, 31),
    ),
    TypedRow(
        4,
        Decimal("0.07"),
        datetime(2024, 6, 1, 12, 0, 0, 1, tzinfo=timezone(timedelta(hours=5, minutes=30))),
        date(1900, 3, 1),
    ),
)
"""Amounts that no double holds, instants beside changes of summer time, with microseconds and other offsets than UTC, a leap day."""


def make_rows(first: int, count: int) -> list[Row]:
    """Rows with ids from `first` on."""
    return [Row(number, f"text {number}") for number in range(first, first + count)]


def claim_next(reader: Reader, previous: Position | None) -> Position:
    """The next range, claimed; there must be one."""
    found = reader.find_next(previous)
    assert found is not None, "the source has rows, but find_next found nothing"
    claimed = reader.claim(found)
    assert claimed.follows(previous), "a range must continue the one before; the first of all has after=None"
    return claimed


def take(reader: Reader, previous: Position | None) -> tuple[Position, list[Row]]:
    """Claim and read the next range."""
    position = claim_next(reader, previous)
    return position, rows_of(reader.read(position))


def rows_of(parts: Sequence[Part]) -> list[Row]:
    """All rows of the parts, in order."""
    return [Row(int(str(record["id"])), _text(record["text"])) for record in records_of(parts)]


def typed_rows_of(parts: Sequence[Part]) -> list[TypedRow]:
    """All rows of the parts; values that came as text are read as the engine would."""
    return [
        TypedRow(
            int(str(record["id"])),
            Decimal(str(record["amount"])),
            _instant(record["at"]),
            datetime.fromisoformat(str(record["day"])).date(),
        )
        for record in records_of(parts)
    ]


def records_of(parts: Sequence[Part]) -> Iterator[dict[str, object]]:
    """All rows of the parts as they came."""
    for part in parts:
        for batch in batches_of(part):
            yield from batch.to_pylist()


def describe_parts(parts: Sequence[Part]) -> list[tuple[str, list[dict[str, object]]]]:
    """Places and every value, to compare two readings."""
    return [(part.place, list(records_of([part]))) for part in parts]


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


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _instant(value: object) -> datetime:
    found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    assert found.tzinfo is not None, f"the instant {found} came without the offset that it was put with"
    return found.astimezone(UTC)
