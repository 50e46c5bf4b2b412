"""Parquet files aside from any table: written by one COPY, named, with their figures."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from entrepot.adapters.embedded.quoting import literal
from entrepot.adapters.embedded.stats import read_stats
from entrepot.ports.engine import StagedFile

if TYPE_CHECKING:
    import duckdb

FORMAT = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, DICTIONARY_SIZE_LIMIT 1000, ROW_GROUP_SIZE 61440, RETURN_STATS"
"""Larger dictionaries cost a sixth of the writing and save nothing; smaller row groups keep memory down. See benchmarks."""


def empty_folder(folder: Path) -> None:
    """Make `folder` exist and hold nothing."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)


@dataclass(slots=True)
class Staging:
    """The files of one landing: `accepted-<k>.parquet`, `rejected-<k>.parquet`, numbered from 0."""

    connection: duckdb.DuckDBPyConnection
    folder: Path
    schema: pa.Schema
    accepted: list[StagedFile] = field(default_factory=list)
    rejected: list[StagedFile] = field(default_factory=list)
    raw_rejects: list[Path] = field(default_factory=list)
    """Files that hold the rejected rows of a pass, one JSON text per row."""

    def write_accepted(self, select: str, options: str = "") -> int:
        """Write rows of the table as one file (more, when the options say so); return their number."""
        rows = [row for row in self._copy(select, self.folder / "pass-accepted", options) if row[1]]
        for row in rows:
            self.accepted.append(self._keep(row, "accepted", len(self.accepted), self.schema))
        return sum(int(row[1]) for row in rows)

    def write_raw_rejects(self, select: str) -> int:
        """Write the JSON texts of rejected rows aside; return their number."""
        path = self.folder / f"pass-{len(self.raw_rejects)}.parquet"
        self.raw_rejects.append(path)
        return sum(int(row[1]) for row in self._copy(select, path, ""))

    def write_rejected(self, select: str, schema: pa.Schema) -> None:
        """Write a SELECT of quarantine rows as one file."""
        for row in self._copy(select, self.folder / "pass-rejected", ""):
            if row[1]:
                self.rejected.append(self._keep(row, "rejected", len(self.rejected), schema))

    def replace_accepted(self, number: int, select: str) -> None:
        """Write an accepted file anew from a SELECT; it goes when nothing is left."""
        old = self.accepted[number]
        (row,) = self._copy(select, old.path.with_suffix(".new"), "")
        Path(row[0]).replace(old.path)
        self.accepted[number] = read_stats(self.schema, row, old.path)

    def drop_empty(self) -> None:
        """Forget and delete accepted files without rows."""
        for file in self.accepted:
            if not file.rows:
                file.path.unlink()
        self.accepted = [file for file in self.accepted if file.rows]

    def clean(self) -> None:
        """Remove what only the passes needed."""
        for aside in self.folder.glob("pass-*"):
            shutil.rmtree(aside) if aside.is_dir() else aside.unlink()

    def _keep(self, row: Any, kind: str, number: int, schema: pa.Schema) -> StagedFile:
        path = self.folder / f"{kind}-{number}.parquet"
        Path(row[0]).replace(path)
        return read_stats(schema, row, path)

    def _copy(self, select: str, to: Path, options: str) -> list[Any]:
        extra = f", {options}" if options else ""
        return self.connection.execute(f"COPY ({select}) TO {literal(str(to))} ({FORMAT}{extra})").fetchall()


def read_files(files: Iterable[Path], options: str = "") -> str:
    """SQL: staged files as one relation."""
    listed = ", ".join(literal(str(file)) for file in files)
    return f"read_parquet([{listed}], hive_partitioning = false{options})"
