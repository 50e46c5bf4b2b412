"""Parts made ready for the pass: matched to the contract, and grouped where they look alike.

Many small parts become one group, so that they are judged by one statement; parts with other types or other columns start a new one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from entrepot.adapters.embedded.conversions import ABSENT
from entrepot.adapters.embedded.headers import match_headers
from entrepot.adapters.embedded.quoting import ident, literal
from entrepot.contracts.model import Contract
from entrepot.contracts.types import Kind
from entrepot.kernel.errors import DataError
from entrepot.kernel.rows import CORRECTS, ORIGIN, RECORD_ID, SOURCE
from entrepot.ports.relations import FAULTS, RECORD, ParquetScan, Part, Stream

if TYPE_CHECKING:
    import duckdb

BRINGABLE = (RECORD_ID, ORIGIN, SOURCE)
"""System columns that a query may bring itself."""

SCANS_AT_ONCE = 64
"""Parquet files in one statement."""
WINDOW_ROWS = 1_000_000
"""Rows of Parquet files in one statement: bounds the output files and what is held to find missing rows."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """One part and how its columns stand to the contract's."""

    number: int
    part: Part
    headers: Mapping[str, str]
    """contract column → source column."""
    types: tuple[tuple[str, str], ...]
    """(contract column, type as text): parts with equal ones may share a statement."""
    has_faults: bool = False
    has_corrects: bool = False
    brings: tuple[str, ...] = ()
    rows: int = 0
    """Rows as the file's footer has them; 0 for streams."""
    ignored: tuple[str, ...] = ()
    """Source columns that the contract does not know."""

    @property
    def signature(self) -> tuple[Any, ...]:
        """What two parts must have in common to be judged by one statement."""
        is_scan = isinstance(self.part.rows, ParquetScan)
        return (is_scan, self.types, self.has_faults, self.has_corrects, self.brings)


@dataclass(frozen=True, slots=True)
class Source:
    """A relation to be judged.

    Its columns are `__r<n>` for the contract's n-th column, `__rn`, `__rec`, `__place` and what else is said here.
    """

    relation: str
    types: Mapping[str, str]
    """contract column → DuckDB type, or ABSENT."""
    has_faults: bool = False
    has_corrects: bool = False
    brings: tuple[str, ...] = ()
    place: str | None = None
    """The place of all rows, where they have one: a constant costs less than a column."""


def prepare_stream(
    contract: Contract, number: int, part: Part, stream: Stream, brings: tuple[str, ...] = ()
) -> Prepared:
    """Match a stream's columns. Raises: DataError where that cannot be done."""
    own = {RECORD, FAULTS, CORRECTS, *brings}
    found = [name for name in stream.schema.names if name not in own]
    headers = match_headers(contract, found, part.place)
    names = set(stream.schema.names)
    types = tuple(
        (column.name, str(stream_type(stream.schema, headers.get(column.name)))) for column in contract.columns
    )
    ignored = tuple(name for name in found if name not in headers.values())
    return Prepared(number, part, headers, types, FAULTS in names, CORRECTS in names, brings, ignored=ignored)


def stream_type(schema: pa.Schema, header: str | None) -> pa.DataType:
    """The type in which a stream's column is handed to DuckDB; an absent one is an empty text, so that parts with and without it go together."""
    return pa.string() if header is None else readable_type(schema.field(header).type)


def readable_type(arrow: pa.DataType) -> pa.DataType:
    """The type in which a column is handed to DuckDB: a column of nothing is a text, and dates and instants have one form each."""
    if pa.types.is_null(arrow):
        return pa.string()
    if pa.types.is_date64(arrow):
        return pa.date32()
    if pa.types.is_timestamp(arrow) and arrow.tz is not None:
        return pa.timestamp("us", tz="UTC")
    return arrow


def prepare_scan(
    contract: Contract, connection: duckdb.DuckDBPyConnection, number: int, part: Part, scan: ParquetScan
) -> Prepared:
    """Match a Parquet file's columns, and take its number of rows from its footer. Raises: DataError."""
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_metadata(scan.path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{part.place}: not readable as Parquet: {error}.",
            hint="Look whether the file was cut off, and bring it again.",
        ) from error
    described = connection.execute(f"DESCRIBE SELECT * FROM {_read(scan)}").fetchall()
    kinds = {str(name): str(kind) for name, kind, *_ in described}
    headers = match_headers(contract, list(kinds), part.place)
    _refuse_int96(contract, metadata, headers, part.place)
    types = tuple((name, kinds[header]) for name, header in headers.items())
    ignored = tuple(name for name in kinds if name not in headers.values() and name != "file_row_number")
    return Prepared(number, part, headers, types, rows=metadata.num_rows, ignored=ignored)


def describe_misfits(contract: Contract, parts: Sequence[Prepared]) -> tuple[str, ...]:
    """What sources lack of the contract's columns or bring beyond them, in words, each pattern once."""
    seen: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for part in parts:
        missing = tuple(column.name for column in contract.columns if column.name not in part.headers)
        if missing or part.ignored:
            seen.setdefault((missing, part.ignored), []).append(part.part.place)
    notes = []
    for (missing, ignored), places in seen.items():
        words = [f"no column for {', '.join(missing)} (null in every row)"] if missing else []
        words += [f"ignored {', '.join(ignored)}, which the contract does not know"] if ignored else []
        others = f" and {len(places) - 1} more" if len(places) > 1 else ""
        notes.append(f"{places[0]}{others}: {'; '.join(words)}")
    return tuple(notes)


def _read(scan: ParquetScan) -> str:
    return f"read_parquet({literal(str(scan.path))}, file_row_number = true, hive_partitioning = false)"


def _refuse_int96(contract: Contract, metadata: Any, headers: Mapping[str, str], place: str) -> None:
    """The old timestamps do not say whether they are instants; only in UTC it is the same."""
    old = {
        metadata.schema.column(i).path
        for i in range(metadata.num_columns)
        if metadata.schema.column(i).physical_type == "INT96"
    }
    for name, header in headers.items():
        column_type = contract.column(name).type
        zone = column_type.zone or contract.time_zone
        if header in old and column_type.kind is Kind.TIMESTAMP and zone != "UTC":
            raise DataError(
                f"{place}: column {header} holds INT96 timestamps, of which nobody can say whether they are UTC or {zone}.",
                hint="Write the file with INT64 timestamps.",
            )


def group_parts(prepared: Sequence[Prepared]) -> list[list[Prepared]]:
    """Runs of parts that look alike, in order."""
    groups: list[list[Prepared]] = []
    for part in prepared:
        alike = bool(groups) and groups[-1][-1].signature == part.signature
        if alike and not (isinstance(part.part.rows, ParquetScan) and len(groups[-1]) >= SCANS_AT_ONCE):
            groups[-1].append(part)
        else:
            groups.append([part])
    return groups


@dataclass(frozen=True, slots=True)
class Window:
    """Consecutive rows of a Parquet file, numbered from 0; `first_row` is the number of the first one in the batch."""

    item: Prepared
    start: int
    end: int
    first_row: int


def cut_windows(group: Sequence[Prepared], first_row: int) -> list[list[Window]]:
    """Parquet files in portions of at most `WINDOW_ROWS` rows: large files are cut, small ones go together."""
    portions: list[list[Window]] = []
    room = 0
    for item in group:
        start = 0
        while start < item.rows:
            if not room:
                portions.append([])
                room = WINDOW_ROWS
            end = min(item.rows, start + room)
            portions[-1].append(Window(item, start, end, first_row + start))
            room -= end - start
            start = end
        first_row += item.rows
    return portions


def scan_source(contract: Contract, windows: Sequence[Window]) -> Source:
    """Windows of Parquet files as one relation. DuckDB skips row groups outside of a window."""
    selects = []
    for window in windows:
        item = window.item
        assert isinstance(item.part.rows, ParquetScan)
        columns = [
            f"{ident(item.headers[column.name])} AS __r{i}"
            for i, column in enumerate(contract.columns)
            if column.name in item.headers
        ]
        numbers = [
            f"{window.first_row - window.start} + file_row_number AS __rn",
            "file_row_number + 1 AS __rec",
            f"{literal(item.part.place)} AS __place",
        ]
        where = f"file_row_number >= {window.start} AND file_row_number < {window.end}"
        selects.append(f"SELECT {', '.join(numbers + columns)} FROM {_read(item.part.rows)} WHERE {where}")
    group = [window.item for window in windows]
    types = {column.name: ABSENT for column in contract.columns} | dict(group[0].types)
    return Source(f"({' UNION ALL '.join(selects)})", types, place=_one_place(group))


def _one_place(group: Sequence[Prepared]) -> str | None:
    places = {item.part.place for item in group}
    return places.pop() if len(places) == 1 else None


def stream_source(
    contract: Contract, connection: duckdb.DuckDBPyConnection, relation: str, group: Sequence[Prepared]
) -> Source:
    """A registered stream as a relation; `relation` must hold a table of its schema while this is asked."""
    kinds = {
        str(name): str(kind) for name, kind, *_ in connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    }
    types = {column.name: kinds.get(f"__r{i}", ABSENT) for i, column in enumerate(contract.columns)}
    first = group[0]
    return Source(relation, types, first.has_faults, first.has_corrects, first.brings, _one_place(group))
