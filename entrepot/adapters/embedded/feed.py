"""Streams of many parts as one: numbered, in one form, in slices that bound what a COPY holds.

The readers' code runs in one thread of its own, ahead of DuckDB: it may hold things that belong to a thread (a SQLite cursor), and
reading goes on while a slice is being finished.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any

import pyarrow as pa

from entrepot.adapters.embedded.sources import BRINGABLE, Prepared, readable_type, stream_type
from entrepot.contracts.model import Contract
from entrepot.kernel.errors import DataError
from entrepot.kernel.rows import CORRECTS, MAX_ROWS
from entrepot.ports.relations import FAULT_TYPE, FAULTS, RECORD, Stream

SLICE_ROWS = 500_000
SLICE_BYTES = 64 << 20
"""A slice ends with the batch that reaches either: DuckDB keeps the texts of a running COPY."""
SMALL, LARGE = 8_192, 65_536
"""Smaller batches are joined, larger ones cut: a batch is what one DuckDB thread takes at a time."""
AHEAD = 4


class Feed:
    """The rows of a group of stream parts. Use it as a context manager; the thread ends with it."""

    def __init__(self, contract: Contract, group: Sequence[Prepared], places: Sequence[str], first_row: int) -> None:
        self._contract = contract
        self._group = group
        self._places = pa.array(list(places), pa.string())
        self._next_row = first_row
        self.schema = _schema(contract, group[0])
        self.received: dict[int, int] = {item.number: 0 for item in group}
        self.error: BaseException | None = None
        self._queue: queue.Queue[pa.RecordBatch | None] = queue.Queue(AHEAD)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="entrepot-feed", daemon=True)
        self._ahead: pa.RecordBatch | None = None
        self._held: list[pa.RecordBatch] = []

    def __enter__(self) -> Feed:
        self._thread.start()
        self._ahead = self._queue.get()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        while self._thread.is_alive():
            self._drain()
            self._thread.join(0.05)

    def _drain(self) -> None:
        while not self._queue.empty():
            self._queue.get_nowait()

    def raise_error(self) -> None:
        """Raise what a reader raised, as it was."""
        if self.error is not None:
            raise self.error

    @property
    def has_more(self) -> bool:
        """True while there is another slice. Raises: what a reader raised."""
        if self._ahead is None:
            self.raise_error()
        return self._ahead is not None

    def slice(self) -> pa.RecordBatchReader:
        """The next slice, to be read once."""
        self._held = []
        return pa.RecordBatchReader.from_batches(self.schema, self._slice())

    @property
    def held_rows(self) -> int:
        """Rows of the slice that was just read."""
        return sum(batch.num_rows for batch in self._held)

    @property
    def held_from(self) -> int:
        """Number of the first row of the slice that was just read."""
        return int(self._held[0].column(0)[0].as_py())

    def held(self, places: pa.Array | None) -> pa.Table:
        """Rows of the slice that was just read, at these places (None: all). DuckDB kept most of it anyway."""
        table = pa.Table.from_batches(self._held, self.schema)
        return table if places is None else table.take(places)

    def _slice(self) -> Iterator[pa.RecordBatch]:
        rows = size = 0
        while self._ahead is not None and rows < SLICE_ROWS and size < SLICE_BYTES:
            batch, self._ahead = self._ahead, None
            rows, size = rows + batch.num_rows, size + batch.nbytes
            self._held.append(batch)
            yield batch
            self._ahead = self._queue.get()
        if self._ahead is None:
            self.raise_error()  # a slice that ends in an error must not look complete

    def _run(self) -> None:
        try:
            for batch in _even(self._batches()):
                self._put(batch)
        except BaseException as error:  # handed over to the thread that asked
            self.error = error
        self._put(None)

    def _put(self, batch: pa.RecordBatch | None) -> None:
        while not self._stopped.is_set():
            with suppress(queue.Full):
                self._queue.put(batch, timeout=0.1)
                return

    def _batches(self) -> Iterator[pa.RecordBatch]:
        for item in self._group:
            assert isinstance(item.part.rows, Stream)
            for batch in item.part.rows.open():
                if self._stopped.is_set():
                    return
                if batch.num_rows:
                    yield self._canonical(item, batch)

    def _canonical(self, item: Prepared, batch: pa.RecordBatch) -> pa.RecordBatch:
        """A batch in the form of the group, with row and record numbers."""
        rows = batch.num_rows
        names = {name: place for place, name in enumerate(batch.schema.names)}
        first, before = self._next_row, self.received[item.number]
        if first + rows - 1 > MAX_ROWS:
            raise DataError(
                f"{item.part.place}: a batch holds at most {MAX_ROWS} rows.", hint="Bring fewer files at once."
            )
        record = _int64(batch.column(names[RECORD])) if RECORD in names else _count(before + 1, rows)
        place = pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(item.number, pa.int32()), rows), self._places)
        arrays = [_count(first, rows), record, place]
        if item.has_faults:
            arrays.append(_faults(batch.column(names[FAULTS]), item, self._contract))
        arrays += [_int64(batch.column(names[name])) for name in (CORRECTS,) if item.has_corrects]
        arrays += [batch.column(names[name]) for name in item.brings]
        for column in self._contract.columns:
            header = item.headers.get(column.name)
            found = pa.nulls(rows, pa.string()) if header is None else batch.column(names[header])
            arrays.append(_readable(found, item, column.name))
        self._next_row, self.received[item.number] = first + rows, before + rows
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


def _schema(contract: Contract, item: Prepared) -> pa.Schema:
    assert isinstance(item.part.rows, Stream)
    found = item.part.rows.schema
    fields = [("__rn", pa.int64()), ("__rec", pa.int64()), ("__place", pa.dictionary(pa.int32(), pa.string()))]
    fields += [("__faults", FAULT_TYPE)] if item.has_faults else []
    fields += [("__corrects", pa.int64())] if item.has_corrects else []
    fields += [(f"__q{name}", found.field(name).type) for name in BRINGABLE if name in item.brings]
    for number, column in enumerate(contract.columns):
        fields.append((f"__r{number}", stream_type(found, item.headers.get(column.name))))
    return pa.schema(fields)


def _count(first: int, rows: int) -> pa.Array:
    return pa.arange(first, first + rows, 1)


def _int64(array: pa.Array) -> pa.Array:
    return array if array.type == pa.int64() else array.cast(pa.int64())


def _readable(array: pa.Array, item: Prepared, column: str) -> pa.Array:
    to = readable_type(array.type)
    if array.type == to:
        return array
    try:
        return array.cast(to)
    except pa.ArrowInvalid as error:
        raise DataError(
            f"{item.part.place}: column {column} holds {array.type} values that {to} cannot hold exactly.",
            hint="Round them to microseconds where they come from.",
        ) from error


def _faults(array: pa.Array, item: Prepared, contract: Contract) -> pa.Array:
    """Faults under the contract's names, without those of columns that the contract does not have."""
    if array.null_count == len(array):
        return pa.nulls(len(array), FAULT_TYPE)
    names = {header: name for name, header in item.headers.items()} | {None: None}
    own = {column.name: column.name for column in contract.columns}
    found: list[list[dict[str, Any]] | None] = []
    for faults in array.to_pylist():
        kept = [
            fault | {"column": (own | names)[fault["column"]]}
            for fault in faults or ()
            if fault["column"] in (own | names)
        ]
        found.append(kept or None)
    return pa.array(found, FAULT_TYPE)


def _even(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows in batches that are neither tiny nor huge."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(b.num_rows for b in waiting) < SMALL:
            continue
        whole = waiting[0] if len(waiting) == 1 else pa.concat_batches(waiting)
        waiting = []
        for start in range(0, whole.num_rows, LARGE):
            yield whole.slice(start, LARGE)
    if waiting:
        yield pa.concat_batches(waiting)
