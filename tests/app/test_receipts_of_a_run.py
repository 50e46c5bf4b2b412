"""What a run leaves beside a file with rejects: places and reasons, no value that is protected."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from entrepot.app.project import open_project
from entrepot.app.session import run_project
from entrepot.app.wiring import Platform

CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: visits
version: 1.0.0
status: active
schema:
  - name: visits
    physicalName: bronze.visits
    properties:
      - {name: visit_id, logicalType: string, primaryKey: true}
      - name: email
        logicalType: string
        classification: personal
        logicalTypeOptions: {pattern: ".+@.+"}
      - name: salary
        logicalType: integer
        classification: confidential
      - name: amount
        logicalType: number
        physicalType: DECIMAL(10,2)
        required: true
"""
SOURCE = """\
connector: files
dataset: bronze.visits
write: append
options: {path: storage/visits, pattern: "*.csv", wait: {stable_s: 0}}
"""
FILES = {
    "a.csv": "V1,a@b.de,10,1.50\nV2,SECRETMAIL,10,n/a\nV3,a@b.de,SECRETPAY,2.00\nV4,a@b.de,10,n/a\n",
    "b.csv": "V5,a@b.de,10,1.50\nV6,a@b.de,10,\nV7,SECRETMAIL,SECRETPAY\n",
    "c.csv": "V8,a@b.de,10,1.50\n",
}


@pytest.fixture
def processed(tmp_path: Path) -> Path:
    """The folder of processed files after a run over three files in one batch."""
    for name, content in {
        "entrepot.yaml": "name: visits\n", "contracts/visits.odcs.yaml": CONTRACT, "sources/visits.yaml": SOURCE,
        **{f"storage/visits/incoming/{name}": f"visit_id,email,salary,amount\n{rows}" for name, rows in FILES.items()},
    }.items():  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    report = run_project(Platform(open_project(tmp_path)))
    assert report.succeeded
    return tmp_path / "storage" / "visits" / "processed"


def test_each_file_of_a_batch_has_its_own_faults_with_a_place(processed: Path) -> None:
    """Counted per file although the batch had three; the first place is the example, with its value where that is open."""
    found = json.loads((processed / "a.csv.receipt.json").read_text())["findings"]
    assert {(f["rule"], f["rows"], f["example_at"], f["example_value"]) for f in found} == {
        ("type:amount", 2, "record 2", "n/a"),
        ("pattern:email", 1, "record 2", None),
        ("type:salary", 1, "record 3", None),
    }
    assert found[0]["rule"] == "type:amount"
    other = json.loads((processed / "b.csv.receipt.json").read_text())["findings"]
    assert [(f["rule"], f["rows"], f["example_value"]) for f in other] == [
        ("ragged_record", 1, None),
        ("required:amount", 1, None),
    ]


def test_protected_values_and_whole_records_are_never_shown(processed: Path) -> None:
    """Neither a personal nor a confidential value, nor a broken record, which may hold either."""
    receipts = [path.read_text() for path in processed.glob("*.receipt.*")]
    assert len(receipts) == 4
    assert not any("SECRET" in text for text in receipts)


def test_a_file_without_rejects_has_no_receipt(processed: Path) -> None:
    """Nothing to say."""
    assert sorted(path.name for path in processed.glob("c*")) == ["c.csv"]
