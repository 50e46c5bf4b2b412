"""One reading of a file from its beginning: parsed in C, numbered, ragged records put back where they stood."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from entrepot.adapters.files.csv.bytes import CheckedBytes, open_text
from entrepot.adapters.files.csv.header import Head
from entrepot.adapters.files.csv.options import UNIT_SEPARATOR
from entrepot.adapters.files.csv.sample import python_reader
from entrepot.adapters.files.numbers import NumberStyle, normalize_numbers
from entrepot.kernel.errors import DataError
from entrepot.ports.relations import FAULT_TYPE, FAULTS, RECORD

_MOST_RAGGED = 100_000
_MOST_RAGGED_BYTES = 64 << 20
"""Ragged records in a row that are kept in memory; more mean that the file is not what it is taken for."""

_Fault = dict[str, str | None]
_Faults = dict[int, list[_Fault]]


class TooLongForBlock(Exception):
    """A record did not fit into two blocks of the parser."""


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A file whose way of writing is known."""

    path: Path
    place: str
    numeric_columns: frozenset[str]
    head: Head

    @property
    def schema(self) -> pa.Schema:
        """What its batches have: the columns as text, `RECORD` and `FAULTS`."""
        columns = [pa.field(name, pa.string()) for name in self.head.columns]
        return pa.schema([*columns, pa.field(RECORD, pa.int64()), pa.field(FAULTS, FAULT_TYPE)])

    @property
    def style(self) -> NumberStyle:
        """How its numbers are written."""
        return NumberStyle(self.head.options.decimal_sign, self.head.options.thousands)


class Pass:
    """One reading of the file from its beginning."""

    def __init__(self, file: CsvFile, block: int) -> None:
        self._file = file
        self._head = file.head
        self._options = file.head.options
        self._block = block
        self._ragged: deque[Any] = deque()
        self._ragged_bytes = 0
        self._lines: _Lines | None = None
        self._headers = 1 if self._options.header else 0
        self._before = self._headers + file.head.empty_lines
        """What the parser counts before the first record."""
        self._next = 1
        self._names = [*file.head.columns, *(f"{UNIT_SEPARATOR}{number}" for number in range(file.head.unnamed))]
        self._style = file.style
        self._schema = file.schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All records. Raises: DataError; TooLongForBlock, then a larger block may do."""
        source = CheckedBytes(self._file.path, self._file.place, self._options, self._head.delimiter)
        try:
            with self._open(source) as reader:
                for batch in reader:
                    yield from self._complete(batch)
            yield from self._complete(None)
            if self._ragged:
                raise AssertionError("a record that the parser left out has no place among the others")
        except pa.ArrowInvalid as error:
            raise self._explain(error) from error
        finally:
            source.close()

    def _open(self, source: CheckedBytes) -> pacsv.CSVStreamingReader:
        quote = self._options.quote_sign
        return pacsv.open_csv(
            pa.PythonFile(source, mode="r"),
            # One thread: only then the parser says which record it left out.
            read_options=pacsv.ReadOptions(
                use_threads=False,
                block_size=self._block,
                column_names=self._names,
                skip_rows=self._head.empty_lines,
                skip_rows_after_names=self._headers,
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=self._head.parser_delimiter,
                quote_char=quote or False,
                double_quote=bool(quote),
                escape_char=self._options.escape or False,
                newlines_in_values=True,
                ignore_empty_lines=True,
                invalid_row_handler=self._keep_ragged,
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(self._names, pa.string()),
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                null_values=["", *self._options.null_words],
                check_utf8=False,
            ),
        )

    def _keep_ragged(self, row: Any) -> str:
        self._ragged.append(row)
        self._ragged_bytes += len(row.text)
        return "error" if self._too_many_ragged else "skip"

    @property
    def _too_many_ragged(self) -> bool:
        return len(self._ragged) > _MOST_RAGGED or self._ragged_bytes > _MOST_RAGGED_BYTES

    def _explain(self, error: pa.ArrowInvalid) -> Exception:
        """The parser's error in our words; its own would show the record."""
        if "straddling" in str(error):
            return TooLongForBlock()
        if self._too_many_ragged:
            return DataError(
                f"{self._file.place}: more than {len(self._ragged) - 1:,} records one after the other do not have {self._head.width} values.",
                hint="Is csv.delimiter right? Does the header belong to this file?",
            )
        return DataError(
            f"{self._file.place} cannot be read as delimited text after record {self._next - 1:,}.",
            hint="Is csv.delimiter right?",
        )

    def _complete(self, batch: pa.RecordBatch | None) -> Iterator[pa.RecordBatch]:
        """Number the records and put ragged ones back where they stood. None: the file has ended."""
        places, faults = self._weave(batch.num_rows if batch is not None else 0)
        if not places:
            return
        if batch is None:
            batch = pa.RecordBatch.from_arrays([pa.array([], pa.string()) for _ in self._names], names=self._names)
        if faults:
            batch = batch.take(pa.array(places, pa.int64()))
        columns = self._finish(batch, faults)
        rows = len(places)
        numbers = pa.arange(self._next, self._next + rows)
        self._next += rows
        yield pa.RecordBatch.from_arrays([*columns, numbers, _fault_array(faults, rows)], schema=self._schema)

    def _weave(self, good: int) -> tuple[list[int | None] | range, _Faults]:
        """For each record in order its place among the good ones (None: it is ragged), and the faults by place."""
        upto = self._next + self._before
        if not self._ragged or self._ragged[0].number > upto + good:
            return range(good), {}
        places: list[int | None] = []
        faults: _Faults = {}
        taken = 0
        while self._ragged or taken < good:
            if self._ragged and self._ragged[0].number == upto + len(places):
                faults[len(places)] = [self._ragged_fault(self._ragged.popleft())]
                places.append(None)
            elif taken < good:
                until = self._ragged[0].number - upto - len(places) if self._ragged else good - taken
                more = min(until, good - taken)
                places.extend(range(taken, taken + more))
                taken += more
            else:
                break
        return places, faults

    def _ragged_fault(self, row: Any) -> _Fault:
        self._ragged_bytes -= len(row.text)
        record = row.number - self._before
        if self._lines is None:
            self._lines = _Lines(self._file, self._headers)
        return {
            "column": None,
            "at": self._lines.find(record),
            "reason": "ragged_record",
            "text": self._restore(row.text),
        }

    def _restore(self, text: str) -> str:
        return text.replace(UNIT_SEPARATOR, self._head.delimiter) if self._options.replaces_delimiter else text

    def _finish(self, batch: pa.RecordBatch, faults: _Faults) -> list[pa.Array]:
        """The named columns: the delimiter within values as it was, numbers as engines read them."""
        columns = list(batch.columns)
        if self._options.replaces_delimiter:
            columns = [pc.replace_substring(column, UNIT_SEPARATOR, self._head.delimiter) for column in columns]
        named = len(self._head.columns)
        for column in columns[named:]:
            self._fault_unnamed(column, faults)
        if self._style.is_plain:
            return columns[:named]
        return [
            self._normalize(name, column, faults)
            for name, column in zip(self._head.columns, columns[:named], strict=True)
        ]

    def _fault_unnamed(self, column: pa.Array, faults: _Faults) -> None:
        """A value in a column without a name makes its record wrong: it would be lost."""
        if column.null_count == len(column):
            return
        filled = pc.fill_null(pc.not_equal(column, ""), False)
        for place in pc.indices_nonzero(filled).to_pylist():
            at = f"record {self._next + place}"
            faults.setdefault(place, []).append(
                {"column": None, "at": at, "reason": "unnamed_value", "text": column[place].as_py()}
            )

    def _normalize(self, name: str, texts: pa.Array, faults: _Faults) -> pa.Array:
        if name.lower() not in self._file.numeric_columns:
            return texts
        texts, doubtful = normalize_numbers(texts, self._style)
        for place in doubtful:
            at = f"record {self._next + place}"
            faults.setdefault(place, []).append(
                {"column": name, "at": at, "reason": "number_format", "text": texts[place].as_py()}
            )
        return texts


class _Lines:
    """Where records begin: lines are counted by a second, slower reading that keeps pace, in files that need it only."""

    def __init__(self, file: CsvFile, headers: int) -> None:
        self._begins = _begin_lines(file, headers)
        self._counted = 0

    def find(self, record: int) -> str:
        """`line 7`, or the record's number where lines cannot be counted."""
        line = 0
        while self._counted < record and line >= 0:
            line = next(self._begins, -1)
            self._counted += 1
        return f"line {line}" if line > 0 else f"record {record}"


def _fault_array(faults: _Faults, length: int) -> pa.Array:
    if not faults:
        return pa.nulls(length, FAULT_TYPE)
    return pa.array([faults.get(place) for place in range(length)], FAULT_TYPE)


def _begin_lines(file: CsvFile, headers: int) -> Iterator[int]:
    """The line on which each record begins, by Python's csv reader; ends early where that cannot go on."""
    options = file.head.options
    with open_text(file.path, file.place, options, None) as text:
        reader = python_reader(text, options)
        begin = 1
        try:
            for values in reader:
                if values:
                    if headers:
                        headers -= 1
                    else:
                        yield begin
                begin = reader.line_num + 1
        except csv.Error:
            return
