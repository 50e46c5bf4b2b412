"""Processed records of an integration as a source of the flow loop: each row once, in the order in which it became durable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from entrepot.contracts.model import Column
from entrepot.intake.json_rows.columns import Builder
from entrepot.intake.json_rows.grammar import NotJson, Scanner
from entrepot.intake.json_rows.names import Names
from entrepot.intake.json_rows.options import JsonOptions
from entrepot.intake.json_rows.records import Fault, Records
from entrepot.intake.sources.base import ReaderContext
from entrepot.kernel.errors import DamageError, DataError, RunError
from entrepot.kernel.points import reached
from entrepot.kernel.positions import Cursor, Position
from entrepot.kernel.rows import ORIGIN
from entrepot.ports.inbox import Inbox, Output
from entrepot.ports.relations import FAULTS, RECORD, Part, Stream

INTEGRATION_ID, EXTERNAL_ID, REFERENCE, RECEIVED_AT, PAYLOAD = (
    "integration_id", "record_id", "external_reference", "received_at", "payload",
)  # fmt: skip
IDENTITY = (INTEGRATION_ID, EXTERNAL_ID, REFERENCE, RECEIVED_AT, PAYLOAD)
"""Columns that the record itself gives, where the contract has them; a value of the row's own never stands in their place."""
_PAGE = 4_096
_SAMPLE_ROWS = 1_000
_MOST_BESIDE = 50
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def origin_of(record: str) -> str:
    """The `_origin` of a record's only row; with several, `#` and the row's number follow."""
    return f"inbox/{record}"


class InboxReader:
    """Reads (after, upto] of the outputs of one integration."""

    def __init__(self, context: ReaderContext, *, batch_rows: int, has_topic: bool = False) -> None:
        self._integration = context.flow
        self._columns = context.columns
        self._batch_rows = batch_rows
        self._has_topic = has_topic
        self._open = context.inbox

    def find_next(self, previous: Position | None) -> Cursor | None:
        """From where the last range ended, as many rows as a batch takes; no record is cut.

        Raises: DamageError when the inbox knows less than was taken from it: an older copy stands in its place.
        """
        after = _as_cursor(previous).upto if previous is not None else None
        inbox = self._open()
        if after is not None:
            self._refuse_older(inbox.last_output(self._integration) or 0, _number(after))
        upto = inbox.bound_output(self._integration, _number(after), self._batch_rows)
        return None if upto is None else Cursor(after, upto)

    def check(self, settled: Position | None) -> None:
        """An inbox that was not told of what was taken is an older one, whatever has come to it since. Raises: DamageError."""
        if settled is not None:
            self._refuse_older(self._open().taken(self._integration), _number(_as_cursor(settled).upto))

    def claim(self, position: Position) -> Cursor:
        """Nothing to do: outputs never change, and stay until they are taken."""
        cursor = _as_cursor(position)
        reached("claim.before")
        reached("claim.moved")
        reached("claim.after")
        return cursor

    def read(self, position: Position) -> list[Part]:
        """One part, `inbox/<integration>`; each row has an origin of its own."""
        span = _Span(self._open(), self._integration, _as_cursor(position))
        self._require_whole(span)
        newest, keys = self._survey(span)
        own = [column for column in self._columns if column.name not in IDENTITY]
        others = [key for key in keys if key not in (*IDENTITY, RECORD, FAULTS, ORIGIN)]
        names = Names(own, others[:_MOST_BESIDE] if self._columns else others)
        wanted = {column.name for column in self._columns}
        given = tuple(name for name in IDENTITY if name in wanted or (not self._columns and name != PAYLOAD))
        rows = _Rows(span, self._integration, names, own, given, newest)
        return [Part(f"inbox/{self._integration}", Stream(rows.schema, rows.open, has_origins=True))]

    def acknowledge(self, position: Position) -> None:
        """The inbox may forget these outputs, once they also stand on the topic that is wanted."""
        inbox = self._open()
        inbox.hold_outputs(self._integration, wanted=self._has_topic)
        inbox.note_taken(self._integration, _number(_as_cursor(position).upto))
        reached("acknowledge.moved")

    def refuse(self, position: Position, reason: str) -> None:
        """Nothing to do: the records stay in the inbox, from where they can be replayed."""
        _as_cursor(position)

    def replaced(self, position: Position) -> tuple[str, ...]:
        """The origins of records in the range that were replayed: rows of these, and of these with `#` and a number, are replaced."""
        span = _Span(self._open(), self._integration, _as_cursor(position))
        found = (origin_of(output.record) for page in span.pages() for output in page if output.revision > 0)
        return tuple(dict.fromkeys(found))

    def _survey(self, span: _Span) -> tuple[dict[str, int], tuple[str, ...]]:
        """Records that were replayed with their newest revision, and the keys of the rows: of the first ones where a contract says the columns."""
        newest: dict[str, int] = {}
        keys: dict[str, None] = {}
        looked = 0
        scanner = Scanner(tells_numbers=False)
        for page in span.pages():
            for output in page:
                if output.revision > 0:
                    newest[output.record] = max(output.revision, newest.get(output.record, 0))
                if output.number and (not self._columns or looked < _SAMPLE_ROWS):
                    looked += 1
                    keys.update(dict.fromkeys(_keys(scanner, output.row)))
        return newest, tuple(keys)

    def _require_whole(self, span: _Span) -> None:
        """What was taken is removed from the front on: all of a range is there while its last row is, unless only a part of it was taken."""
        upto = _number(span.cursor.upto)
        is_cut = _number(span.cursor.after) < span.inbox.taken(self._integration) < upto
        if is_cut or not span.inbox.outputs(self._integration, upto - 1, upto):
            raise DataError(
                f"rows of {self._integration} up to number {upto:,} were taken before, and the inbox no longer has them.",
                hint="Bring back the lake as it was; the records themselves are in the inbox and its archive: entrepot records list",
            )

    def _refuse_older(self, known: int, taken: int) -> None:
        if known < taken:
            raise DamageError(
                f"the inbox knows rows of {self._integration} up to number {known:,}, but up to {taken:,} were taken from it: "
                "an older or another inbox stands in its place.",
                hint="Bring back the newest .entrepot/inbox.db; new records would be taken for old ones.",
            )


@dataclass(frozen=True, slots=True)
class _Span:
    """The outputs of a range, a page at a time."""

    inbox: Inbox
    integration: str
    cursor: Cursor

    def pages(self) -> Iterator[Sequence[Output]]:
        """In order; a record's outputs stand in one page."""
        after, upto = _number(self.cursor.after), _number(self.cursor.upto)
        while after < upto:
            bound = self.inbox.bound_output(self.integration, after, _PAGE)
            if bound is None:
                return
            yield self.inbox.outputs(self.integration, after, min(bound, upto))
            after = bound


class _Rows:
    """The rows of a range as batches of one schema."""

    def __init__(
        self,
        span: _Span,
        integration: str,
        names: Names,
        columns: Sequence[Column],
        given: tuple[str, ...],
        newest: dict[str, int],
    ) -> None:
        self._span = span
        self._integration = integration
        self._names = names
        self._columns = columns
        self._given = given
        self._newest = newest
        own = Builder(JsonOptions(), names, columns).schema
        self._kept = [name for name in own.names if name != RECORD]
        fields = [*(own.field(name) for name in self._kept), *(pa.field(name, pa.string()) for name in given)]
        self.schema = pa.schema([*fields, pa.field(ORIGIN, pa.string())])

    def open(self) -> Iterator[pa.RecordBatch]:
        """The batches from the first one."""
        builder = Builder(JsonOptions(), self._names, self._columns)
        scanner = Scanner(tells_numbers=False)
        for page in self._span.pages():
            rows = [output for output in page if output.number and self._is_newest(output)]
            several = {output.record for output in rows if output.number > 1}
            if rows:
                yield self._batch(builder, scanner, rows, several)

    def _is_newest(self, output: Output) -> bool:
        """A record may be replayed before its first rows were taken: only the last ones count."""
        return output.revision == self._newest.get(output.record, output.revision)

    def _batch(self, builder: Builder, scanner: Scanner, rows: Sequence[Output], several: set[str]) -> pa.RecordBatch:
        built = builder.build(_records(scanner, rows))
        arrays = [built.column(name) for name in self._kept]
        arrays += [pa.array(self._identity(name, rows), pa.string()) for name in self._given]
        origins = [
            f"{origin_of(row.record)}#{row.number}" if row.record in several else origin_of(row.record) for row in rows
        ]
        return pa.RecordBatch.from_arrays([*arrays, pa.array(origins, pa.string())], schema=self.schema)

    def _identity(self, name: str, rows: Sequence[Output]) -> list[str]:
        match name:
            case "integration_id":
                return [self._integration] * len(rows)
            case "record_id":
                return [row.record for row in rows]
            case "external_reference":
                return [row.reference for row in rows]
            case "received_at":
                return [_instant(row.received_us) for row in rows]
        return [row.row for row in rows]


def _records(scanner: Scanner, rows: Sequence[Output]) -> Records:
    texts = [row.row for row in rows]
    numbers = [row.number for row in rows]
    values = scanner.read_lines(texts) if not any("\n" in text for text in texts) else None
    if values is not None:
        return Records(range(1, len(rows) + 1), numbers, texts, values)
    found: list[Any] = []
    faults: dict[int, Fault] = {}
    for place, text in enumerate(texts):
        value, reason = _read(scanner, text)
        found.append(value)
        if reason is not None:
            faults[place] = Fault(reason, f"row {numbers[place]}")
    return Records(range(1, len(rows) + 1), numbers, texts, found, faults)


def _read(scanner: Scanner, text: str) -> tuple[Any, str | None]:
    try:
        value = scanner.read_whole(text)
    except NotJson as error:
        return None, error.rule
    reason = scanner.find_fault(value, text)
    return (value, None) if reason is None else (None, reason)


def _keys(scanner: Scanner, text: str) -> tuple[str, ...]:
    value, _ = _read(scanner, text)
    return tuple(value) if isinstance(value, dict) else ()


def _instant(received_us: int) -> str:
    return (_EPOCH + timedelta(microseconds=received_us)).isoformat(timespec="microseconds")


def _number(value: object) -> int:
    """An end of a range; the first begins before all."""
    if value is None:
        return 0
    if isinstance(value, int):
        return value
    raise RunError(f"a range of an inbox ends at {value!r}; allowed are whole numbers.")


def _as_cursor(position: Position) -> Cursor:
    if not isinstance(position, Cursor):
        raise RunError(f"an inbox was given a position of kind {position.kind}; it reads kind cursor only.")
    return position
