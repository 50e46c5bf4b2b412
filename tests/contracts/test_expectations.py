"""What contracts say of freshness and of what is usual, and what they say wrongly."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from entrepot.contracts.expectations import Fresh, Learned
from entrepot.contracts.load import LoadedContracts, load_contracts
from entrepot.contracts.row_rules import Severity
from entrepot.kernel.errors import ContractError

TEXT = """\
apiVersion: v3.1.0
kind: DataContract
id: a
version: 1.0.0
status: active
{sla}schema:
  - name: sales
    physicalName: bronze.sales
{custom}    properties:
      - {{name: id, logicalType: integer}}
      - {{name: sold_at, logicalType: timestamp}}
  - name: stock
    physicalName: bronze.stock
    properties:
      - {{name: id, logicalType: integer}}
      - {{name: day, logicalType: date}}
"""


def load(folder: Path, *, expect: str = "", sla: str = "") -> LoadedContracts:
    path = folder / "a.odcs.yaml"
    custom = f"    customProperties:\n      - {{property: entrepot.expect, value: {expect}}}\n" if expect else ""
    levels = f"slaProperties:\n  - {sla}\n" if sla else ""
    path.write_text(TEXT.format(custom=custom, sla=levels))
    return load_contracts(path, default_time_zone="UTC")


def test_learned_is_a_word_or_a_mapping(tmp_path: Path) -> None:
    """Everything has a default; severity is warning."""
    assert load(tmp_path, expect="learned").contracts[0].expectations == (Learned(),)
    said = load(tmp_path, expect="{by: sold_at, least: 20, severity: error, arrival: false}").contracts[0].expectations
    assert said == (Learned(by="sold_at", least=20, severity=Severity.ERROR, arrival=False),)
    assert load(tmp_path, expect="{volume: false, arrival: false}").contracts[0].expectations == ()


@pytest.mark.parametrize(
    ("expect", "said"),
    [
        ("lerned", "allowed is learned, or a mapping"),
        ("{bi: sold_at}", "has the key bi"),
        ("{by: sold}", "by of entrepot.expect is sold; allowed is a date or timestamp column: sold_at"),
        ("{by: id}", "allowed is a date or timestamp column"),
        ("{least: 2}", "least of entrepot.expect"),
        ("{volume: 3}", "is not true or false"),
        ("{severity: eror}", "Did you mean error"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, expect: str, said: str) -> None:
    """With file and line, and what is allowed."""
    with pytest.raises(ContractError, match=said) as caught:
        load(tmp_path, expect=expect)
    assert "a.odcs.yaml:" in str(caught.value)


@pytest.mark.parametrize(
    ("sla", "sales", "stock"),
    [
        ("{property: latency, value: 4, unit: d, element: sales.sold_at}", [("sold_at", Decimal(96))], []),
        ("{property: latency, value: 4, element: stock.day}", [], [("day", Decimal(96))]),
        (
            "{property: freshness, value: 1.5, unit: hours, element: bronze.sales.sold_at}",
            [("sold_at", Decimal("1.5"))],
            [],
        ),
        ("{property: latency, value: 6, unit: h}", [(None, Decimal(6))], [(None, Decimal(6))]),
        (
            "{property: latency, value: 6, unit: h, element: 'sales.sold_at, stock'}",
            [("sold_at", Decimal(6))],
            [(None, Decimal(6))],
        ),
        ("{property: retention, value: 6, unit: y}", [], []),
    ],
)
def test_service_levels_of_freshness(tmp_path: Path, sla: str, sales: list[object], stock: list[object]) -> None:
    """Latency and freshness, in days where no unit is said, of the objects and columns that they name."""
    found = load(tmp_path, sla=sla)
    for contract, expected in zip(found.contracts, (sales, stock), strict=True):
        fresh = [each for each in contract.expectations if isinstance(each, Fresh)]
        assert [(each.column, each.hours) for each in fresh] == expected


@pytest.mark.parametrize(
    "sla",
    [
        "{property: latency, value: soon}",
        "{property: latency, value: 4, unit: parsec}",
        "{property: latency, value: -4, unit: h}",
        "{property: latency, value: 4, unit: h, element: sales.id}",
    ],
)
def test_a_level_that_cannot_be_judged_is_a_warning(tmp_path: Path, sla: str) -> None:
    """It may be another reader's: the contract stays usable, and says that this is not judged."""
    found = load(tmp_path, sla=sla)
    assert not any(contract.expectations for contract in found.contracts)
    assert any("it is not judged" in str(warning) for warning in found.warnings)
