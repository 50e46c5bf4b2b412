"""The public Parquet test files: through the reader and the engine each gives the values that pyarrow reads, or is refused; none ends the process.

`parquet_testing.csv` has a line for each file: how many of its columns a contract can hold (numbers, truth values, texts, dates, times), what we make of
it (`N rows` or `refused: …`), and why. Of files without such a column the first column is asked for as text.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from entrepot.contracts.model import Column, Contract
from entrepot.contracts.types import ColumnType, Kind
from entrepot.kernel.errors import EntrepotError
from entrepot.kernel.names import Dataset
from entrepot.ports.engine import SplitTask
from tests.adapters.embedded.landing import STAMP, make_lab
from tests.adapters.files.opened import open_part

pytestmark = pytest.mark.real
TABLE = Path(__file__).parent / "parquet_testing.csv"


def table() -> dict[str, dict[str, str]]:
    """The lines of the table by file."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return {line["file"]: line for line in csv.DictReader(file)}


def find_type(arrow: pa.DataType) -> ColumnType | None:
    """The contract's type of a column, when it has one."""
    match arrow:
        case _ if pa.types.is_boolean(arrow):
            return ColumnType(Kind.BOOLEAN)
        case _ if pa.types.is_integer(arrow):
            return ColumnType(Kind.INTEGER)
        case _ if pa.types.is_floating(arrow):
            return ColumnType(Kind.DOUBLE)
        case _ if pa.types.is_decimal(arrow):
            return ColumnType(Kind.DECIMAL, arrow.precision, arrow.scale)
        case _ if pa.types.is_string(arrow):
            return ColumnType(Kind.STRING)
        case _ if pa.types.is_date(arrow):
            return ColumnType(Kind.DATE)
        case _ if pa.types.is_timestamp(arrow):
            return ColumnType(Kind.TIMESTAMP if arrow.tz else Kind.TIMESTAMP_LOCAL)
    return None


def columns_of(path: Path) -> tuple[Column, ...]:
    """The columns that a contract can hold; else the first, as text."""
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError):
        return ()
    typed = [(field.name, find_type(field.type)) for field in schema]
    found = tuple(Column(name, kind) for name, kind in typed if kind is not None)
    return found or (Column(schema.names[0], ColumnType(Kind.STRING)),)


def outcome(path: Path, folder: Path) -> tuple[str, pa.Table | None]:
    """What we make of a file, and the rows that were staged."""
    try:
        part = open_part(path)
        under = Contract(dataset=Dataset("bronze", "x"), columns=columns_of(path))
        engine = make_lab(folder).engine
        result = engine.split(SplitTask(parts=[part], contract=under, stamp=STAMP), folder / "staged")
    except EntrepotError as error:
        first = str(error).removesuffix(error.hint or "").strip().splitlines()[0]
        return f"refused: {re.sub(r'/[^ ]*/', '', first).replace(path.name, 'it')[:160]}", None
    assert result.counts.rejected == 0
    staged = [pq.read_table(file.path) for file in result.accepted.files]
    rows = pa.concat_tables(staged).sort_by("_record_id") if staged else None
    return f"{result.counts.accepted} rows", rows


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    """The collection."""
    return shared_data / "conformance" / "parquet-testing"


def test_the_table_has_every_file(folder: Path) -> None:
    """No file is left out, none is invented."""
    assert sorted(table()) == sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet"))


@pytest.mark.parametrize("file", sorted(table()))
def test_each_file_comes_out_as_the_table_says(folder: Path, file: str, tmp_path: Path) -> None:
    """Values are those of pyarrow, which does not share a line with the engine; every refusal names a reason."""
    line, path = table()[file], folder / file
    ours, staged = outcome(path, tmp_path)
    assert (ours, str(len(columns_of(path)))) == (line["ours"], line["columns"])
    assert line["why"] or not ours.startswith("refused")
    if file.startswith("bad_data/"):
        assert ours.startswith("refused")
    if staged is not None:
        wanted = pq.read_table(path, coerce_int96_timestamp_unit="us")  # which reaches further than nanoseconds
        for column in columns_of(path):
            check_column(column, wanted.column(column.name), staged.column(column.name))


def check_column(column: Column, wanted: pa.ChunkedArray, staged: pa.ChunkedArray) -> None:
    """Equal in the contract's type, NaN to NaN."""
    target = column.type.arrow()
    ours, theirs = staged.cast(target), wanted.cast(target)
    if pa.types.is_timestamp(target):  # Python's own cannot hold the year 290000
        ours, theirs = ours.cast(pa.int64()), theirs.cast(pa.int64())
    assert [written(value) for value in ours.to_pylist()] == [written(value) for value in theirs.to_pylist()]


def written(value: object) -> str:
    """A value to be compared: NaN is NaN, and DuckDB writes 0.0 and -0.0 alike."""
    return repr(value + 0.0) if isinstance(value, float) else repr(value)
