"""What the engine's tests share: an engine over Parquet files, contracts and tasks in few words, outputs as rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from entrepot.adapters.embedded.engine import DuckEngine
from entrepot.contracts.model import Column, Contract
from entrepot.contracts.row_rules import AnyRule
from entrepot.contracts.types import ColumnType, Kind
from entrepot.kernel.names import Dataset
from entrepot.kernel.rows import Stamp
from entrepot.ports.engine import SplitResult, SplitTask, Staged
from entrepot.ports.relations import ParquetScan, Part, Stream, TableChange, TableVersion

STAMP = Stamp(5, "erp", datetime(2026, 1, 1, tzinfo=UTC))

INTEGER = ColumnType(Kind.INTEGER)
STRING = ColumnType(Kind.STRING)
DOUBLE = ColumnType(Kind.DOUBLE)
BOOLEAN = ColumnType(Kind.BOOLEAN)
DATE = ColumnType(Kind.DATE)
TIMESTAMP = ColumnType(Kind.TIMESTAMP)
LOCAL = ColumnType(Kind.TIMESTAMP_LOCAL)
MONEY = ColumnType(Kind.DECIMAL, 12, 2)


def contract(*rules: AnyRule, zone: str = "UTC", **columns: ColumnType | Column) -> Contract:
    """A contract of bronze.sales."""
    made = tuple(c if isinstance(c, Column) else Column(name, c) for name, c in columns.items())
    return Contract(dataset=Dataset("bronze", "sales"), columns=made, rules=rules, time_zone=zone)


def stream(columns: Mapping[str, Sequence[object] | pa.Array], batch_rows: int = 1000) -> Stream:
    """A stream from columns; lists without a type are texts."""
    table = pa.table({k: v if isinstance(v, pa.Array) else pa.array(list(v), pa.string()) for k, v in columns.items()})

    def batches() -> Iterator[pa.RecordBatch]:
        yield from table.to_batches(max_chunksize=batch_rows)

    return Stream(table.schema, batches)


def rows_of(staged: Staged) -> list[dict[str, Any]]:
    """Rows of staged files in the order of their ids, in the columns of the schema."""
    found: list[dict[str, Any]] = []
    for file in staged.files:
        table = pq.read_table(file.path).select(staged.schema.names)
        assert table.num_rows == file.rows
        assert file.size_bytes == file.path.stat().st_size
        found += table.cast(staged.schema).to_pylist()
    return sorted(found, key=lambda row: (row.get("_record_id") or 0, str(row)))


@dataclass(frozen=True, slots=True)
class Split:
    """A result together with its rows."""

    result: SplitResult
    accepted: list[dict[str, Any]]
    rejected: list[dict[str, Any]]

    @property
    def reasons(self) -> list[list[str]]:
        """Rule ids of each rejected row."""
        return [[reason["rule"] for reason in row["reasons"]] for row in self.rejected]

    def column(self, name: str) -> list[Any]:
        """A column of the accepted rows."""
        return [row[name] for row in self.accepted]

    @property
    def raw(self) -> list[dict[str, str | None]]:
        """The rejected rows as they came."""
        return [json.loads(row["row"]) for row in self.rejected]


@dataclass(frozen=True, slots=True)
class Lab:
    """An engine with a lake of Parquet files, one per table."""

    folder: Path
    engine: DuckEngine

    def table(self, name: str, rows: pa.Table) -> TableVersion:
        """Put a table into the lake."""
        pq.write_table(rows, self.folder / f"{name}.parquet")
        return TableVersion(name, 0)

    def parquet(self, name: str, columns: Mapping[str, Sequence[object] | pa.Array]) -> ParquetScan:
        """A Parquet file with these columns."""
        path = self.folder / name
        made = stream(columns)
        pq.write_table(pa.Table.from_batches(made.open(), made.schema), path)
        return ParquetScan(path)

    def split(self, under: Contract | None, *parts: Part | Mapping[str, Any] | Stream, **options: Any) -> Split:
        """Split parts; mappings are streams of texts at `a.csv`, `b.csv`, …"""
        made = []
        for number, part in enumerate(parts):
            place = f"{chr(ord('a') + number)}.csv"
            made.append(
                part if isinstance(part, Part) else Part(place, part if isinstance(part, Stream) else stream(part))
            )
        task = SplitTask(parts=made, contract=under, stamp=options.pop("stamp", STAMP), **options)
        result = self.engine.split(task, self.folder / "staged")
        assert result.counts.closes
        assert result.counts.accepted == result.accepted.rows
        assert result.counts.rejected == result.rejected.rows
        return Split(result, rows_of(result.accepted), rows_of(result.rejected))


def make_lab(folder: Path, **options: Any) -> Lab:
    """A laboratory in a folder."""

    def resolve(_: duckdb.DuckDBPyConnection, table: TableVersion | TableChange) -> str:
        return f"SELECT * FROM read_parquet('{folder / table.name}.parquet')"

    return Lab(folder, DuckEngine(resolve, threads=2, temp=folder / "temp", **{"zone": "UTC", **options}))
