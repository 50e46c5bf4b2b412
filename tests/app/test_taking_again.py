"""Taking a file again says when its rows will stand twice, and is quiet when something keeps them from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.app.again import bring_back
from tests.flow.running import Shop

KEYLESS = """\
apiVersion: v3.1.0
kind: DataContract
id: notes
version: 1.0.0
status: active
schema: [{name: notes, physicalName: bronze.notes, properties: [{name: text, logicalType: string}]}]
"""


@pytest.mark.parametrize(
    ("options", "warns"), [("{path: storage/notes}", True), ("{path: storage/notes, supersedes: {by: name}}", False)]
)
def test_rows_that_would_stand_twice_are_warned_of(tmp_path: Path, options: str, warns: bool) -> None:
    """Appended rows without a key and without `supersedes` are named; otherwise nothing is said."""
    shop = Shop(tmp_path / "shop")
    (shop.root / "contracts/notes.odcs.yaml").write_text(KEYLESS)
    (shop.root / "sources/notes.yaml").write_text(f"connector: files\ndataset: bronze.notes\noptions: {options}\n")
    (shop.root / "storage/notes/processed").mkdir(parents=True)
    (shop.root / "storage/notes/incoming").mkdir()
    file = shop.root / "storage/notes/processed/a.csv"
    file.write_text("text\nx\n")
    said = bring_back(shop.platform(), file, "a test")
    assert (said is not None) is warns
    assert "bronze.notes" in (said or "bronze.notes")


def test_a_key_keeps_rows_from_standing_twice(tmp_path: Path) -> None:
    """With a primary key nothing is warned of: the rows are rejected."""
    shop = Shop(tmp_path / "shop")
    shop.orders("a", "1,p1,2026-01-01,3")
    shop.run()
    file = next((shop.root / "storage/orders/processed").glob("*.csv"))
    assert bring_back(shop.platform(), file, "a test") is None
