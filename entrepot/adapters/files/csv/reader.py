"""Delimited text: streamed in flat memory, all values as text, each record numbered as it stands in the file."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv

from entrepot.adapters.files.csv.bytes import CheckedBytes, open_text
from entrepot.adapters.files.csv.header import NAMES, Head, read_head
from entrepot.adapters.files.csv.options import CsvOptions
from entrepot.adapters.files.numbers import NumberStyle, normalize_numbers
from entrepot.intake.sources.formats import FormatContext, Sniffed
from entrepot.kernel.errors import DataError
from entrepot.ports.relations import FAULT_TYPE, FAULTS, RECORD, Part, Stream

_BLOCK = 1 << 20
_LARGEST_BLOCK = 64 << 20
_MOST_RAGGED = 100_000
"""Ragged records in a row that are kept in memory; more mean that the file is not what it is taken for."""

_Fault = dict[str, str | None]


class CsvFormat:
    """Comma, semicolon, tab or bar separated text."""

    def __init__(self, options: CsvOptions, context: FormatContext) -> None:
        self._options = options
        self._context = context

    def parts(self, path: Path, place: str) -> list[Part]:
        """One part: columns of text, `RECORD`, and `FAULTS` of records with too few or too many values."""
        head = read_head(path, place, self._options, self._context.known_columns)
        file = _CsvFile(path, place, self._options, self._context.numeric_columns, head)
        return [Part(place, Stream(file.schema, file.batches))]

    def sniff(self, path: Path, place: str) -> Sniffed:
        """Delimiter and encoding, and whether they were stated or found out."""
        head = read_head(path, place, self._options, self._context.known_columns)
        stated = "stated" if head.is_delimiter_stated else "found out"
        delimiter = NAMES.get(head.delimiter, repr(head.delimiter))
        facts = {
            "delimiter": f"{delimiter} ({stated})",
            "quote": self._options.quote or "none",
            "encoding": head.encoding,
        }
        return Sniffed("csv", head.columns, facts)


class _TooLongForBlock(Exception):
    """A record did not fit into two blocks of the parser."""


@dataclass(frozen=True, slots=True)
class _CsvFile:
    path: Path
    place: str
    options: CsvOptions
    numeric_columns: frozenset[str]
    head: Head

    @property
    def schema(self) -> pa.Schema:
        columns = [pa.field(name, pa.string()) for name in self.head.columns]
        return pa.schema([*columns, pa.field(RECORD, pa.int64()), pa.field(FAULTS, FAULT_TYPE)])

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The records in order; starts again with larger blocks when a record is too long, leaving out what was given."""
        given = 0
        block = _BLOCK
        while True:
            try:
                for batch in _Pass(self, block).batches():
                    last = batch.column(RECORD)[-1].as_py()
                    if last > given:
                        yield batch.slice(max(0, given - last + batch.num_rows))
                        given = last
                return
            except _TooLongForBlock:
                block *= 8
                if block > _LARGEST_BLOCK:
                    raise DataError(
                        f"{self.place}: a record after record {given} is longer than {_LARGEST_BLOCK:,} bytes.",
                        hint="Is a quote never closed, or is it no text file?",
                    ) from None


class _Pass:
    """One reading of the file from its beginning."""

    def __init__(self, file: _CsvFile, block: int) -> None:
        self._file = file
        self._block = block
        self._ragged: deque[Any] = deque()
        self._lines: Iterator[int] | None = None
        self._headers = 1 if file.options.header else 0
        self._before = self._headers + file.head.empty_lines
        """What the parser counts before the first record."""
        self._next = 1
        self._style = NumberStyle(file.options.decimal, file.options.thousands)

    def batches(self) -> Iterator[pa.RecordBatch]:
        source = CheckedBytes(self._file.path, self._file.place, self._file.options, self._file.head.delimiter)
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
        options, columns = self._file.options, self._file.head.columns
        return pacsv.open_csv(
            pa.PythonFile(source, mode="r"),
            # One thread: only then the parser says which record it left out.
            read_options=pacsv.ReadOptions(
                use_threads=False,
                block_size=self._block,
                column_names=list(columns),
                skip_rows=self._file.head.empty_lines,
                skip_rows_after_names=self._headers,
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=self._file.head.delimiter,
                quote_char=options.quote or False,
                double_quote=bool(options.quote),
                escape_char=options.escape or False,
                newlines_in_values=True,
                ignore_empty_lines=True,
                invalid_row_handler=self._keep_ragged,
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()),
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                null_values=[""],
                check_utf8=False,
            ),
        )

    def _keep_ragged(self, row: Any) -> str:
        self._ragged.append(row)
        return "skip" if len(self._ragged) <= _MOST_RAGGED else "error"

    def _explain(self, error: pa.ArrowInvalid) -> Exception:
        """The parser's error in our words; its own would show the record."""
        if "straddling" in str(error):
            return _TooLongForBlock()
        place, width = self._file.place, len(self._file.head.columns)
        if len(self._ragged) > _MOST_RAGGED:
            return DataError(
                f"{place}: more than {_MOST_RAGGED:,} records one after the other do not have {width} values.",
                hint="Is csv.delimiter right? Does the header belong to this file?",
            )
        return DataError(
            f"{place} cannot be read as delimited text after record {self._next - 1:,}.", hint="Is csv.delimiter right?"
        )

    def _complete(self, batch: pa.RecordBatch | None) -> Iterator[pa.RecordBatch]:
        """Number the records and put ragged ones back where they stood. None: the file has ended."""
        places, faults = self._weave(batch.num_rows if batch is not None else 0)
        if not places:
            return
        if batch is None:
            empty = [pa.array([], pa.string()) for _ in self._file.head.columns]
            batch = pa.RecordBatch.from_arrays(empty, names=list(self._file.head.columns))
        if faults:
            batch = batch.take(pa.array(places, pa.int64()))
        columns = self._normalize(batch, faults)
        numbers = pa.array(range(self._next, self._next + len(places)), pa.int64())
        self._next += len(places)
        yield pa.RecordBatch.from_arrays(
            [*columns, numbers, _fault_array(faults, len(places))], schema=self._file.schema
        )

    def _weave(self, good: int) -> tuple[list[int | None] | range, dict[int, list[_Fault]]]:
        """For each record in order its place among the good ones (None: it is ragged), and the faults by place."""
        upto = self._next + self._before
        if not self._ragged or self._ragged[0].number > upto + good:
            return range(good), {}
        places: list[int | None] = []
        faults: dict[int, list[_Fault]] = {}
        taken = 0
        while self._ragged or taken < good:
            if self._ragged and self._ragged[0].number == upto + len(places):
                faults[len(places)] = [self._ragged_fault(self._ragged.popleft())]
                places.append(None)
            elif taken < good:
                places.append(taken)
                taken += 1
            else:
                break
        return places, faults

    def _ragged_fault(self, row: Any) -> _Fault:
        record = row.number - self._before
        return {"column": None, "at": self._find_line(record), "reason": "ragged_record", "text": row.text}

    def _find_line(self, record: int) -> str:
        """Where the record begins. Lines are counted by a second, slower reading that keeps pace, in files that need it only."""
        if self._lines is None:
            self._lines = _begin_lines(self._file, self._headers)
            self._counted = 0
        line = 0
        while self._counted < record and line >= 0:
            line = next(self._lines, -1)
            self._counted += 1
        return f"line {line}" if line > 0 else f"record {record}"

    def _normalize(self, batch: pa.RecordBatch, faults: dict[int, list[_Fault]]) -> list[pa.Array]:
        if self._style.is_plain:
            return list(batch.columns)
        return [self._normalize_column(name, batch.column(name), faults) for name in batch.schema.names]

    def _normalize_column(self, name: str, texts: pa.Array, faults: dict[int, list[_Fault]]) -> pa.Array:
        if name.lower() not in self._file.numeric_columns:
            return texts
        texts, doubtful = normalize_numbers(texts, self._style)
        for place in doubtful:
            at = f"record {self._next + place}"
            faults.setdefault(place, []).append(
                {"column": name, "at": at, "reason": "number_format", "text": texts[place].as_py()}
            )
        return texts


def _fault_array(faults: dict[int, list[_Fault]], length: int) -> pa.Array:
    if not faults:
        return pa.nulls(length, FAULT_TYPE)
    return pa.array([faults.get(place) for place in range(length)], FAULT_TYPE)


def _begin_lines(file: _CsvFile, headers: int) -> Iterator[int]:
    """The line on which each record begins, by Python's csv reader; ends early where that cannot go on."""
    options = file.options
    with open_text(file.path, file.place, options, None) as text:
        reader = csv.reader(
            text,
            delimiter=file.head.delimiter,
            quotechar=options.quote or None,
            quoting=csv.QUOTE_MINIMAL if options.quote else csv.QUOTE_NONE,
            escapechar=options.escape,
        )
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
