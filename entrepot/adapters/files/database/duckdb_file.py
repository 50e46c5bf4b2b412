"""The format `duckdb_file`: a table of a DuckDB database that was dropped as a file, read by a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from entrepot.adapters.files.database.options import DatabaseOptions
from entrepot.intake.sources.formats import FormatContext, Sniffed
from entrepot.kernel.errors import DataError
from entrepot.ports.relations import FAULTS, RECORD, Part, Stream

_CHILD = (sys.executable, "-P", str(Path(__file__).with_name("duckdb_child.py")))


class DuckdbFormat:
    """Tables of DuckDB files; views are never run."""

    def __init__(self, options: DatabaseOptions, context: FormatContext) -> None:
        self._options = options

    def parts(self, path: Path, place: str) -> list[Part]:
        """One part: the table's columns, mostly as text, in the order in which its rows are kept."""
        table = self._find(path, place)
        return [Part(f"{place}#{table.name}", Stream(table.read_schema(), table.batches))]

    def sniff(self, path: Path, place: str) -> Sniffed:
        """The table and its columns."""
        table = self._find(path, place)
        return Sniffed("duckdb_file", tuple(table.read_schema().names), {"table": table.name})

    def _find(self, path: Path, place: str) -> _Table:
        done = subprocess.run([*_CHILD, str(path)], capture_output=True, check=False)
        if done.returncode != 0:
            raise _broken(place, done.returncode, done.stderr)
        tables = [(str(schema), str(name)) for schema, name, _ in json.loads(done.stdout)]
        names = {name if schema == "main" else f"{schema}.{name}": (schema, name) for schema, name in tables}
        found = ", ".join(names) or "none"
        if self._options.table is None and len(names) != 1:
            raise DataError(
                f"{place} has {len(names)} tables: {found}.", hint="Say which with the option duckdb_file.table."
            )
        name = self._options.table or next(iter(names))
        if name not in names:
            raise DataError(
                f"{place} has no table {name}; found: {found} (views are not run).",
                hint="Correct the option duckdb_file.table.",
            )
        return _Table(path, place, name, *names[name])


@dataclass(frozen=True, slots=True)
class _Table:
    path: Path
    place: str
    name: str
    schema: str
    table: str

    def read_schema(self) -> pa.Schema:
        """The columns. Raises: DataError."""
        with self._open() as child:
            found = self._reader(child).schema
            child.kill()
        own = sorted({name for name in found.names if name in (RECORD, FAULTS)})
        if own:
            raise DataError(
                f"{self.place}: the table {self.name} has a column {own[0]}, a name that is kept for system columns."
            )
        return found

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows. Raises: DataError when the process that reads them ends early."""
        with self._open() as child:
            try:
                reader = self._reader(child)
                while (batch := _next(reader)) is not None:
                    yield batch
                error = child.stderr.read() if child.stderr else b""
                if child.wait() != 0:
                    raise _broken(self.place, child.returncode, error)
            except (pa.ArrowException, OSError) as error:
                raise self._ended(child) from error
            finally:
                child.kill()

    def _open(self) -> subprocess.Popen[bytes]:
        command = [*_CHILD, str(self.path), self.schema, self.table]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def _reader(self, child: subprocess.Popen[bytes]) -> pa.RecordBatchReader:
        try:
            return pa.ipc.open_stream(child.stdout)
        except (pa.ArrowException, OSError) as error:
            raise self._ended(child) from error

    def _ended(self, child: subprocess.Popen[bytes]) -> DataError:
        text = child.stderr.read() if child.stderr else b""
        return _broken(self.place, child.wait(), text)


def _next(reader: pa.RecordBatchReader) -> pa.RecordBatch | None:
    try:
        return reader.read_next_batch()
    except StopIteration:
        return None


def _broken(place: str, code: int, error: bytes) -> DataError:
    said = error.decode(errors="replace").strip().splitlines()
    why = said[-1] if said else f"the process that read it ended with {code}"
    return DataError(
        f"{place} cannot be read as a DuckDB database: {why}",
        hint="Perhaps it was cut off on its way, or a newer DuckDB wrote it: have it exported as Parquet.",
    )
