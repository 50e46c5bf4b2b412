"""Parquet files are left to the engine; broken ones are refused here."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from entrepot.adapters.files.parquet import ParquetFormat
from entrepot.kernel.errors import DataError
from entrepot.ports.relations import ParquetScan


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A whole file."""
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"id": [1, 2], "text": ["a", None]}), path)
    return path


def test_whole_file_is_scanned(path: Path) -> None:
    """The part names the file; nothing is read."""
    (part,) = ParquetFormat().parts(path, "x.parquet")
    assert part.place == "x.parquet"
    assert part.rows == ParquetScan(path)
    assert ParquetFormat().sniff(path, "x.parquet").facts["rows"] == "2"


@pytest.mark.parametrize("cut", [0, 3, 100, -1])
def test_cut_file_is_refused(path: Path, cut: int) -> None:
    """A file without its footer is refused."""
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DataError, match=r"x\.parquet is not a Parquet file"):
        ParquetFormat().parts(path, "x.parquet")


def test_double_names_are_refused(tmp_path: Path) -> None:
    """Columns that an engine could not tell apart are refused."""
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table([[1], [2]], names=["a", "A"]), path)
    with pytest.raises(DataError, match="twice"):
        ParquetFormat().parts(path, "x.parquet")


@pytest.mark.parametrize(("nanoseconds", "is_taken"), [(43_200_000_001_000, True), (43_200_000_000_001, False)])
def test_times_finer_than_microseconds_are_refused(tmp_path: Path, nanoseconds: int, is_taken: bool) -> None:
    """The engine would cut them off without a word; times that lose nothing are taken."""
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"at": pa.array([nanoseconds, None], pa.time64("ns"))}), path)
    if is_taken:
        assert ParquetFormat().parts(path, "x.parquet")
    else:
        with pytest.raises(DataError, match="column at holds times finer than microseconds"):
            ParquetFormat().parts(path, "x.parquet")
