"""DuckDB's collection of awkward CSV files: each is read right, or refused; where the reference does otherwise, a table says why.

`duckdb_csv.csv` has a line for each file and way of reading it: options of ours, what DuckDB's own tests make of the file (`rows×columns` or
`refuses`), what we make of it, and the reason when the two differ. Values are compared with two other readings of the same options: Python's `csv`
module and DuckDB's parser, all as text.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from entrepot.adapters.files.csv.header import read_head
from entrepot.adapters.files.csv.options import CsvOptions
from entrepot.kernel.errors import DataError
from entrepot.ports.relations import FAULTS, RECORD, Stream
from tests.adapters.files.formats import csv_format

pytestmark = pytest.mark.real
TABLE = Path(__file__).parent / "duckdb_csv.csv"
Values = list[list[str]]


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the table."""

    file: str
    options: dict[str, Any]
    reference: str
    ours: str
    why: str

    @property
    def is_hive(self) -> bool:
        """The reference takes columns from the names of folders."""
        return "=" in self.file


@pytest.fixture(scope="module")
def connection() -> Iterator[Any]:
    """DuckDB's parser."""
    import duckdb

    with duckdb.connect() as opened:
        yield opened


def cases() -> list[Case]:
    """All lines of the table."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return [
            Case(row["file"], json.loads(row["options"] or "{}"), row["reference"], row["ours"], row["why"])
            for row in csv.DictReader(file)
        ]


def read_ours(path: Path, options: dict[str, Any]) -> tuple[str, Values]:
    """What our reader makes of the file, in the table's words, and the values of whole records."""
    try:
        (part,) = csv_format(**_frozen(options)).parts(path, path.name)
        assert isinstance(part.rows, Stream)
        rows = [row for batch in part.rows.open() for row in batch.to_pylist()]
    except DataError as error:
        return f"refused: {error.message.replace(path.name, 'it')}", []
    assert [row[RECORD] for row in rows] == list(range(1, len(rows) + 1))
    good = [[value or "" for value in list(row.values())[:-2]] for row in rows if row[FAULTS] is None]
    rejected = len(rows) - len(good)
    return f"{len(good)}×{len(part.rows.schema) - 2}" + (f", {rejected} rejected" if rejected else ""), good


def read_python(path: Path, options: dict[str, Any]) -> Values:
    """The same by Python's csv module: records as wide as the header, below it."""
    head = read_head(path, path.name, CsvOptions(**_frozen(options)), frozenset())
    data = path.read_bytes()
    text = (gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data).decode(
        options.get("encoding", "utf-8-sig")
    )
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")[options.get("skip_lines", 0) :]
    lines = [line for line in lines if not line.startswith(options.get("comment", "\0"))]
    delimiter, quote = head.delimiter, options.get("quote", '"')
    csv.field_size_limit(1 << 30)
    reader = csv.reader(
        io.StringIO("\n".join(lines).replace(delimiter, "\x1f"), newline=""),
        delimiter="\x1f",
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        escapechar=options.get("escape"),
    )
    records = [[value.replace("\x1f", delimiter) for value in record] for record in reader if record]
    records = records[options.get("header", True) :]
    records = records[: len(records) - options.get("skip_last", 0)]
    return [record[: len(head.columns)] for record in records if len(record) == head.width]


def read_duckdb(connection: Any, path: Path, options: dict[str, Any]) -> Values:
    """The same by DuckDB's parser, told how the file is written."""
    head = read_head(path, path.name, CsvOptions(**_frozen(options)), frozenset())
    quote = head.options.quote_sign
    said = {
        "delim": head.delimiter, "quote": quote, "escape": head.options.escape or quote, "header": head.options.header, "nullstr": "",
        "comment": head.options.comment or "", "skip": head.options.skip_lines, "all_varchar": True, "hive_partitioning": False,
    }  # fmt: skip
    arguments = ", ".join(f"{name} = ${name}" for name in said)
    rows = connection.execute(f"SELECT * FROM read_csv($path, {arguments})", {"path": str(path), **said}).fetchall()
    return [[value or "" for value in row] for row in rows]


def _frozen(options: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}


def test_table_is_whole(shared_data: Path) -> None:
    """Every file of the collection is in the table, as the reference says; where we do otherwise a reason stands there."""
    with (shared_data / "conformance/duckdb-csv/EXPECTED.csv").open(encoding="utf-8", newline="") as file:
        expected = {
            row["file"]: "refuses" if row["error"] else f"{row['rows_by_duckdb_auto']}×{row['columns']}"
            for row in csv.DictReader(file)
        }
    assert {case.file: case.reference for case in cases()} == expected
    for case in cases():
        agrees = case.ours == case.reference or (case.reference == "refuses" and case.ours.startswith("refused"))
        assert agrees or case.why, case.file


@pytest.mark.parametrize("letters", ["0", "a", "b", "c-e", "f-i", "j-m", "n-q", "r-s", "t", "u-z", "~"])
def test_files(shared_data: Path, connection: Any, letters: str) -> None:
    """Each file gives what the table says, value for value what Python's csv module reads and, where it accepts it, DuckDB."""
    folder = shared_data / "conformance/duckdb-csv"
    wrong: list[tuple[str, object]] = []
    chosen = [case for case in cases() if _is_in(case.file[0], letters)]
    assert chosen
    for case in chosen:
        outcome, values = read_ours(folder / case.file, case.options)
        if outcome != case.ours:
            wrong.append((case.file, outcome))
        elif not outcome.startswith("refused"):
            plain = [[value.replace("\r\n", "\n").replace("\r", "\n") for value in record] for record in values]
            if plain != read_python(folder / case.file, case.options):
                wrong.append((case.file, "Python's csv reads other values"))
            if (
                outcome == case.reference
                and "columns" not in case.options
                and values != read_duckdb(connection, folder / case.file, case.options)
            ):
                wrong.append((case.file, "DuckDB reads other values"))
    assert wrong == []


def _is_in(letter: str, letters: str) -> bool:
    if letters == "0":
        return letter < "a"
    return letter > "z" if letters == "~" else letters[0] <= letter <= letters[-1]
