"""Delimited text: streamed in flat memory, all values as text, each record numbered as it stands in the file."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from entrepot.adapters.files.csv.doubts import refuse_doubts
from entrepot.adapters.files.csv.facts import describe
from entrepot.adapters.files.csv.header import Head, read_head
from entrepot.adapters.files.csv.leftout import LeftOut
from entrepot.adapters.files.csv.options import CsvOptions
from entrepot.adapters.files.csv.passes import CsvFile, Pass, TooLongForBlock
from entrepot.intake.sources.formats import FormatContext, Sniffed
from entrepot.kernel.errors import DataError
from entrepot.kernel.events import Event
from entrepot.ports.relations import RECORD, Part, Stream

_BLOCK = 1 << 20
_BLOCK_BYTES_A_COLUMN = 512
_LARGEST_BLOCK = 64 << 20


class CsvFormat:
    """Text with a delimiter between values."""

    def __init__(self, options: CsvOptions, context: FormatContext) -> None:
        self._options = options
        self._context = context

    def parts(self, path: Path, place: str) -> list[Part]:
        """One part: columns of text, `RECORD`, and `FAULTS` of records with too few or too many values."""
        file = CsvFile(path, place, self._context.numeric_columns, self._read_head(path, place))
        return [Part(place, Stream(file.schema, partial(self._batches, file)))]

    def sniff(self, path: Path, place: str) -> Sniffed:
        """How the file is written, and how that is known."""
        head = self._read_head(path, place)
        return Sniffed("csv", head.columns, describe(path, head, self._context))

    def _read_head(self, path: Path, place: str) -> Head:
        head = read_head(path, place, self._options, self._context.known_columns)
        refuse_doubts(head, place, self._context)
        return head

    def _batches(self, file: CsvFile) -> Iterator[pa.RecordBatch]:
        """The records in order; starts again with larger blocks when a record is too long, leaving out what was given."""
        given = 0
        block = max(_BLOCK, file.head.width * _BLOCK_BYTES_A_COLUMN)
        while True:
            left_out = LeftOut(file.head.options, file.head.delimiter)
            try:
                for batch in left_out.filter(Pass(file, block).batches()):
                    fresh = _after(batch, given)
                    if fresh.num_rows:
                        given = fresh.column(RECORD)[-1].as_py()
                        yield fresh
                self._announce(file, left_out)
                return
            except TooLongForBlock:
                block *= 8
                if block > _LARGEST_BLOCK:
                    raise DataError(
                        f"{file.place}: a record after record {given} is longer than {_LARGEST_BLOCK:,} bytes.",
                        hint="Is a quote never closed, or is it no text file?",
                    ) from None

    def _announce(self, file: CsvFile, left_out: LeftOut) -> None:
        if left_out.starting or left_out.last:
            counts = {"skip_starting": left_out.starting, "skip_last": left_out.last}
            self._context.emit(Event("records_left_out", file.place, counts))


def _after(batch: pa.RecordBatch, given: int) -> pa.RecordBatch:
    """The records behind number `given`."""
    numbers = batch.column(RECORD)
    if not batch.num_rows or numbers[0].as_py() > given:
        return batch
    return batch.filter(pc.greater(numbers, given))
