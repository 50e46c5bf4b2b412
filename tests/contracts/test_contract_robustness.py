"""Whatever a file holds, it is read or refused with findings; nothing else happens."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from entrepot.contracts.findings import ContractErrors
from entrepot.contracts.load import lint_contract
from entrepot.contracts.odcs.reading import parse_document

RICH: dict[str, Any] = {
    "apiVersion": "v3.0.2",
    "kind": "DataContract",
    "id": "x",
    "version": "1.0.0",
    "status": "active",
    "team": {"name": "Sales", "members": [{"username": "a", "role": "owner"}]},
    "customProperties": [{"property": "entrepot.timeZone", "value": "Europe/Berlin"}],
    "servers": [{"server": "a", "type": "local", "path": "p", "format": "csv"}],
    "schema": [
        {
            "name": "t",
            "id": "t",
            "physicalName": "bronze.t",
            "customProperties": [{"property": "entrepot.dataset", "value": "bronze.t"}],
            "quality": [{"metric": "duplicateValues", "mustBe": 0, "arguments": {"properties": ["a", "b"]}}],
            "relationships": [{"from": ["t.a", "t.b"], "to": ["gold.x.a", "gold.x.b"], "type": "foreignKey"}],
            "properties": [
                {
                    "name": "a",
                    "id": "a",
                    "logicalType": "string",
                    "primaryKey": True,
                    "primaryKeyPosition": 1,
                    "logicalTypeOptions": {"minLength": 1, "maxLength": 3, "pattern": "a+", "format": "email"},
                    "enum": [{"value": "a"}],
                    "quality": [
                        {
                            "metric": "invalidValues",
                            "mustBe": 0,
                            "arguments": {"validValues": ["a", None], "pattern": "a"},
                        },
                        {"rule": "missingValues", "mustBe": 0, "arguments": {"missingValues": [None, "", "x"]}},
                        {"type": "sql", "query": "SELECT 1", "mustBeLessThan": 1, "unit": "percent"},
                    ],
                    "relationships": [
                        {"to": "t.a", "customProperties": [{"property": "entrepot.severity", "value": "error"}]}
                    ],
                    "customProperties": [
                        {"property": "entrepot.headers", "value": ["A", "B"]},
                        {"property": "entrepot.severity", "value": "warning"},
                    ],
                },
                {
                    "name": "b",
                    "logicalType": "timestamp",
                    "physicalName": "B b",
                    "unique": True,
                    "required": False,
                    "logicalTypeOptions": {
                        "format": "yyyy-MM-dd HH:mm:ss",
                        "minimum": "2020-01-01 00:00:00",
                        "exclusiveMaximum": "2030-01-01",
                        "timezone": True,
                        "defaultTimezone": "Europe/Berlin",
                    },
                },
                {
                    "name": "c",
                    "logicalType": "number",
                    "physicalType": "decimal(8,2)",
                    "logicalTypeOptions": {"minimum": 0, "maximum": 9.5, "multipleOf": 0.5},
                },
                {"name": "d", "logicalType": "integer", "logicalTypeOptions": {"format": "i8", "exclusiveMinimum": 1}},
                {
                    "name": "e",
                    "logicalType": "date",
                    "logicalTypeOptions": {"format": "dd.MM.yyyy", "maximum": "01.02.2030"},
                },
            ],
        }
    ],
}


def _paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for key, child in below for path in _paths(child, (*at, key)))]


PATHS = [path for path in _paths(RICH) if path]
LEAVES = [
    None,
    "",
    "a",
    "a.b",
    "gold.x.a",
    "schema/t/properties/a",
    "/",
    "..",
    0,
    -1,
    1.5,
    10**40,
    True,
    False,
    [],
    {},
    [None],
    [[]],
]
JUNK = st.sampled_from(
    [*LEAVES, {"a": 1}, {"value": []}, {"name": 1}, "9999-12-31 23:59:59", "0001-01-01", "Europe", "../etc", "('"]
)


def _change(path: tuple[Any, ...], value: Any, *, remove: bool, root: Any) -> None:
    for step in path[:-1]:
        if not isinstance(root, dict | list) or (isinstance(root, dict) and step not in root):
            return
        if isinstance(root, list) and not (isinstance(step, int) and step < len(root)):
            return
        root = root[step]
    if isinstance(root, dict):
        if remove:
            root.pop(path[-1], None)
        else:
            root[path[-1]] = value
    elif isinstance(root, list) and isinstance(path[-1], int) and path[-1] < len(root):
        root[path[-1]] = value


def test_the_rich_contract_is_fine_before_it_is_broken(tmp_path: Path) -> None:
    """The contract that the next test breaks has no error of its own."""
    path = tmp_path / "rich.yaml"
    path.write_text(json.dumps(RICH, indent=1))
    assert [str(finding) for finding in lint_contract(path)] == []


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.sampled_from(PATHS), JUNK, st.booleans()), min_size=1, max_size=3))
@example(changes=[(("schema", 0, "properties"), None, False)])
def test_a_broken_contract_gives_findings_with_places(tmp_path: Path, changes: list[tuple[Any, Any, bool]]) -> None:
    """Any value put at any place, or taken away, is judged without another error; each finding has a line and a text."""
    contract = copy.deepcopy(RICH)
    for path, value, remove in changes:
        _change(path, value, remove=remove, root=contract)
    file = tmp_path / "broken.yaml"
    file.write_text(json.dumps(contract, indent=1))
    for finding in lint_contract(file):
        assert finding.place.line is not None
        assert finding.message


@settings(max_examples=120, deadline=None)
@given(data=st.binary(max_size=40) | st.text(alphabet="ab:-[]{}&*!|>'\"#%@`\n \t,0.~<", max_size=40).map(str.encode))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    """Whatever bytes come, they are read or refused with a contract error, never anything else."""
    refused: list[ContractErrors] = []
    try:
        parse_document(Path("x.yaml"), data)
    except ContractErrors as error:
        refused.append(error)
    assert all(error.findings and error.findings[0].message for error in refused)
