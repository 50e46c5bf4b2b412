"""Rows that a program appends to a journal file: a line each, values parted by tabs, as PostgreSQL's COPY writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from entrepot.connectors import Capability, ConnectorSpec, FieldSpec, Options, ReaderContext
from entrepot.kernel.errors import DataError, RunError, SystemError_
from entrepot.kernel.points import reached
from entrepot.kernel.positions import Cursor, Position
from entrepot.ports.relations import FAULT_TYPE, FAULTS, RECORD, Part, Stream

_BATCH_ROWS = 16_384
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "b": "\b", "f": "\f", "v": "\v"}


@dataclass(frozen=True, slots=True)
class JournalOptions:
    """Which file, and what its columns are called."""

    path: Path
    columns: tuple[str, ...]


class JournalReader:
    """Reads the bytes (after, upto] of a file that only grows; a position is the number of bytes taken so far.

    Nothing is copied when a range is claimed: bytes that were written once do not change. That they are still the same
    file's bytes is checked where it can be: a file that became shorter is refused.
    """

    def __init__(self, options: JournalOptions, context: ReaderContext) -> None:
        self._path = context.root / options.path
        self._columns = options.columns
        self._flow = context.flow

    def find_next(self, previous: Position | None) -> Cursor | None:
        """From where the last range ended to the end of the last whole line."""
        after = int(_as_cursor(previous).upto or 0) if previous is not None else None
        upto = self._find_end(after or 0)
        return Cursor(after, upto) if upto > (after or 0) else None

    def claim(self, position: Position) -> Cursor:
        """Nothing to do: the range is fixed by its two ends."""
        reached("claim.before")
        reached("claim.moved")
        reached("claim.after")
        return _as_cursor(position)

    def read(self, position: Position) -> list[Part]:
        """One part: columns of text. A line with too few or too many values is a fault of that record only."""
        cursor = _as_cursor(position)
        begin, end = int(cursor.after or 0), int(cursor.upto or 0)
        if self._size() < end:
            raise DataError(
                f"{self._path.name} has {self._size():,} bytes, but {end:,} were taken: it was cut off or written anew.",
                hint="A journal only grows. Give a new file a source of its own.",
            )
        schema = pa.schema(
            [*(pa.field(name, pa.string()) for name in self._columns), (RECORD, pa.int64()), (FAULTS, FAULT_TYPE)]
        )
        place = f"{self._flow}.{self._path.name}@{begin}"
        return [Part(place, Stream(schema, lambda: self._batches(schema, begin, end)))]

    def acknowledge(self, position: Position) -> None:
        """Nothing to tell: the file belongs to the program that writes it."""
        reached("acknowledge.moved")

    def refuse(self, position: Position, reason: str) -> None:
        """Nothing to tell."""

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except OSError as error:
            raise SystemError_(
                f"the journal {self._path} cannot be reached: {error.strerror}.", hint="Check the option path."
            ) from error

    def _find_end(self, begin: int) -> int:
        """The place after the last line end: a line that is still being written waits."""
        end = self._size()
        with self._path.open("rb") as file:
            while end > begin:
                start = max(begin, end - (1 << 16))
                file.seek(start)
                found = file.read(end - start).rfind(b"\n")
                if found >= 0:
                    return start + found + 1
                end = start
        return begin

    def _batches(self, schema: pa.Schema, begin: int, end: int) -> Iterator[pa.RecordBatch]:
        rows: list[tuple[list[str | None], int, list[dict[str, str | None]] | None]] = []
        for number, line in enumerate(self._lines(begin, end), 1):
            rows.append((*self._parse(line, number),))
            if len(rows) == _BATCH_ROWS:
                yield self._batch(schema, rows)
                rows = []
        if rows:
            yield self._batch(schema, rows)

    def _lines(self, begin: int, end: int) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            file.seek(begin)
            while begin < end:
                line = file.readline()
                begin += len(line)
                yield line.removesuffix(b"\n")

    def _parse(self, line: bytes, number: int) -> tuple[list[str | None], int, list[dict[str, str | None]] | None]:
        try:
            values = [_unescape(value) for value in line.decode().split("\t")]
        except UnicodeDecodeError:
            return self._faulty("not_utf8", line, number)
        if len(values) != len(self._columns):
            return self._faulty("ragged_record", line, number)
        return values, number, None

    def _faulty(
        self, reason: str, line: bytes, number: int
    ) -> tuple[list[str | None], int, list[dict[str, str | None]]]:
        fault = {"column": None, "at": f"line {number}", "reason": reason, "text": line.decode(errors="replace")}
        return [None] * len(self._columns), number, [fault]

    def _batch(self, schema: pa.Schema, rows: list[tuple[list[str | None], int, object]]) -> pa.RecordBatch:
        values = [pa.array([row[0][place] for row in rows], pa.string()) for place in range(len(self._columns))]
        numbers, faults = pa.array([row[1] for row in rows], pa.int64()), pa.array([row[2] for row in rows], FAULT_TYPE)
        return pa.RecordBatch.from_arrays([*values, numbers, faults], schema=schema)


def _unescape(value: str) -> str | None:
    if value == r"\N":
        return None
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), value)


def _as_cursor(position: Position) -> Cursor:
    if not isinstance(position, Cursor):
        raise RunError(f"a journal was given a position of kind {position.kind}; it reads kind cursor only.")
    return position


def _build(options: Options, context: ReaderContext) -> JournalReader:
    return JournalReader(JournalOptions(Path(options["path"]), options["columns"]), context)


SPEC = ConnectorSpec(
    name="journal",
    summary="Rows that a program appends to a text file, as PostgreSQL's COPY writes them.",
    description="""\
Each batch takes the whole lines that were appended since last time; a line that is still being written waits. Values are
parted by tabs, \\N is null, and \\t, \\n, \\\\ stand for the signs themselves. The file must only grow: one that became
shorter is refused, and a rotated file is a new file with a source of its own.""",
    example_yaml="""\
connector: journal
options:
  path: /var/log/shop/clicks.tsv
  columns: [id, text]
""",
    fields=(
        FieldSpec(name="path", type="string", required=True, description="The file, from the project's folder or absolute."),
        FieldSpec(name="columns", type="strings", required=True, description="Names of the values, in their order."),
    ),
    factory=_build,
    capabilities=frozenset({Capability.CURSOR}),
)  # fmt: skip
