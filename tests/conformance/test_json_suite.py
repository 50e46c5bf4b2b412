"""The public JSON test suite: what must be accepted comes out as Python reads it, what must be refused is refused with its place.

`json_suite.csv` has a line for each file: what the format `json` makes of it (`read N`, `rejected reason at line N`, `refused: …`), and why, where the
suite leaves it open. Values that are no objects are taken into a column `value`.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from entrepot.kernel.errors import DataError
from entrepot.ports.relations import FAULTS
from tests.adapters.files.opened import read_rows, reasons

pytestmark = pytest.mark.real
TABLE = Path(__file__).parent / "json_suite.csv"


def table() -> dict[str, dict[str, str]]:
    """The lines of the table by file."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return {line["file"]: line for line in csv.DictReader(file)}


def outcome(path: Path, **options: Any) -> tuple[str, list[dict[str, Any]]]:
    """What we make of a file, in the words of the table; and its rows."""
    try:
        rows = read_rows(path, format="json", json={"value_column": "value", **options})
    except DataError as error:
        said = str(error).removesuffix(error.hint or "").strip()
        return f"refused: {said.replace(path.name, 'it')}", []
    faults = [fault for row in rows for fault in reasons(row)]
    if faults:
        return "rejected " + "; ".join(f"{reason} at {at}" for _, reason, at in faults), rows
    return f"read {len(rows)}", rows


@pytest.fixture(scope="module")
def suite(shared_data: Path) -> Path:
    """The folder of the suite."""
    return shared_data / "conformance" / "json-test-suite"


def test_the_table_has_every_file(suite: Path) -> None:
    """No file is left out, none is invented."""
    assert sorted(table()) == sorted(path.relative_to(suite).as_posix() for path in suite.rglob("*.json"))


@pytest.mark.parametrize("file", sorted(table()))
def test_each_file_comes_out_as_the_table_says(suite: Path, file: str) -> None:
    """y_ is read, n_ is refused or rejected with a place, and the rest is what we stated."""
    ours, rows = outcome(suite / file)
    assert ours == table()[file]["ours"]
    name = Path(file).name
    if name.startswith("y_"):
        assert (rows and not any(row[FAULTS] for row in rows)) or ours == "read 0" or table()[file]["why"]
    if name.startswith("n_"):
        assert not ours.startswith("read")
        assert "line " in ours or "byte " in ours or "is empty" in ours
    if ours.startswith("read"):
        check_values((suite / file).read_bytes(), rows)


def check_values(raw: bytes, rows: list[dict[str, Any]]) -> None:
    """The rows against Python's own reading, with numbers as texts."""
    whole = json.loads(raw, parse_int=lambda text: ("number", text), parse_float=lambda text: ("number", text))
    records = whole if isinstance(whole, list) else [whole]
    assert len(rows) == len(records)
    for row, record in zip(rows, records, strict=True):
        wanted = record if isinstance(record, dict) else {"value": record}
        assert {name for name in row if row[name] is not None} <= {*wanted, "_record"}
        for name, value in wanted.items():
            check_value(row[name], value)


def check_value(text: str | None, value: Any) -> None:
    """One value as text."""
    match value:
        case None | str():
            assert text == value
        case True | False:
            assert text == str(value).lower()
        case ("number", digits):
            assert text == digits
        case _:
            assert text is not None
            assert json.loads(text, parse_int=lambda t: ("number", t), parse_float=lambda t: ("number", t)) == value
