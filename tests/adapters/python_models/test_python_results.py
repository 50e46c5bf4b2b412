"""What a Python model's function may give, and when two results are the same."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from entrepot.adapters.python_models.alike import find_difference, fingerprint
from entrepot.adapters.python_models.results import BATCH_ROWS, WrongResult, read_batches
from entrepot.adapters.python_models.spool import Spool
from entrepot.kernel.errors import ProjectError, RunError

pytestmark = pytest.mark.req("F11")

TABLE = pa.table({"id": [1, 2, 3], "name": ["a", None, "Müller"]})


def collect(result: object) -> pa.Table:
    return pa.Table.from_batches(read_batches(result))


def pieces() -> Iterator[object]:
    yield TABLE.slice(0, 1)
    yield TABLE.slice(1).to_batches()[0]
    yield TABLE.slice(0, 0)


@pytest.mark.parametrize(
    "result",
    [
        TABLE,
        TABLE.to_batches()[0],
        TABLE.to_reader,
        lambda: iter(TABLE.to_batches(max_chunksize=1)),
        pieces,
        TABLE.set_column(1, "name", TABLE["name"].dictionary_encode()),
        TABLE.cast(pa.schema([("id", pa.int64()), ("name", pa.large_string())])),
        TABLE.cast(pa.schema([("id", pa.int64()), ("name", pa.string_view())])),
        TABLE.cast(pa.schema([pa.field("id", pa.int64(), nullable=False), ("name", pa.string())], {"made": "by me"})),
        lambda: duckdb.from_arrow(TABLE),
    ],
)
def test_every_shape_of_result_is_the_same_table(result: object) -> None:
    """Readers, batches, iterators, encoded columns and relations give equal rows and types."""
    found = collect(result() if callable(result) else result)
    assert found == TABLE
    assert found.schema.metadata is None


@pytest.mark.parametrize("result", [TABLE.slice(0, 0), TABLE.slice(0, 0).to_reader(), iter([TABLE.slice(0, 0)])])
def test_no_rows_are_a_result(result: object) -> None:
    """An empty table keeps its columns."""
    assert collect(result) == TABLE.schema.empty_table()


def test_batches_are_of_bounded_length() -> None:
    """Whatever the function gives at once."""
    rows = 3 * BATCH_ROWS + 5
    batch = pa.record_batch({"a": pa.arange(0, rows, 1)})
    for result in (batch, pa.Table.from_batches([batch]), iter([batch])):
        found = list(read_batches(result))
        assert [part.num_rows for part in found] == [BATCH_ROWS] * 3 + [5]


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (None, "it gave a NoneType; allowed is a pyarrow.Table"),
        ([TABLE], "it gave a list"),
        (dt.date(2026, 1, 1), "it gave a datetime.date"),
        (iter([TABLE, 4711]), "it yielded a int"),
        (iter([]), "it gave no table at all"),
        (iter([TABLE, TABLE.select(["id"])]), "other columns: first id, name, then id"),
        (iter([TABLE, TABLE.set_column(0, "id", TABLE["name"])]), "other types: id is first int64, then string"),
        (TABLE.append_column("ID", TABLE["id"]), "has the column (id|ID) more than once"),
        (TABLE.append_column("id", TABLE["id"]), "has the column id more than once"),
        (TABLE.append_column("_Record_Id", TABLE["id"]), "the column _Record_Id, a name of the platform's own"),
        (TABLE.append_column("_faults", TABLE["id"]), "a name of the platform's own"),
        (TABLE.select([]), "has no columns"),
    ],
)
def test_what_is_no_table_is_refused(result: object, said: str) -> None:
    """The message says what came, without values."""
    with pytest.raises(WrongResult, match=said) as caught:
        collect(result)
    assert "4711" not in str(caught.value)


# --- rows on disk ---------------------------------------------------------------------------------------------------


def spooled(folder: Path, table: pa.Table) -> Spool:
    spool = Spool(folder)
    with open(spool.descriptor, "wb", closefd=False) as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    spool.rows = table.num_rows
    return spool


def test_two_readings_do_not_disturb_each_other(tmp_path: Path) -> None:
    """Each stands at a place of its own; the file has no name."""
    spool = spooled(tmp_path, TABLE)
    first, second = spool.batches(), spool.batches()
    assert [next(first), next(second)] == [next(spool.batches())] * 2
    assert pa.Table.from_batches([*first]) == pa.Table.from_batches([*second])
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_lost_rows_is_found(tmp_path: Path) -> None:
    """The number of rows is checked at the end of each reading."""
    spool = spooled(tmp_path, TABLE)
    spool.rows = 4
    with pytest.raises(RunError, match="holds 3 of the 4 rows"):
        list(spool.batches())


# --- the same result or not -----------------------------------------------------------------------------------------

ALL_TYPES = pa.table(
    {
        "whole": [1, None, 3],
        "half": [0.5, float("nan"), None],
        "exact": pa.array([Decimal("1.10"), None, Decimal("-3.00")], pa.decimal128(10, 2)),
        "day": [dt.date(2026, 1, 1), None, dt.date(9999, 12, 31)],
        "instant": pa.array([0, None, 5], pa.timestamp("us", "UTC")),
        "text": ["a", None, ""],
        "bytes": [b"\0", None, b""],
        "list": [[1, None], None, []],
        "inner": [{"x": 1, "y": None}, None, {"x": None, "y": "z"}],
        "nothing": pa.nulls(3),
        'odd "name': [True, None, False],
    }
)


def test_results_are_compared_without_order(tmp_path: Path) -> None:
    """Rows in another order are the same result, for every type."""
    other = pa.concat_tables([ALL_TYPES.slice(2), ALL_TYPES.slice(0, 2)])
    assert find_difference(fingerprint(spooled(tmp_path, ALL_TYPES)), fingerprint(spooled(tmp_path, other))) is None


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (TABLE.slice(0, 2), "3 rows, then 2"),
        (TABLE.rename_columns(["id", "other"]), "other columns or types"),
        (TABLE.set_column(0, "id", pa.array([1, 2, 4])), "other values in id"),
        (TABLE.set_column(1, "name", pa.array(["a", "", "Müller"])), "other values in name"),
        (TABLE.set_column(0, "id", pa.array([2, 1, 3])), "the same values, but in other rows together"),
        (TABLE.set_column(0, "id", pa.array([1, 1, 2])).set_column(1, "name", pa.array(["b"] * 3)), "other values in id, name"),
    ],
)  # fmt: skip
def test_what_differs_is_named(tmp_path: Path, other: pa.Table, said: str) -> None:
    """Columns and numbers of rows, never values."""
    assert find_difference(fingerprint(spooled(tmp_path, TABLE)), fingerprint(spooled(tmp_path, other))) == said


def test_types_that_no_table_can_hold_are_refused(tmp_path: Path) -> None:
    """By the column's name and type."""
    table = pa.table({"a": pa.array([1], pa.decimal256(60, 0))})
    with pytest.raises(ProjectError, match=r"a is of type decimal256\(60, 0\)"):
        fingerprint(spooled(tmp_path, table))


@pytest.mark.skipif(find_spec("polars") is None, reason="polars is not installed")
def test_polars_results() -> None:
    """Frames, lazy ones and categories are plain columns."""
    import polars as pl

    frame = pl.from_arrow(TABLE)
    assert isinstance(frame, pl.DataFrame)
    assert collect(frame) == collect(frame.lazy()) == collect(iter([frame])) == TABLE
    assert collect(frame.with_columns(pl.col("name").cast(pl.Categorical))) == TABLE
