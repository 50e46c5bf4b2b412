"""The formats `json` and `ndjson`: one document with a list of records, and a record on each line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from entrepot.adapters.files.json.document import read_document
from entrepot.adapters.files.json.records import read_lines
from entrepot.adapters.files.lines import TextFile
from entrepot.intake.json_rows.columns import Builder
from entrepot.intake.json_rows.grammar import Scanner
from entrepot.intake.json_rows.members import Opener
from entrepot.intake.json_rows.names import Names
from entrepot.intake.json_rows.options import JsonOptions
from entrepot.intake.json_rows.records import Fault, Records
from entrepot.intake.sources.formats import FormatContext, Sniffed
from entrepot.kernel.errors import DataError
from entrepot.ports.relations import FAULTS, RECORD, Part, Stream

_SAMPLE_RECORDS = 1_000
_MOST_KEYS = 5_000
"""Different keys of a file that is read without a contract."""
_MOST_BESIDE = 200
"""Keys that the contract does not know and that are given nevertheless, so that people see them."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """A file and how it is read; can be begun again."""

    file: TextFile
    options: JsonOptions
    by_line: bool

    def records(self) -> Iterator[Records]:
        """The records from the first one."""
        scanner = Scanner(tells_numbers=self.options.strict_types)
        if self.by_line:
            return read_lines(self.file, scanner)
        return read_document(self.file, scanner, self.options.rows)


class JsonFormat:
    """Documents, or with `by_line` records on lines of their own."""

    def __init__(self, options: JsonOptions, context: FormatContext, *, by_line: bool) -> None:
        self._options = options
        self._context = context
        self._by_line = by_line

    def parts(self, path: Path, place: str) -> list[Part]:
        """One part: columns of text for the contract's columns and further keys of the first records, `RECORD` and `FAULTS`.

        Without a contract the whole file is looked through for keys first.
        """
        reading = self._reading(path, place)
        keys = _find_keys(reading, None if not self._context.columns else _SAMPLE_RECORDS)
        names = Names(self._context.columns, self._choose(keys, place))
        self._refuse_stranger(names, keys, place)
        return [Part(place, Stream(Builder(self._options, names, ()).schema, lambda: self._batches(reading, names)))]

    def sniff(self, path: Path, place: str) -> Sniffed:
        """The keys of the first records, and where these stand."""
        reading = self._reading(path, place)
        keys = _find_keys(reading, _SAMPLE_RECORDS)
        encoding = reading.file.find_encoding().name
        where = "a record on each line" if self._by_line else f"at {'.'.join(self._options.rows) or 'the top'}"
        facts = {"records": where, "encoding": encoding, "keys": f"of the first {_SAMPLE_RECORDS:,} records"}
        return Sniffed("ndjson" if self._by_line else "json", keys, facts)

    def _reading(self, path: Path, place: str) -> _Reading:
        option = f"{'ndjson' if self._by_line else 'json'}.encoding"
        return _Reading(TextFile(path, place, self._options.encoding, option), self._options, self._by_line)

    def _batches(self, reading: _Reading, names: Names) -> Iterator[pa.RecordBatch]:
        builder = Builder(self._options, names, self._context.columns)
        for records in reading.records():
            yield builder.build(records)

    def _choose(self, keys: tuple[str, ...], place: str) -> tuple[str, ...]:
        """The keys that get a column of their own beside the contract's."""
        if self._context.columns:
            return keys[:_MOST_BESIDE]
        if len(keys) > _MOST_KEYS:
            raise DataError(
                f"{place} has {len(keys):,} different keys; without a contract at most {_MOST_KEYS:,} become columns.",
                hint="Are the keys values? Write a contract for those that are meant.",
            )
        return keys

    def _refuse_stranger(self, names: Names, keys: tuple[str, ...], place: str) -> None:
        if self._context.columns and keys and not any(names.knows(key) for key in keys):
            raise DataError(
                f"{place}: no key of its first records is a column of the contract; found: {', '.join(keys[:20])}.",
                hint="Does the file belong here? Other names of a column stand under `entrepot.headers` in the contract.",
            )


def _find_keys(reading: _Reading, most: int | None) -> tuple[str, ...]:
    """Names of the columns that the first records bring, or all. Raises: DataError when none of them is a record at all."""
    opener = Opener(reading.options)
    keys: dict[str, None] = {}
    looked = good = 0
    first: Fault | None = None
    for records in reading.records():
        if reading.by_line and not looked:
            _refuse_list(reading, records.texts[0])
        rows = opener.open(records)
        good += len(rows.values) - len(rows.faults)
        keys.update(dict.fromkeys(key for some in dict.fromkeys(map(tuple, rows.values)) for key in some))
        first = first or next(iter(rows.faults.values()), None)
        looked += len(records.values)
        if most is not None and looked >= most:
            break
    if first is not None and not good:
        raise _no_records(reading, looked, first)
    return tuple(key for key in keys if key not in (RECORD, FAULTS))


def _refuse_list(reading: _Reading, first: str) -> None:
    """A list written over several lines has lines that are records by chance."""
    if first.lstrip().startswith("[") and reading.options.value_column is None:
        raise DataError(
            f"{reading.file.place} begins with a list, not with an object on a line of its own.",
            hint="A document over several lines is read with format: json; lists on lines need ndjson.value_column.",
        )


def _no_records(reading: _Reading, looked: int, first: Fault) -> DataError:
    hint = "Have the file sent again."
    if reading.by_line and first.reason == "bad_json":
        hint = "One document over several lines is read with format: json."
    elif first.reason == "not_an_object":
        hint = (
            "Where the records stand is said with the option json.rows; values that are no objects need value_column."
        )
    return DataError(
        f"{reading.file.place}: none of the first {looked:,} records can be read; at {first.at}: {first.reason}.",
        hint=hint,
    )
