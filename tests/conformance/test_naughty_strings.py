"""Every naughty string survives from a CSV file through Delta and a query to a CSV export unchanged; as a header and as a file's name it is kept or refused."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from entrepot.kernel.errors import DataError
from tests.adapters.files.csv_reading import read_rows
from tests.real.feeding import RealProject

pytestmark = pytest.mark.real
CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: naughty
version: 1.0.0
status: active
schema:
  - name: strings
    physicalName: bronze.strings
    properties:
      - {name: id, logicalType: integer, required: true}
      - {name: text, logicalType: string}
"""
SOURCE = """\
connector: files
dataset: bronze.strings
options:
  path: storage/strings
  format: csv
  wait: {stable_s: 0}
  csv: {delimiter: ","}
"""
_LONGEST_NAME_BYTES = 200


@pytest.fixture(scope="module")
def strings(shared_data: Path) -> list[str]:
    folder = shared_data / "conformance/naughty-strings"
    return [text for path in sorted(folder.glob("*.json")) for text in json.loads(path.read_text(encoding="utf-8"))]


@pytest.fixture
def project(tmp_path: Path) -> RealProject:
    root = tmp_path / "naughty"
    for name, text in (
        ("entrepot.yaml", "name: naughty\n"),
        ("contracts/strings.odcs.yaml", CONTRACT),
        ("sources/strings.yaml", SOURCE),
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return RealProject(root)


def write_csv(rows: list[tuple[object, ...]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
    return text.getvalue().encode()


def test_as_values(project: RealProject, strings: list[str], tmp_path: Path) -> None:
    """Source, table, query and export, and the export taken in again: the same strings, none rejected."""
    wanted = {str(number): text for number, text in enumerate(strings, 1)}
    assert len(wanted) > 250
    path = tmp_path / "strings.csv"
    path.write_bytes(write_csv([("id", "text"), *wanted.items()]))
    project.drop("strings", path)
    assert project.run().succeeded
    assert {str(row["id"]): row["text"] for row in project.rows("SELECT id, text FROM bronze.strings")} == wanted
    exported = subprocess.run(
        [sys.executable, "-m", "entrepot", "query", "SELECT id, text FROM bronze.strings ORDER BY id", "--csv", "--project", str(project.root)],
        capture_output=True, check=True,
    ).stdout  # fmt: skip
    records = list(csv.reader(io.StringIO(exported.decode(), newline="")))
    assert records[0] == ["id", "text"]
    assert dict(records[1:]) == wanted  # type: ignore[arg-type]
    again = read_rows(tmp_path, exported, delimiter=",")
    assert {row["id"]: row["text"] for row in again} == wanted


def test_as_headers(strings: list[str], tmp_path: Path) -> None:
    """A header is kept but for blanks around it, and its value with it; an empty one is refused."""
    refused = []
    for text in strings:
        content = write_csv([("first", text), ("1", "x")])
        try:
            rows = read_rows(tmp_path, content, delimiter=",")
        except DataError:
            refused.append(text)
            continue
        assert list(rows[0])[:2] == ["first", text.strip()]
        assert rows[0][text.strip()] == "x"
    assert all(not text.strip() for text in refused)


def test_as_names_of_files(project: RealProject, strings: list[str], tmp_path: Path) -> None:
    """Files whose names are naughty are taken, each once and under its name; hidden ones and those with a # are not."""
    allowed: dict[str, str] = {}
    for number, text in enumerate(strings, 1):
        name = f"{text}.csv"
        if "/" in name or "\0" in name or len(name.encode()) > _LONGEST_NAME_BYTES or name in allowed.values():
            continue
        allowed[str(number)] = name
        folder = project.root / "storage/strings/incoming"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(write_csv([("id", "text"), (number, name)]))
    assert len(allowed) > 200
    project.run()
    taken = {
        str(row["id"]): (row["text"], row["_origin"])
        for row in project.rows("SELECT id, text, _origin FROM bronze.strings")
    }
    assert all(text == allowed[number] and origin == f"{text}#1" for number, (text, origin) in taken.items())
    left = {allowed[number] for number in allowed.keys() - taken.keys()}
    assert all("#" in name or name.startswith((".", "~$")) for name in left), left
    waiting = {path.name for path in (project.root / "storage/strings/incoming").iterdir()}
    rejected = {path.name for path in (project.root / "storage/strings/rejected").iterdir()}
    assert left <= waiting | rejected
