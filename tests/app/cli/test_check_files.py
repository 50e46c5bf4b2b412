"""`entrepot check` shows how waiting files would be read, for people and for machines; it moves nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from entrepot.app.cli.check import check_project

CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: sales
version: 1.0.0
status: active
schema:
  - name: sales
    physicalName: bronze.sales
    properties:
      - {name: id, logicalType: string, required: true}
      - {name: sold_on, logicalType: date, logicalTypeOptions: {format: MM/dd/yyyy}}
      - {name: amount, logicalType: number}
"""
SOURCE = "connector: files\ndataset: bronze.sales\noptions:\n  path: storage/sales\n  wait: {stable_s: 0}\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    files = {
        "entrepot.yaml": "name: shop\n",
        "contracts/sales.odcs.yaml": CONTRACT,
        "sources/sales.yaml": SOURCE,
        "storage/sales/incoming/a.csv": "id;sold_on;amount\n1;03/04/2025;2.50\n",
        "storage/sales/incoming/b.csv": "id;sold_on;amount\n1;03/04/2025;2,50\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.req("F2")
def test_for_machines(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each fact by its name; a file that could be read in two ways is refused with the option that decides."""
    check_project(project, as_json=True)
    good, bad = json.loads(capsys.readouterr().out)["files"]
    assert (good["file"], good["refused"], good["columns"]) == ("a.csv", False, ["id", "sold_on", "amount"])
    assert good["facts"]["delimiter"] == "semicolon (found out)"
    assert good["facts"]["values"] == "1 × integer, 1 × date d/m/y or m/d/y, 1 × number"
    assert "could be dd/MM/yyyy or MM/dd/yyyy; the contract decides for MM/dd/yyyy" in good["facts"]["look at"]
    assert (bad["file"], bad["refused"]) == ("b.csv", True)
    assert "csv.decimal" in bad["reason"]
    assert {path.name for path in (project / "storage/sales/incoming").iterdir()} == {"a.csv", "b.csv"}


def test_for_people(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line a fact, and the sum of it first; no value of a record is shown."""
    check_project(project, as_json=False)
    text = capsys.readouterr().out
    assert "1 waiting file(s) would be refused; 1 waiting file(s) should be looked at" in " ".join(text.split())
    lines = [line.split("\t") for line in text.splitlines() if "\t" in line]
    assert ["sales", "a.csv", "format", "csv"] in lines
    assert ["", "", "encoding", "utf-8 (assumed)"] in lines
    assert any(line[1:3] == ["b.csv", "would be refused"] for line in lines)
    assert "2.50" not in text
