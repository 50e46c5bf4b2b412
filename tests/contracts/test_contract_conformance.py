"""The public contracts: each loads, or is refused for a reason that stands in EXPECTED.csv.

No public contract names one of our datasets, so each is taken twice: as it stands, and with `physicalName: bronze.NAME` put in.
Reasons are parts of messages; of the second column each problem must be one of them.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from entrepot.contracts.findings import ContractErrors
from entrepot.contracts.load import load_contracts, write_contract

with (Path(__file__).parent / "EXPECTED.csv").open(newline="") as table:
    EXPECTED = list(csv.DictReader(table))

pytestmark = pytest.mark.real


def reasons(text: str) -> list[str]:
    return [reason.strip() for reason in text.split(";")]


@pytest.mark.parametrize("row", EXPECTED, ids=lambda row: row["file"])
def test_public_contract_as_it_stands(shared_data: Path, row: dict[str, str]) -> None:
    """Without a dataset of ours it is refused, and the message says why."""
    with pytest.raises(ContractErrors) as caught:
        load_contracts(shared_data / "conformance" / row["file"], default_time_zone="UTC")
    for reason in reasons(row["as_it_stands"]):
        assert reason in str(caught.value)


@pytest.mark.parametrize("row", EXPECTED, ids=lambda row: row["file"])
def test_public_contract_with_dataset_names(shared_data: Path, tmp_path: Path, row: dict[str, str]) -> None:
    """With a dataset's name it loads, or every problem is one that is expected, and every expected one is there."""
    yaml = YAML()
    contract = yaml.load(shared_data / "conformance" / row["file"])
    for item in contract.get("schema") or ():
        item["physicalName"] = f"bronze.{item['name'].lower()}"
    path = tmp_path / "contract.odcs.yaml"
    yaml.dump(contract, path)
    try:
        loaded = load_contracts(path, default_time_zone="UTC")
    except ContractErrors as error:
        messages = [finding.message.replace(",", "") for finding in error.findings]
        allowed = reasons(row["with_dataset_names"])
        assert [text for text in messages if not any(reason in text for reason in allowed)] == []
        assert [reason for reason in allowed if not any(reason in text for text in messages)] == []
    else:
        assert row["with_dataset_names"] == "loads"
        assert len(loaded.contracts) == len(contract["schema"])
        assert sum(len(item["properties"]) for item in contract["schema"]) == sum(
            len(c.columns) for c in loaded.contracts
        )
        write_contract(loaded, tmp_path / "again.yaml")
        assert (tmp_path / "again.yaml").read_bytes() == path.read_bytes()


def test_no_public_contract_is_forgotten(shared_data: Path) -> None:
    """EXPECTED.csv names every public contract file."""
    root = shared_data / "conformance"
    there = {
        str(path.relative_to(root))
        for room in ("odcs/examples", "datacontract-cli")
        for path in (root / room).rglob("*.yaml")
    }
    assert there == {row["file"] for row in EXPECTED}
