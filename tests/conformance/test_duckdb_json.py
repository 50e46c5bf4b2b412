"""DuckDB's collection of JSON files: each is read with the values that Python's json sees, or refused; where DuckDB does otherwise, a table says why.

`duckdb_json.csv` has a line for each file: our format and options, what DuckDB reads with its defaults (`rows×columns` or `refuses`), what we make
of the file, and why the two differ.
"""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from entrepot.kernel.errors import DataError
from entrepot.ports.relations import FAULTS
from tests.adapters.files.opened import read_rows, reasons
from tests.conformance.test_json_suite import check_value

pytestmark = pytest.mark.real
TABLE = Path(__file__).parent / "duckdb_json.csv"


def table() -> dict[str, dict[str, str]]:
    """The lines of the table by file."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return {line["file"]: line for line in csv.DictReader(file)}


def outcome(path: Path, format: str, options: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """What we make of a file; and its rows."""
    try:
        rows = read_rows(path, format=format, **{format: options})
    except DataError as error:
        return f"refused: {str(error).removesuffix(error.hint or '').strip().replace(path.name, 'it')}", []
    width = len([name for name in rows[0] if not name.startswith("_")]) if rows else 0
    rejected = [f"{reason} at {at}" for row in rows for _, reason, at in reasons(row)]
    said = f"{len(rows)}×{width}"
    return said + (f", rejected {len(rejected)}: {'; '.join(rejected[:3])}" if rejected else ""), rows


def duckdb_reads(connection: Any, path: Path) -> str:
    """What DuckDB makes of it with its defaults."""
    import duckdb

    try:
        relation = connection.sql(f"SELECT * FROM read_json('{path}')")
        return f"{len(relation.fetchall())}×{len(relation.columns)}"
    except duckdb.Error:
        return "refuses"


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    """The collection."""
    return shared_data / "conformance" / "duckdb-json"


def test_the_table_has_every_file(folder: Path) -> None:
    """No file is left out, none is invented."""
    found = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    assert sorted(table()) == sorted(set(found) - {"SOURCE.txt"})


@pytest.mark.parametrize("file", sorted(table()))
def test_each_file_comes_out_as_the_table_says(folder: Path, file: str) -> None:
    """Values are those of Python's json; whatever differs from DuckDB has a reason in the table."""
    import duckdb

    line = table()[file]
    ours, rows = outcome(folder / file, line["format"], json.loads(line["options"] or "{}"))
    assert ours == line["ours"]
    with duckdb.connect() as connection:
        assert duckdb_reads(connection, folder / file) == line["duckdb"]
    assert line["why"] or ours == line["duckdb"] or (ours.startswith("refused") and line["duckdb"] == "refuses")
    if not ours.startswith("refused"):
        check_rows(folder / file, line, rows)


def check_rows(path: Path, line: dict[str, str], rows: list[dict[str, Any]]) -> None:
    """Every accepted row against the record of that number as Python reads it."""
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()

    def load(one: str) -> Any:
        return json.loads(one, parse_int=lambda t: ("number", t), parse_float=lambda t: ("number", t))

    if line["format"] == "ndjson":
        written = dict(enumerate(text.split("\n"), 1))
        records = {row["_record"]: load(written[row["_record"]]) for row in rows if not row[FAULTS]}
    else:
        whole = load(text)
        rows_key = json.loads(line["options"] or "{}").get("rows")
        whole = whole[rows_key] if rows_key else whole
        records = dict(enumerate(whole if isinstance(whole, list) else [whole], 1))
    for row in rows:
        if not row[FAULTS]:
            record = records[row["_record"]]
            record = record if isinstance(record, dict) else {"value": record}
            assert {name for name, value in row.items() if value is not None} <= {*record, "_record"}
            for name, value in record.items():
                check_value(row[name], value)
