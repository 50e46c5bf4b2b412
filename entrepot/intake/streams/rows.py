"""The rows of one partition's range as batches of one schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from entrepot.contracts.model import Column
from entrepot.intake.json_rows.columns import Builder
from entrepot.intake.json_rows.names import Names
from entrepot.intake.json_rows.options import JsonOptions
from entrepot.intake.json_rows.records import Fault, Records
from entrepot.intake.streams.parsing import Parser, Row
from entrepot.kernel.rows import ORIGIN
from entrepot.ports.bus import Message
from entrepot.ports.relations import RECORD

BATCH_ROWS = 10_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Pages = Callable[[], Iterator[Sequence[Message]]]


def origin_of(message: Message) -> str:
    """The `_origin` of a message's only row; with several, `#` and the row's number follow."""
    return f"topic/{message.topic}/{message.partition}@{message.offset}"


@dataclass(frozen=True, slots=True)
class Shape:
    """What the rows of a range look like."""

    columns: Sequence[Column]
    """Of the contract, without those that the message gives."""
    names: Names
    given: tuple[str, ...]
    """Columns that the message gives."""
    drops_unreadable: bool = False

    def schema(self) -> pa.Schema:
        """Of every batch."""
        own = self.builder().schema
        fields = [own.field(name) for name in own.names if name != RECORD]
        return pa.schema(
            [*fields, *(pa.field(name, pa.string()) for name in self.given), pa.field(ORIGIN, pa.string())]
        )

    def builder(self) -> Builder:
        """Makes batches."""
        return Builder(JsonOptions(), self.names, self.columns)


class RangeRows:
    """Opened as often as asked."""

    def __init__(self, pages: Pages, parser: Parser, shape: Shape) -> None:
        self._pages = pages
        self._parser = parser
        self._shape = shape
        self.schema = shape.schema()

    def open(self) -> Iterator[pa.RecordBatch]:
        """The batches from the first one."""
        builder = self._shape.builder()
        for page in self._pages():
            rows = self._parser.rows(page)
            if self._shape.drops_unreadable:
                # a message goes as a whole: what is good of it goes with it
                bad = {row.message.offset for row in rows if row.reason is not None}
                rows = [row for row in rows if row.message.offset not in bad]
            for start in range(0, len(rows), BATCH_ROWS):
                yield self._batch(builder, rows[start : start + BATCH_ROWS])

    def _batch(self, builder: Builder, rows: Sequence[Row]) -> pa.RecordBatch:
        built = builder.build(_records(rows, self._shape.given))
        arrays = [built.column(name) for name in built.schema.names if name != RECORD]
        arrays += [pa.array([_given(name, row.message) for row in rows], pa.string()) for name in self._shape.given]
        origins = [f"{origin_of(row.message)}#{row.number}" if row.number else origin_of(row.message) for row in rows]
        return pa.RecordBatch.from_arrays([*arrays, pa.array(origins, pa.string())], schema=self.schema)


def _records(rows: Sequence[Row], given: tuple[str, ...]) -> Records:
    faults = {}
    for place, row in enumerate(rows):
        reason = row.reason or ("not_utf8" if "key" in given and not _is_text(row.message.key) else None)
        if reason is not None:
            faults[place] = Fault(reason, f"offset {row.message.offset}")
    numbers = range(1, len(rows) + 1)
    return Records(numbers, numbers, [row.text for row in rows], [row.value for row in rows], faults)


def _is_text(key: bytes | None) -> bool:
    try:
        return key is None or key.decode() is not None
    except UnicodeDecodeError:
        return False


def _given(name: str, message: Message) -> str | None:
    match name:
        case "topic":
            return message.topic
        case "partition":
            return str(message.partition)
        case "offset":
            return str(message.offset)
        case "key":
            return message.key.decode() if message.key is not None and _is_text(message.key) else None
        case "published_at":
            return (_EPOCH + timedelta(microseconds=message.timestamp_us)).isoformat(timespec="microseconds")
    return message.id
