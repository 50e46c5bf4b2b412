"""The public contracts with quality checks: which rules rows are judged by, which the whole dataset, and that they find what is wrong."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from entrepot.app.project import open_project
from entrepot.app.session import run_project
from entrepot.app.wiring import Platform
from entrepot.contracts.load import LoadedContracts, load_contracts
from entrepot.kernel.names import Dataset
from entrepot.sql.set_rules import compile_rule
from tests.crash.shop import drop

pytestmark = pytest.mark.real

with (Path(__file__).parent / "EXPECTED.csv").open(newline="") as table:
    EXPECTED = list(csv.DictReader(table))
FILES = list(dict.fromkeys(row["file"] for row in EXPECTED))
OLDER = "datacontract-cli/quality/datacontract.yaml"
"""Written in the older specification, which we refuse: the test says it in ODCS, its checks to the letter."""
TYPES = {"varchar": "string", "integer": "integer", "timestamp": "timestamp"}


def as_odcs(older: Any) -> dict[str, Any]:
    """The model my_table of the older specification as ODCS."""
    model = older["models"]["my_table"]
    properties = []
    for name, field in model["fields"].items():
        options = {"pattern": field.get("pattern"), "minimum": field.get("minimum")}
        one: dict[str, Any] = {"name": name, "logicalType": TYPES[field["type"]]}
        one["logicalTypeOptions"] = {key: value for key, value in options.items() if value is not None}
        one |= {key: field[key] for key in ("required", "unique", "quality") if key in field}
        properties.append({key: value for key, value in one.items() if value != {}})
    schema = {"name": "my_table", "quality": model["quality"], "properties": properties}
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "q",
        "version": "1.0.0",
        "status": "active",
        "schema": [schema],
    }


def write_with_datasets(shared_data: Path, name: str, path: Path) -> Path:
    """The contract with `physicalName: bronze.NAME` put in."""
    yaml = YAML()
    found = yaml.load(shared_data / "conformance" / name)
    contract = as_odcs(found) if name == OLDER else found
    for item in contract["schema"]:
        item["physicalName"] = f"bronze.{item['name'].lower()}"
    path.parent.mkdir(parents=True, exist_ok=True)
    yaml.dump(contract, path)
    return path


@pytest.mark.parametrize("name", FILES)
def test_which_rules_run(shared_data: Path, tmp_path: Path, name: str) -> None:
    """Exactly those of EXPECTED.csv, each where it says; every SQL rule compiles; nothing is left aside."""
    loaded: LoadedContracts = load_contracts(
        write_with_datasets(shared_data, name, tmp_path / "c.odcs.yaml"), default_time_zone="UTC"
    )
    found = {(rule.id, "by row") for contract in loaded.contracts for rule in contract.rules}
    found |= {(rule.id, "whole") for contract in loaded.contracts for rule in contract.set_rules}
    assert found == {(row["rule"], row["judged"]) for row in EXPECTED if row["file"] == name}
    assert loaded.deferred_rules == ()
    for contract in loaded.contracts:
        for rule in contract.set_rules:
            if hasattr(rule, "query"):
                assert compile_rule(rule, contract.dataset, [contract.dataset]).reads == (contract.dataset,)


def test_the_public_data_break_what_they_are_meant_to_break(shared_data: Path, tmp_path: Path) -> None:
    """The nine rows of data.invalid.sql, loaded as a file: every verdict is that of EXPECTED.csv, and the release is held."""
    import duckdb

    root = tmp_path / "project"
    write_with_datasets(shared_data, OLDER, root / "contracts/my_table.odcs.yaml")
    (root / "sources").mkdir()
    (root / "entrepot.yaml").write_text("name: public\n")
    (root / "sources/my_table.yaml").write_text(
        "connector: files\ndataset: bronze.my_table\nwrite: append\noptions:\n  path: storage/t\n  pattern: '*.csv'\n  wait: {stable_s: 0}\n"
    )
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; CREATE SCHEMA public")
        connection.execute((shared_data / "conformance/datacontract-cli/quality/data/data.invalid.sql").read_text())
        rows = connection.execute(
            "SELECT field_one, field_two, strftime(field_three, '%Y-%m-%d %H:%M:%S') FROM public.my_table"
        ).fetchall()
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows([("field_one", "field_two", "field_three"), *rows])
    drop(root, "t", {"t.csv": text.getvalue()})
    report = run_project(Platform(open_project(root), threads=1))
    (judgement,) = report.judgements
    verdicts = {result.rule: "passed" if result.passed else "failed" for result in judgement.results}
    assert verdicts == {
        row["rule"]: row["verdict"] for row in EXPECTED if row["file"] == OLDER and row["judged"] == "whole"
    }
    assert all(result.error is None and result.rows == 9 for result in judgement.results)
    assert set(report.held) == {"bronze.my_table"} and report.release is None


def test_the_dimension_is_told(shared_data: Path, tmp_path: Path) -> None:
    """quality-dimensions: its rule carries the dimension completeness."""
    path = write_with_datasets(
        shared_data, "datacontract-cli/quality-dimensions/datacontract.yaml", tmp_path / "c.yaml"
    )
    (contract,) = load_contracts(path, default_time_zone="UTC").contracts
    assert contract.dataset == Dataset("bronze", "orders")
    assert [rule.dimension for rule in contract.set_rules] == ["completeness"]
