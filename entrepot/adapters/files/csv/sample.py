"""The beginning of a text file, and its first records by Python's own csv reader."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from entrepot.adapters.files.csv.bytes import CheckedBytes
from entrepot.adapters.files.csv.options import UNIT_SEPARATOR, CsvOptions

SAMPLE_RECORDS = 50
_SAMPLE_VALUES = 100_000
"""Of very wide files fewer records are looked at."""
_SAMPLE_BYTES = 256 << 10
_LARGEST_SAMPLE = 64 << 20


@dataclass(frozen=True, slots=True)
class Record:
    """One record, and the line it begins on."""

    line: int
    values: list[str]


@dataclass(frozen=True, slots=True)
class Sample:
    """The first text of a file, without what is to be skipped."""

    text: str
    is_whole: bool

    def records(self, options: CsvOptions) -> list[Record]:
        """The first records that are not empty lines, parted by the option's delimiter; none that the sample may have cut."""
        found = _first_records(self.text, options, SAMPLE_RECORDS + 1)
        if not self.is_whole and 0 < len(found) <= SAMPLE_RECORDS:
            found.pop()
        return found[:SAMPLE_RECORDS]

    @property
    def line_ends(self) -> str:
        """Which ends of lines occur, in words."""
        windows = self.text.count("\r\n")
        counts = {"CRLF": windows, "LF": self.text.count("\n") - windows, "CR": self.text.count("\r") - windows}
        return " and ".join(name for name, count in counts.items() if count)


def read_sample(path: Path, place: str, options: CsvOptions) -> Sample:
    """The file's beginning: at least its first record, when that is not longer than 64 MB."""
    size = _SAMPLE_BYTES
    while True:
        with CheckedBytes(path, place, options, None) as source:
            read = source.read(size)
        sample = Sample(read.decode(errors="ignore"), len(read) < size)
        if sample.is_whole or size >= _LARGEST_SAMPLE or _has_lines(sample.text):
            return sample
        size *= 16


def _has_lines(text: str) -> bool:
    """True when the first record surely ends within the text, whatever the delimiter."""
    return len(text.split("\n", 8)) > 8 or len(text.split("\r", 8)) > 8 or not text.strip()


def _first_records(text: str, options: CsvOptions, most: int) -> list[Record]:
    found: list[Record] = []
    reader = python_reader(_lines(text), options)
    replaced = options.replaces_delimiter
    begin, left = 1, _SAMPLE_VALUES
    try:
        for values in reader:
            left -= len(values)
            if values:
                found.append(Record(begin, _restored(values, options.delimiter or "") if replaced else values))
            if len(found) == most or (left < 0 and len(found) > 1):
                break
            begin = reader.line_num + 1
    except csv.Error:
        pass  # a value longer than the csv module takes; the records before it are good enough
    return found


def python_reader(lines: Iterator[str] | IO[str], options: CsvOptions) -> Any:
    """Python's csv reader with these options; values of any length."""
    if csv.field_size_limit() < _LARGEST_SAMPLE:
        csv.field_size_limit(_LARGEST_SAMPLE)
    quote = options.quote_sign
    return csv.reader(
        lines,
        delimiter=UNIT_SEPARATOR if options.replaces_delimiter else options.delimiter or ",",
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        escapechar=options.escape,
    )


def _restored(values: list[str], delimiter: str) -> list[str]:
    return [value.replace(UNIT_SEPARATOR, delimiter) for value in values]


def _lines(text: str) -> Iterator[str]:
    """Lines as CSV knows them: `str.splitlines` would also break at a form feed or U+2028."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    yield from (line + "\n" for line in lines[:-1])
    if lines[-1]:
        yield lines[-1]
