"""A small lake for the tests of the Delta adapter: real files, staged as an engine would."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from entrepot.adapters.embedded.delta.layout import LOG
from entrepot.adapters.embedded.delta.reader import delta_relation
from entrepot.adapters.embedded.delta.tables import DeltaTables
from entrepot.ports.engine import ColumnStats, Staged, StagedFile
from entrepot.ports.writer import Append, Batch, Committed, WriteMode

NAME = "bronze.sales"
SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("shop", pa.string()),
        ("amount", pa.decimal128(18, 2)),
        ("sold_on", pa.date32()),
        ("sold_at", pa.timestamp("us", tz="UTC")),
        ("_batch", pa.int64()),
        ("_warnings", pa.list_(pa.string())),
    ]
)


def sale(id: int, shop: str | None = "a", amount: str | None = "1.00", batch: int = 1) -> dict[str, Any]:
    """One row."""
    return {
        "id": id,
        "shop": shop,
        "amount": None if amount is None else Decimal(amount),
        "sold_on": date(2026, 1, 1 + id % 28),
        "sold_at": datetime(2026, 1, 1, 12, 0, 0, id % 1_000_000, tzinfo=UTC),
        "_batch": batch,
        "_warnings": None,
    }


def figures(done: Committed | None) -> tuple[int, int, int]:
    """Version, rows added, rows removed."""
    assert done is not None
    return done.version, done.added, done.removed


@dataclass
class Lake:
    """A lake in a folder, with a way to stage and to read."""

    folder: Path

    def __post_init__(self) -> None:
        self.root = self.folder / "lake"
        self.tmp = self.folder / "tmp"
        self.tmp.mkdir(parents=True, exist_ok=True)
        self.tables = DeltaTables(self.root)

    def fresh(self) -> DeltaTables:
        """The same lake as another process sees it."""
        return DeltaTables(self.root)

    def path(self, name: str = NAME) -> Path:
        return self.tables.handle(name).path

    def log(self, version: int, name: str = NAME) -> Path:
        return self.path(name) / LOG / f"{version:020d}.json"

    def stage(
        self,
        rows: list[dict[str, Any]],
        schema: pa.Schema = SCHEMA,
        files: int = 1,
        stats: Mapping[str, ColumnStats] | None = None,
    ) -> Staged:
        """Rows as staged files, each a slice."""
        staged = []
        step = max(1, -(-len(rows) // files))
        for start in range(0, len(rows), step):
            table = pa.Table.from_pylist(rows[start : start + step], schema=schema)
            path = self.tmp / f"{uuid.uuid4().hex}.parquet"
            pq.write_table(table, path)
            staged.append(StagedFile(path, table.num_rows, path.stat().st_size, stats or {}))
        return Staged(schema, tuple(staged))

    def batch(
        self,
        sequence: int,
        rows: list[dict[str, Any]],
        mode: WriteMode | None = None,
        flow: str = "shop-in",
        **stage: Any,
    ) -> Batch:
        return Batch(flow, sequence, self.stage(rows, **stage), mode or Append(), {"contract": "c1", "counts": [1, 2]})

    def commit(
        self,
        sequence: int,
        rows: list[dict[str, Any]],
        mode: WriteMode | None = None,
        flow: str = "shop-in",
        name: str = NAME,
        **stage: Any,
    ) -> Committed:
        return self.tables.commit(name, self.batch(sequence, rows, mode, flow, **stage))

    def read(self, name: str = NAME, version: int | None = None, **options: Any) -> list[tuple[Any, ...]]:
        """All rows, sorted."""
        with duckdb.connect() as connection:
            relation = delta_relation(connection, self.tables, self.tables.pin(name, version), **options)
            table = connection.execute(f"SELECT * FROM {relation}").to_arrow_table()
        return sorted((tuple(row.values()) for row in table.to_pylist()), key=repr)

    def ids(self, version: int | None = None, name: str = NAME) -> list[int]:
        return sorted(row[0] for row in self.read(name, version, columns=["id"]))

    def actions(self, version: int, kind: str, name: str = NAME) -> list[dict[str, Any]]:
        lines = map(json.loads, self.log(version, name).read_text().splitlines())
        return [line[kind] for line in lines if kind in line]
