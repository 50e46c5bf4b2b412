"""Lint: every fault of a contract is found at its line and column, and a good contract of somebody else does not look broken."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import jsonschema
import pytest

from entrepot.contracts.lint import Verdict, find_contract_files, lint_file
from entrepot.contracts.load import write_contract
from entrepot.contracts.odcs.document import plain
from entrepot.contracts.odcs.reading import read_document

HERE = Path(__file__).parent
WRONG = HERE / "wrong"


def read_table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as table:
        return list(csv.DictReader(table))


EXPECTED = read_table(WRONG / "EXPECTED.csv")
PUBLIC = read_table(HERE / "EXPECTED_LINT.csv")


@pytest.mark.req("F2")
@pytest.mark.parametrize("row", EXPECTED, ids=lambda row: row["file"])
def test_a_wrong_contract_is_refused_at_its_place(row: dict[str, str]) -> None:
    """Each of our wrong contracts has one fault; it is told with its line, column and code, what came, and what to do."""
    report = lint_file(WRONG / row["file"])
    assert report.verdict is Verdict.REFUSED
    assert len(report.errors) == int(row["errors"])
    first = report.errors[0]
    assert (first.place.line, first.place.column, first.code) == (int(row["line"]), int(row["column"]), row["code"])
    assert row["words"] in first.message
    assert (first.hint or "").startswith(row["hint"])
    assert {finding.place.path.name for finding in report.errors} == {row["file"]}


def test_every_wrong_contract_is_expected() -> None:
    """EXPECTED.csv names each wrong contract once, and there are more than forty."""
    names = [row["file"] for row in EXPECTED]
    assert sorted(names) == sorted(path.name for path in WRONG.glob("*.yaml"))
    assert len(names) == len(set(names)) >= 40


@pytest.mark.real
@pytest.mark.req("F2")
@pytest.mark.parametrize("row", PUBLIC, ids=lambda row: row["file"])
def test_a_public_contract_gets_the_verdict_that_is_written_down(shared_data: Path, row: dict[str, str]) -> None:
    """Accepted or refused as EXPECTED_LINT.csv says, at the lines and for the reasons that stand there."""
    report = lint_file(shared_data / "conformance" / row["file"])
    assert (report.verdict, len(report.errors), len(report.notes)) == (
        row["verdict"],
        int(row["errors"]),
        int(row["notes"]),
    )
    if report.errors:
        for finding, reason in zip(report.errors, row["why"].split(" | "), strict=True):
            line, code, words = reason.split(" ", 2)
            assert (str(finding.place.line), finding.code) == (line, code)
            assert words in finding.message


@pytest.mark.real
def test_no_public_contract_is_forgotten_by_lint(shared_data: Path) -> None:
    """EXPECTED_LINT.csv names every public contract file."""
    root = shared_data / "conformance"
    rooms = ("odcs/examples", "datacontract-cli")
    there = {str(path.relative_to(root)) for room in rooms for path in (root / room).rglob("*.yaml")}
    assert there == {row["file"] for row in PUBLIC}


LENIENT = {
    "datacontract-cli/changelog/integration/changelog_integration_v2.yaml": "logicalType timestamp, which came with 3.1",
    "datacontract-cli/lint/valid.odcs.yaml": "team as a mapping, which came with 3.1",
    "datacontract-cli/quality-dimensions/datacontract.yaml": "metric, which 3.0 called rule",
    "odcs/examples/data-types/all-data-types.odcs.yaml": "logicalTypes of 3.1; exclusiveMinimum was true or false by mistake in 3.0",
}
"""What we take although the schema of the file's own version refuses it: words of a later 3.x. Each file says v3.0.x."""
STRICTER = {
    "datacontract-cli/odcs_v3/full-example.odcs.yaml": "an unknown key: the schema of 3.0 leaves most objects open, lint does not",
}
"""What we refuse although the schema of the file's own version lets it pass."""


@pytest.mark.real
@pytest.mark.req("F2")
def test_the_standards_own_schemas_give_the_same_verdict(shared_data: Path) -> None:
    """The JSON schema of the file's own version accepts what lint accepts and refuses what lint refuses; the exceptions are listed above."""
    root = shared_data / "conformance"
    lenient, stricter, agreed = set(), set(), 0
    for row in PUBLIC:
        document = read_document(root / row["file"])
        version = document.root.text("apiVersion")
        if version is None:  # of another standard
            assert row["verdict"] == Verdict.REFUSED
            continue
        schema = json.loads((root / f"odcs/schema/odcs-json-schema-{version}.json").read_text())
        value = json.loads(json.dumps(plain(document.root), default=float))
        valid = jsonschema.Draft201909Validator(schema).is_valid(value)
        accepted = row["verdict"] != Verdict.REFUSED
        agreed += valid == accepted
        lenient |= {row["file"]} if accepted and not valid else set()
        stricter |= {row["file"]} if valid and not accepted else set()
    assert (lenient, stricter, agreed) == (set(LENIENT), set(STRICTER), 19)


@pytest.mark.real
@pytest.mark.req("F2")
def test_the_standards_examples_are_good_and_written_back_unchanged(shared_data: Path, tmp_path: Path) -> None:
    """Each example of the standard passes, with names of ours put in it loads where we hold its types, and its bytes survive."""
    seen = 0
    for path in sorted((shared_data / "conformance/odcs/examples").rglob("*.yaml")):
        report = lint_file(path)
        assert report.verdict is Verdict.FOREIGN, [str(finding) for finding in report.errors]
        document = read_document(path)
        write_contract(document, tmp_path / path.name)
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()
        seen += 1
    assert seen == 8


def test_a_foreign_contract_is_good_until_it_claims_to_be_ours(tmp_path: Path) -> None:
    """Without a dataset of ours what is missing is a note; in the project's folder, or with a word of ours, it is an error."""
    path = tmp_path / "orders.odcs.yaml"
    text = (
        "apiVersion: v3.1.0\nkind: DataContract\nid: x\nversion: 1.0.0\nstatus: active\n"
        "schema:\n- name: orders\n  physicalName: dbo.Orders\n  properties:\n  - {name: order id, logicalType: string}\n"
    )
    path.write_text(text)
    report = lint_file(path)
    assert (report.verdict, report.is_ours, report.errors) == (Verdict.FOREIGN, False, ())
    assert {note.code for note in report.notes} == {"contract.dataset", "contract.column"}
    assert lint_file(path, is_ours=True).verdict is Verdict.REFUSED
    path.write_text(text.replace("dbo.Orders", "Bronze.Orders"))
    assert lint_file(path).verdict is Verdict.REFUSED
    path.write_text(text + "customProperties:\n- {property: entrepot.timeZone, value: UTC}\n")
    assert lint_file(path).verdict is Verdict.REFUSED


def test_what_is_not_evaluated_is_a_warning(tmp_path: Path) -> None:
    """A rule that nobody can judge is told, and the contract stays good."""
    path = tmp_path / "sales.odcs.yaml"
    path.write_text(
        "apiVersion: v3.2.0\nkind: DataContract\nid: x\nversion: 1.0.0\n"
        "schema:\n- name: sales\n  physicalName: bronze.sales\n  properties: [{name: a, logicalType: string}]\n"
        "  quality:\n  - {type: custom, engine: soda, implementation: x}\n"
    )
    report = lint_file(path)
    assert report.verdict is Verdict.GOOD
    (warning,) = report.warnings
    assert (warning.code, warning.place.line) == ("contract.not_evaluated", 10)


def test_files_of_a_folder_are_found_but_hidden_ones(tmp_path: Path) -> None:
    """Folders are searched downwards; what begins with a dot is left out."""
    (tmp_path / "a/.git").mkdir(parents=True)
    for name in ("b.yaml", "a/c.odcs.yml", "a/.d.yaml", "a/.git/e.yaml", "a/f.json"):
        shutil.copy(WRONG / "empty.odcs.yaml", tmp_path / name)
    assert [path.name for path in find_contract_files(tmp_path)] == ["c.odcs.yml", "b.yaml"]
