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
    has_origins: bool = False
    """True: the column `_origin`, a text, is each row's origin as a whole, in place of the part's place and a record number."""


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
class TableChange:
    """The rows, by content, that came to a table between two versions, or that went: a multiset, without what only moved between files."""

    name: str
    after: int
    upto: int
    removed: bool = False
    """False: the rows that came; True: those that went. Both have the columns of version `upto`."""
    without: tuple[str, ...] = ()
    """Columns that do not count: rows that differ in nothing else are the same. They are null."""


@dataclass(frozen=True, slots=True)
class StagedRows:
    """Rows in Parquet files of one schema that the engine has written aside."""

    paths: tuple[Path, ...]


TOUCHED = "touched.keys"
"""The name under which a limited SELECT reads the keys that may have changed."""


@dataclass(frozen=True, slots=True)
class KeyFigures:
    """What the engine found out about the touched values of one key column."""

    low: object
    """The least value that is not null; None when there is none."""
    high: object
    holds_null: bool
    values: tuple[object, ...] | None = None
    """All of them, null as None, where they are few and the only key."""


@dataclass(frozen=True, slots=True)
class Refresh:
    """How to compute only what may have changed of a query's rows: first the touched keys, then the query limited to them."""

    keys: tuple[str, ...]
    """Columns of the query that tell its rows apart, or groups of them."""
    touched: str
    """A SELECT of those columns over `tables`; it may give too many keys, never too few."""
    tables: Mapping[str, TableVersion | TableChange]
    """What `touched` reads."""
    limit: Callable[[Mapping[str, KeyFigures]], str]
    """Key column → figures to the query with only the rows whose keys stand in `TOUCHED`, null equal to null."""
    most_touched: float = 0.5
    """With a larger share of the table's keys touched, all is computed anew: that is quicker."""


@dataclass(frozen=True, slots=True)
class QueryScan:
    """A SELECT over tables at fixed versions, in DuckDB's dialect.

    `tables` maps each name in the text to what it stands for. `views` maps names to SELECTs (over `tables` and earlier views).
    When `carries_record_ids` the query itself gives the system columns `_record_id`, `_origin`. Where rows are judged
    (`Engine.split`), `refresh` says how to judge only those that may have changed; a plain query ignores it.
    """

    sql: str
    tables: Mapping[str, TableVersion | TableChange | StagedRows]
    views: Mapping[str, str] = field(default_factory=dict)
    carries_record_ids: bool = False
    may_repeat_records: bool = True
    """False: no join, union or unnest could give a record more than once."""
    refresh: Refresh | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """Rows from one place. `place` is `file.csv`, `book.xlsx#Sheet1`, `erp.orders@cursor`: the first half of `_origin`."""

    place: str
    rows: Stream | ParquetScan | QueryScan
    notes: tuple[str, ...] = ()
    """What people should know of how the place was read though nothing is wrong with any row: rows that a stated rule left out."""


Parts = Iterable[Part]
