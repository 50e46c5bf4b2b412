"""A page of a Parquet file that no longer agrees with its checksum refuses the file; files without checksums cost nothing."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from entrepot.adapters.files.parquet_pages import find_damaged_page
from entrepot.kernel.errors import DataError
from tests.adapters.files.opened import open_part


def write(folder: Path, **options: object) -> Path:
    """Several row groups, columns of many kinds, long statistics."""
    path = folder / "x.parquet"
    rows = pa.table(
        {
            "n": list(range(20_000)),
            "long": ["x" * 5_000 + str(number % 7) for number in range(20_000)],
            "some": pa.array([None if number % 3 else number / 7 for number in range(20_000)]),
            "list": pa.array([[number] * (number % 3) for number in range(20_000)], pa.list_(pa.int64())),
        }
    )
    pq.write_table(rows, path, row_group_size=7_000, **options)
    return path


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("compression", ["snappy", "zstd", "none"])
def test_every_damage_is_found(tmp_path: Path, version: str, compression: str) -> None:
    """Of a whole file no page is blamed; wherever a byte within a page changes, that page is named."""
    path = write(tmp_path, write_page_checksum=True, data_page_version=version, compression=compression)
    metadata = pq.read_metadata(path)
    assert find_damaged_page(path, metadata) is None
    whole = path.read_bytes()
    chance = random.Random(3)
    for _ in range(10):
        group, column = chance.randrange(metadata.num_row_groups), chance.randrange(metadata.num_columns)
        chunk = metadata.row_group(group).column(column)
        last = (chunk.dictionary_page_offset or chunk.data_page_offset) + chunk.total_compressed_size - 1
        broken = bytearray(whole)
        broken[last] ^= 1 << chance.randrange(8)
        path.write_bytes(broken)
        found = find_damaged_page(path, metadata)
        assert found is not None
        assert f"of column {chunk.path_in_schema} in row group {group + 1}" in found


def test_reader_refuses_it(tmp_path: Path) -> None:
    """The refusal names file and page, before a row is given."""
    path = write(tmp_path, write_page_checksum=True)
    chunk = pq.read_metadata(path).row_group(0).column(0)
    broken = bytearray(path.read_bytes())
    broken[(chunk.dictionary_page_offset or chunk.data_page_offset) + chunk.total_compressed_size // 2] ^= 1
    path.write_bytes(broken)
    with pytest.raises(DataError, match=r"x\.parquet is damaged: the checksum of page \d+ of column n in row group 1"):
        open_part(path)


def test_files_without_checksums_are_left_to_the_engine(tmp_path: Path) -> None:
    """Nothing can be said, and nothing is."""
    path = write(tmp_path)
    broken = bytearray(path.read_bytes())
    broken[100] ^= 1
    path.write_bytes(broken)
    assert find_damaged_page(path, pq.read_metadata(path)) is None
