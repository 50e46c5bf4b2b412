"""A file's name tells its format; packing endings are passed over, and what is not read is said by name."""

from __future__ import annotations

import pytest

from entrepot.adapters.files.source import FORMATS
from entrepot.intake.sources.opening import find_format
from entrepot.kernel.errors import DataError


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("a.csv", "csv"), ("A.CSV.GZ", "csv"), ("a.csv.zip", "csv"), ("a.ndjson.zst", "ndjson"), ("a.xlsx", "excel"),
        ("a.ods", "excel"), ("a.parquet", "parquet"), ("b.2026-01.json", "json"), ("access.log", "access_log"),
    ],
)  # fmt: skip
def test_names_that_tell(name: str, format: str) -> None:
    """By the last ending, upper or lower case."""
    assert find_format(name, FORMATS).name == format


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a.rar", "an archive of files"), ("a.pdf", "PDF"), ("a.zip", "no extension"), ("a", "no extension"),
        ("a.parquet.gz", "no extension"),
    ],
)  # fmt: skip
def test_names_that_do_not(name: str, said: str) -> None:
    """Refused, with what is read and how to say what is inside."""
    with pytest.raises(DataError, match=said) as caught:
        find_format(name, FORMATS)
    assert "option format" in str(caught.value.hint)
