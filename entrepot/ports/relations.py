"""What goes into the engine: streams of Arrow batches, and descriptions of what the engine reads itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

RECORD = "_record"
"""Column of a stream, int64: the record's number in its place, from 1. Without it, records are counted."""
FAULTS = "_faults"
"""Column of a stream: what the reader already knows to be wrong with the record, null when nothing is."""

FAULT_TYPE = pa.list_(
    pa.struct([("column", pa.string()), ("at", pa.string()), ("reason", pa.string()), ("text", pa.string())])
)
"""Each fault: column (null: the whole record), at (cell or line), reason (a rule-like word, `cell_error`,
`ragged_record`), text (what stood there). A fault rejects the record when its column is null or in the contract."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Rows as Arrow batches. `open` may be called again and must give the same rows in the same order.

    Data columns are named as the source names them, of any Arrow type, mostly text; the engine types them by
    the contract. `RECORD` and `FAULTS` may stand among them.
    """

    schema: pa.Schema
    open: Callable[[], Iterator[pa.RecordBatch]]


@dataclass(frozen=True, slots=True)
class ParquetScan:
    """Parquet files of one schema; record numbers are the row numbers in each file."""

    path: Path


@dataclass(frozen=True, slots=True)
class TableVersion:
    """A table of the lake at a version: immutable, so it may be cached by (name, version)."""

    name: str
    version: int


@dataclass(frozen=True, slots=True)
class QueryScan:
    """A SELECT over tables at fixed versions, in DuckDB's dialect.

    `tables` maps each name in the text to a version. `views` maps names to SELECTs (over `tables` and earlier views). `since` limits a table to the rows
    of batches in (after, upto], for models that take only what is new.
    When `carries_record_ids` the query itself gives the system columns `_record_id`, `_origin`.
    """

    sql: str
    tables: Mapping[str, TableVersion]
    views: Mapping[str, str] = field(default_factory=dict)
    since: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    carries_record_ids: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """Rows from one place. `place` is `file.csv`, `book.xlsx#Sheet1`, `erp.orders@cursor`: the first half of `_origin`."""

    place: str
    rows: Stream | ParquetScan | QueryScan
    notes: tuple[str, ...] = ()
    """What people should know of how the place was read though nothing is wrong with any row: rows that a stated rule left out."""


Parts = Iterable[Part]
