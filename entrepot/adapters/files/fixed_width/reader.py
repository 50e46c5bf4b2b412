"""The format `fixed_width`: a record on each line, each value in its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from entrepot.adapters.files.fixed_width.options import FixedWidthOptions, Trailer
from entrepot.adapters.files.fixed_width.slices import cut_column, find_misfits
from entrepot.adapters.files.lines import Block, TextFile
from entrepot.intake.faults import Faults
from entrepot.intake.sources.formats import FormatContext, Sniffed
from entrepot.kernel.errors import DataError
from entrepot.kernel.events import Event
from entrepot.ports.relations import FAULT_TYPE, FAULTS, RECORD, Part, Stream


class FixedWidthFormat:
    """Lines of fixed width."""

    def __init__(self, options: FixedWidthOptions, context: FormatContext) -> None:
        self._options = options
        self._context = context
        texts = [pa.field(column.name, pa.string()) for column in options.columns]
        self._schema = pa.schema([*texts, pa.field(RECORD, pa.int64()), pa.field(FAULTS, FAULT_TYPE)])

    def parts(self, path: Path, place: str) -> list[Part]:
        """One part: columns of text, `RECORD` (the line) and `FAULTS` of lines that are too short or too long."""
        if not self._options.columns:
            raise DataError(
                f"{place} is a file of fixed width, and nothing says where its columns stand.",
                hint="State the option fixed_width.columns (entrepot connectors show fixed_width).",
            )
        file = TextFile(path, place, self._options.encoding, "fixed_width.encoding")
        file.find_encoding()
        return [Part(place, Stream(self._schema, lambda: self._batches(file)))]

    def sniff(self, path: Path, place: str) -> Sniffed:
        """The stated columns; length of the first record, encoding."""
        file = TextFile(path, place, self._options.encoding, "fixed_width.encoding")
        facts = {"encoding": file.find_encoding().name, "length": f"{self._options.length} (stated)"}
        for _, lines, _ in _Records(file, self._options).blocks():
            facts["first record"] = f"{len(lines[0] or '')} characters"
            break
        return Sniffed("fixed_width", tuple(column.name for column in self._options.columns), facts)

    def _batches(self, file: TextFile) -> Iterator[pa.RecordBatch]:
        records = _Records(file, self._options)
        for numbers, lines, damaged in records.blocks():
            faults = Faults()
            texts = pa.array(lines, pa.string())
            misfits = find_misfits(texts, self._options)
            for place, text in damaged.items():
                faults.add(place, None, at=f"line {numbers[place]}", reason="undecodable", text=text)
            for place, reason in misfits:
                faults.add(place, None, at=f"line {numbers[place]}", reason=reason, text=lines[place])
            if misfits:
                wrong = {place for place, _ in misfits}
                texts = pa.array([None if n in wrong else line for n, line in enumerate(lines)], pa.string())
            columns = [cut_column(texts, column, faults, numbers) for column in self._options.columns]
            yield pa.RecordBatch.from_arrays(
                [*columns, pa.array(numbers, pa.int64()), faults.array(len(numbers))], schema=self._schema
            )
        if records.left_out:
            self._context.emit(Event("records_left_out", file.place, dict(records.left_out)))


_Lines = tuple[list[int], list[str | None], dict[int, str]]
"""Numbers, lines (None: cannot be decoded), and what stands in those that cannot."""


class _Records:
    """The lines that are records: without header, trailer and empty lines."""

    def __init__(self, file: TextFile, options: FixedWidthOptions) -> None:
        self._file = file
        self._options = options
        self._trailer_line: int | None = None
        self._count = 0
        self._in_head = options.header is not None
        self.left_out: Counter[str] = Counter()
        """Option → lines that are no records because of it."""

    def blocks(self) -> Iterator[_Lines]:
        """Raises: DataError when the trailer is missing, not the last line, or counts otherwise."""
        for block in self._file.blocks():
            found = self._choose(block)
            self._count += len(found[0])
            if found[0]:
                yield found
        if self._options.trailer is not None and self._trailer_line is None:
            raise DataError(
                f"{self._file.place} has no line that begins with the trailer's prefix.",
                hint="Perhaps it was cut off on its way: have it sent again. Else correct fixed_width.trailer.",
            )

    def _choose(self, block: Block) -> _Lines:
        numbers: list[int] = []
        lines: list[str | None] = []
        damaged: dict[int, str] = {}
        for place, line in enumerate(block.lines.to_pylist()):
            number = block.first + place
            if line == "" or not self._is_record(line, number, self._count + len(lines)):
                continue
            if line is None:
                damaged[len(lines)] = block.damaged[place]
            numbers.append(number)
            lines.append(line)
        return numbers, lines, damaged

    def _is_record(self, line: str | None, number: int, before: int) -> bool:
        trailer = self._options.trailer
        if self._trailer_line is not None:
            raise DataError(
                f"{self._file.place}, line {number}: something follows the trailer in line {self._trailer_line}.",
                hint="Are these two files in one? Else correct fixed_width.trailer.",
            )
        if number <= self._options.skip_lines:
            self.left_out["skip_lines"] += 1
            return False
        if self._is_header(line):
            self.left_out["header"] += 1
            return False
        if trailer is not None and line is not None and line.startswith(trailer.prefix):
            self._trailer_line = number
            self._check_count(line, trailer, before)
            self.left_out["trailer"] += 1
            return False
        return True

    def _is_header(self, line: str | None) -> bool:
        prefix = self._options.header
        self._in_head = (
            self._in_head
            and prefix is not None
            and line is not None
            and line.startswith(prefix)
            and self.left_out["header"] < self._options.header_lines
        )
        return self._in_head

    def _check_count(self, line: str, trailer: Trailer, found: int) -> None:
        if trailer.start is None or trailer.end is None:
            return
        said = line[trailer.start - 1 : trailer.end].strip()
        if not (said.isascii() and said.isdigit()) or int(said) != found:
            raise DataError(
                f"{self._file.place}: its trailer in line {self._trailer_line} does not count the {found:,} records that stand before it.",
                hint="Perhaps lines were lost on their way: have it sent again. Else correct fixed_width.trailer.",
            )
