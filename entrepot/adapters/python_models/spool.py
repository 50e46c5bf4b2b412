"""Rows on disk in a file without a name: they can be read again and again, and go away with this object."""

from __future__ import annotations

import io
import os
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from entrepot.kernel.errors import RunError


class Spool:
    """An Arrow stream on disk. Every reading has a place of its own in it, and holds one batch at a time."""

    def __init__(self, scratch: Path) -> None:
        with tempfile.TemporaryFile(dir=scratch) as file:
            self.descriptor = os.dup(file.fileno())
        weakref.finalize(self, os.close, self.descriptor)  # the last that knows the file
        self.rows = 0
        """Set when all is written."""

    @property
    def schema(self) -> pa.Schema:
        """Of the rows."""
        with pa.ipc.open_stream(_Reading(self.descriptor)) as reader:
            return reader.schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All rows, from the first. Raises: RunError when the file does not hold what was written."""
        rows = 0
        with pa.ipc.open_stream(_Reading(self.descriptor)) as reader:
            for batch in reader:
                rows += batch.num_rows
                yield batch
        if rows != self.rows:
            raise RunError(f"a temporary file holds {rows:,} of the {self.rows:,} rows written to it.")

    def reader(self) -> pa.RecordBatchReader:
        """The same, as a reader."""
        return pa.RecordBatchReader.from_batches(self.schema, self.batches())


class _Reading(io.RawIOBase):
    """Reads a descriptor from the start, wherever others stand in it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._at = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        read = os.preadv(self._descriptor, [buffer], self._at)
        self._at += read
        return read
