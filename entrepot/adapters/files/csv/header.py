"""What a text file's first records tell: delimiter and names of columns. Conservative: what is not clear is an error."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from entrepot.adapters.files.csv.bytes import CheckedBytes, find_encoding
from entrepot.adapters.files.csv.options import CsvOptions
from entrepot.kernel.errors import DataError

DELIMITERS = (",", ";", "\t", "|")
NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_SAMPLE_BYTES = 256 << 10
_SAMPLE_RECORDS = 50


@dataclass(frozen=True, slots=True)
class Head:
    """How a file is written, found out or stated."""

    delimiter: str
    columns: tuple[str, ...]
    encoding: str
    is_delimiter_stated: bool
    empty_lines: int
    """Lines before the first record: what `skip_lines` and comments left, too."""


@dataclass(frozen=True, slots=True)
class _Record:
    line: int
    values: list[str]


def read_head(path: Path, place: str, options: CsvOptions, known: frozenset[str]) -> Head:
    """Find out how the file is written. `known`: lower-case headers of the contract.

    Raises: DataError when it is empty, when the delimiter is not clear, when the header's names are not.
    """
    sample, is_whole = _read_sample(path, place, options)
    delimiter = options.delimiter or _find_delimiter(sample, is_whole, place, options, known)
    first = next(iter(_records(sample, delimiter, options, 1)), None)
    if first is None:
        raise DataError(f"{place} is empty: it has not even a header.", hint="Have the file sent again.")
    columns = _name_columns(first, place, options)
    encoding, _ = find_encoding(path, options.encoding, place)
    return Head(delimiter, columns, encoding, options.delimiter is not None, first.line - 1)


def _read_sample(path: Path, place: str, options: CsvOptions) -> tuple[str, bool]:
    with CheckedBytes(path, place, options, None) as source:
        sample = source.read(_SAMPLE_BYTES)
        is_whole = len(sample) < _SAMPLE_BYTES
    return sample.decode(errors="ignore"), is_whole


def _records(sample: str, delimiter: str, options: CsvOptions, most: int) -> list[_Record]:
    """The first records that are not empty lines."""
    lines = sample.splitlines(keepends=True) if not options.quote else _split_lines(sample)
    reader = csv.reader(
        lines,
        delimiter=delimiter,
        quotechar=options.quote or None,
        quoting=csv.QUOTE_MINIMAL if options.quote else csv.QUOTE_NONE,
        escapechar=options.escape,
    )
    found: list[_Record] = []
    begin = 1
    try:
        for values in reader:
            if values:
                found.append(_Record(begin, values))
            if len(found) == most:
                break
            begin = reader.line_num + 1
    except csv.Error:
        pass  # a value longer than the csv module takes; the records before it are good enough
    return found


def _split_lines(sample: str) -> list[str]:
    """Lines as CSV knows them: `str.splitlines` would also break at a form feed or U+2028."""
    lines = sample.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _find_delimiter(sample: str, is_whole: bool, place: str, options: CsvOptions, known_columns: frozenset[str]) -> str:
    records = {delimiter: _sample_records(sample, is_whole, delimiter, options) for delimiter in DELIMITERS}
    wide = {delimiter: found for delimiter, found in records.items() if found and len(found[0].values) > 1}
    if not wide:
        return ","  # a single column: there is nothing to part
    if len(wide) == 1:
        return next(iter(wide))
    known = {delimiter: _count_known(found[0].values, known_columns) for delimiter, found in wide.items()}
    best = [delimiter for delimiter in wide if known[delimiter] == max(known.values())]
    if max(known.values()) > 0 and len(best) == 1:
        return best[0]
    even = [delimiter for delimiter, found in wide.items() if len({len(record.values) for record in found}) == 1]
    if len(even) == 1:
        return even[0]
    counts = ", ".join(f"{NAMES[delimiter]} gives {len(found[0].values)} columns" for delimiter, found in wide.items())
    raise DataError(f"the delimiter of {place} is not clear: {counts}.", hint="State it with the option csv.delimiter.")


def _sample_records(sample: str, is_whole: bool, delimiter: str, options: CsvOptions) -> list[_Record]:
    found = _records(sample, delimiter, options, _SAMPLE_RECORDS + 1)
    if not is_whole and len(found) > 1 and len(found) <= _SAMPLE_RECORDS:
        found.pop()  # the sample may have cut it
    return found[:_SAMPLE_RECORDS]


def _count_known(names: Sequence[str], known: frozenset[str]) -> int:
    return sum(name.strip().lower() in known for name in names)


def _name_columns(first: _Record, place: str, options: CsvOptions) -> tuple[str, ...]:
    where = f"{place} line {first.line}"
    if options.columns:
        if len(options.columns) != len(first.values):
            raise DataError(
                f"{where} has {len(first.values)} values, but the option csv.columns names {len(options.columns)} columns.",
                hint="Name every column of the file.",
            )
        return options.columns
    names = [name.strip() for name in first.values]
    check_names(names, f"the header in {where}", "csv.columns")
    return tuple(names)


def check_names(names: Sequence[str], where: str, option: str | None) -> None:
    """Refuse names that no value could be found by. Raises: DataError."""
    hint = f"Correct the header, or name all columns with the option {option}." if option else "Correct the header."
    blank = [str(number) for number, name in enumerate(names, 1) if not name]
    if blank:
        raise DataError(f"{where} has no name for column {', '.join(blank)} of {len(names)}.", hint=hint)
    lower = [name.lower() for name in names]
    twice = sorted({name for name in names if lower.count(name.lower()) > 1})
    if twice:
        raise DataError(
            f"{where} names columns twice (upper and lower case count as the same): {', '.join(twice)}.", hint=hint
        )
