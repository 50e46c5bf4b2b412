"""Records that are no data: totals at the end, and others that begin with a stated word. Counted, never dropped unseen."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from entrepot.adapters.files.csv.options import CsvOptions
from entrepot.ports.relations import FAULTS

_SIGNS = " \t\"'"


class LeftOut:
    """Takes such records out of the batches of one reading; the others keep their numbers."""

    def __init__(self, options: CsvOptions, delimiter: str) -> None:
        self._words = options.skip_starting
        self._last = options.skip_last
        self._signs = _SIGNS + delimiter
        self._held: list[pa.RecordBatch] = []
        self.starting = 0
        """How many began with a stated word."""

    def filter(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The records that are data."""
        for batch in batches:
            kept = self._without_words(batch) if self._words else batch
            yield from self._hold_back(kept) if self._last else (kept,)

    @property
    def last(self) -> int:
        """How many stood at the end; known when all is read."""
        return sum(batch.num_rows for batch in self._held)

    def _without_words(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        first = pc.utf8_ltrim_whitespace(pc.coalesce(*batch.columns[:-2]))
        begins = pa.array([False] * batch.num_rows, pa.bool_())
        for word in self._words:
            begins = pc.or_(begins, pc.fill_null(pc.starts_with(first, word), False))
        if batch.column(FAULTS).null_count < batch.num_rows:
            begins = pc.or_(begins, self._ragged_words(batch))
        self.starting += pc.sum(begins).as_py() or 0
        return batch.filter(pc.invert(begins))

    def _ragged_words(self, batch: pa.RecordBatch) -> pa.Array:
        """A total is often shorter than a record; then only its text is known."""
        found = [
            any(
                fault["reason"] == "ragged_record" and (fault["text"] or "").lstrip(self._signs).startswith(self._words)
                for fault in faults or ()
            )
            for faults in batch.column(FAULTS).to_pylist()
        ]
        return pa.array(found, pa.bool_())

    def _hold_back(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """All but the last records that have come so far."""
        self._held.append(batch)
        while (spare := self.last - self._last) > 0:
            first = self._held.pop(0)
            if first.num_rows > spare:
                self._held.insert(0, first.slice(spare))
                first = first.slice(0, spare)
            yield first
