"""Rows of SQLite as Arrow batches of text, and the file in which a claimed range waits until it is settled."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from entrepot.intake.landing.durable import make_folder, sync_folder
from entrepot.kernel.ids import new_token
from entrepot.ports.relations import FAULT_TYPE, FAULTS, RECORD, Stream

_BATCH_ROWS = 4096


@dataclass(frozen=True, slots=True)
class NotText:
    """A text of the database that is not UTF-8."""

    size_bytes: int


def decode_text(value: bytes) -> str | NotText:
    """What SQLite calls text, as text: the connection's `text_factory`."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return NotText(len(value))


def rows_schema(names: Sequence[str]) -> pa.Schema:
    """Columns of text, and what every stream carries."""
    columns = [pa.field(name, pa.string()) for name in names]
    return pa.schema([*columns, pa.field(RECORD, pa.int64()), pa.field(FAULTS, FAULT_TYPE)])


def read_batches(names: Sequence[str], rows: sqlite3.Cursor) -> Iterator[pa.RecordBatch]:
    """Fetch rows in flat memory, numbered from 1. A blob, or text that is not UTF-8, is null with a fault."""
    schema = rows_schema(names)
    first = 1
    while fetched := rows.fetchmany(_BATCH_ROWS):
        faults: dict[int, list[dict[str, str]]] = {}
        columns = [
            pa.array([_to_text(value, name, first, place, faults) for place, value in enumerate(values)], pa.string())
            for name, values in zip(names, zip(*fetched, strict=True), strict=True)
        ]
        numbers = pa.array(range(first, first + len(fetched)), pa.int64())
        marks = pa.array([faults.get(place) for place in range(len(fetched))], FAULT_TYPE)
        yield pa.RecordBatch.from_arrays([*columns, numbers, marks], schema=schema)
        first += len(fetched)


def _to_text(value: object, name: str, first: int, place: int, faults: dict[int, list[dict[str, str]]]) -> str | None:
    match value:
        case None | str():
            return value
        case int():
            return str(value)
        case float():
            return repr(value)
        case bytes():
            reason, text = "binary_value", f"{len(value)} bytes"
        case NotText(size):
            reason, text = "invalid_text", f"{size} bytes that are not UTF-8"
        case _:
            raise AssertionError(f"SQLite has no values of type {type(value).__name__}")
    fault = {"column": name, "at": f"record {first + place}", "reason": reason, "text": text}
    faults.setdefault(place, []).append(fault)
    return None


@dataclass(frozen=True, slots=True)
class Extract:
    """The rows of one range, in an Arrow stream on disk."""

    path: Path

    def exists(self) -> bool:
        """True when the rows are kept."""
        return self.path.is_file()

    def write(self, names: Sequence[str], rows: sqlite3.Cursor) -> None:
        """Keep the rows durably, and nothing else in the folder: a crash may have left ranges that were never planned."""
        make_folder(self.path.parent)
        aside = self.path.with_name(f".{new_token()}.tmp")
        with aside.open("wb") as file:
            with pa.ipc.new_stream(file, rows_schema(names)) as writer:
                for batch in read_batches(names, rows):
                    writer.write_batch(batch)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self.path)
        for other in [*self.path.parent.glob("*.arrow"), *self.path.parent.glob(".*.tmp")]:
            if other != self.path:
                other.unlink(missing_ok=True)
        sync_folder(self.path.parent)

    def stream(self) -> Stream:
        """The kept rows."""
        with pa.OSFile(str(self.path)) as file, pa.ipc.open_stream(file) as reader:
            return Stream(reader.schema, self._batches)

    def remove(self) -> None:
        """Forget them. Repeatable."""
        if self.exists():
            self.path.unlink()
            sync_folder(self.path.parent)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        with pa.OSFile(str(self.path)) as file, pa.ipc.open_stream(file) as reader:
            yield from reader
