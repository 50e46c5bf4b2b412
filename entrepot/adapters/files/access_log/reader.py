"""The format `access_log`: a request on each line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from entrepot.adapters.files.access_log.line import COLUMNS, Values, read_line
from entrepot.adapters.files.access_log.options import AccessLogOptions
from entrepot.adapters.files.lines import Block, TextFile
from entrepot.intake.faults import Faults
from entrepot.intake.sources.formats import FormatContext, Sniffed
from entrepot.kernel.errors import DataError
from entrepot.ports.relations import FAULT_TYPE, FAULTS, RECORD, Part, Stream

_SCHEMA = pa.schema(
    [*(pa.field(name, pa.string()) for name in COLUMNS), pa.field(RECORD, pa.int64()), pa.field(FAULTS, FAULT_TYPE)]
)
_NOTHING: Values = (None,) * len(COLUMNS)


class AccessLogFormat:
    """Lines in the combined or common layout."""

    def __init__(self, options: AccessLogOptions, context: FormatContext) -> None:
        self._options = options

    def parts(self, path: Path, place: str) -> list[Part]:
        """One part: the columns as texts, `RECORD` (the line) and `FAULTS` of lines that are written otherwise."""
        file = TextFile(path, place, self._options.encoding, "access_log.encoding")
        self._refuse_stranger(file)
        return [Part(place, Stream(_SCHEMA, lambda: self._batches(file)))]

    def sniff(self, path: Path, place: str) -> Sniffed:
        """Layout and encoding."""
        file = TextFile(path, place, self._options.encoding, "access_log.encoding")
        self._refuse_stranger(file)
        return Sniffed("access_log", COLUMNS, {"layout": self._options.layout, "encoding": file.find_encoding().name})

    def _refuse_stranger(self, file: TextFile) -> None:
        """A file of which no line fits at first is something else."""
        first = next(file.blocks(), None)
        if first is None:
            return
        written = [line for line in first.lines.to_pylist() if line != ""]
        if written and not any(line is not None and self._read(line) for line in written):
            raise DataError(
                f"{file.place}: none of its first {len(written):,} lines is written in the {self._options.layout} layout of access logs.",
                hint="State access_log.layout: common or combined. Other logs are not read by this format.",
            )

    def _read(self, line: str) -> Values | None:
        return read_line(line, self._options.layout, unescape=self._options.unescape)

    def _batches(self, file: TextFile) -> Iterator[pa.RecordBatch]:
        for block in file.blocks():
            batch = self._batch(block)
            if batch.num_rows:
                yield batch

    def _batch(self, block: Block) -> pa.RecordBatch:
        numbers: list[int] = []
        rows: list[Values] = []
        faults = Faults()
        for place, line in enumerate(block.lines.to_pylist()):
            if line == "":
                continue
            number = block.first + place
            values = None if line is None else self._read(line)
            if values is None:
                reason = "undecodable" if line is None else "not_a_log_line"
                text = block.damaged[place] if line is None else line
                faults.add(len(rows), None, at=f"line {number}", reason=reason, text=text)
            numbers.append(number)
            rows.append(values or _NOTHING)
        columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
        columns = columns or [pa.array([], pa.string()) for _ in COLUMNS]
        return pa.RecordBatch.from_arrays(
            [*columns, pa.array(numbers, pa.int64()), faults.array(len(rows))], schema=_SCHEMA
        )
