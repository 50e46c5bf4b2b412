"""Real CSV conformance files: the public csv-spectrum set, and DuckDB's collection of torture files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from entrepot.kernel.errors import DataError
from entrepot.ports.relations import Stream
from tests.adapters.files.formats import csv_format

pytestmark = pytest.mark.real
SPECTRUM = (
    "comma_in_quotes", "empty", "empty_crlf", "escaped_quotes", "json", "newlines", "newlines_crlf", "quotes_and_newlines",
    "simple", "simple_crlf", "utf8",
)  # fmt: skip


def read(path: Path) -> list[dict[str, str | None]]:
    """All records as name → value."""
    (part,) = csv_format().parts(path, path.name)
    assert isinstance(part.rows, Stream)
    rows = [row for batch in part.rows.open() for row in batch.to_pylist()]
    assert [row.pop("_faults") for row in rows] == [None] * len(rows)
    assert [row.pop("_record") for row in rows] == list(range(1, len(rows) + 1))
    return rows


@pytest.mark.parametrize("name", SPECTRUM)
def test_spectrum(shared_data: Path, name: str) -> None:
    """Each file of csv-spectrum gives what its JSON says."""
    folder = shared_data / "conformance" / "csv-spectrum"
    wanted = json.loads((folder / "json" / f"{name}.json").read_text())
    rows = read(folder / "csvs" / f"{name}.csv")
    if name == "newlines_crlf":  # the file lost its \r on its way into the collection, its JSON did not
        wanted = [{key: value.replace("\r\n", "\n") for key, value in row.items()} for row in wanted]
    assert rows == wanted


def test_torture_files_end_well(shared_data: Path) -> None:
    """Every file of DuckDB's collection is read to its end or refused in our words: no crash, no foreign error."""
    nameless: list[str] = []
    outcomes = {"read": 0, "refused": 0}
    for path in sorted((shared_data / "conformance" / "duckdb-csv").rglob("*.csv*")):
        if not path.is_file() or path.stat().st_size > 5_000_000:
            continue
        try:
            for part in csv_format().parts(path, path.name):
                assert isinstance(part.rows, Stream)
                numbers = [number for batch in part.rows.open() for number in batch.column("_record").to_pylist()]
                assert numbers == list(range(1, len(numbers) + 1)), path.name
            outcomes["read"] += 1
        except DataError as error:
            nameless += [path.name] if path.name not in str(error) else []
            outcomes["refused"] += 1
    assert nameless == []
    assert outcomes["read"] > 100, outcomes
    assert outcomes["refused"] > 10, outcomes
