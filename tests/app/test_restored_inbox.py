"""An inbox that was put back from an older copy is refused, also when newer records have come to it since."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from entrepot.app.session import run_project
from tests.app.test_records_desk import RIGHT, Shop


@pytest.mark.req("X3")
@pytest.mark.timeout(180)
def test_records_of_an_older_inbox_are_not_taken_for_others(tmp_path: Path) -> None:
    """Its numbers begin again below what was taken: the run fails and says why, rather than leave records out."""
    shop = Shop(tmp_path / "shop")
    (shop.root / "handlers" / "shop.py").write_text(RIGHT)
    shop.send("A1", "1,00")
    shop.process()
    assert shop.total() == ("1.00", 1)
    shop.platform.stores.close()
    kept = tmp_path / "inbox.db"
    shutil.copy(shop.root / ".entrepot" / "inbox.db", kept)
    shop = Shop(tmp_path / "shop")
    (shop.root / "handlers" / "shop.py").write_text(RIGHT)
    for number in range(2, 6):
        shop.send(f"A{number}", "1,00")
    shop.process()
    assert shop.total() == ("5.00", 5)
    shop.platform.stores.close()
    for path in (shop.root / ".entrepot").glob("inbox.db*"):
        path.unlink()
    shutil.copy(kept, shop.root / ".entrepot" / "inbox.db")
    shop = Shop(tmp_path / "shop")
    (shop.root / "handlers" / "shop.py").write_text(RIGHT)
    for number in range(20, 30):
        shop.send(f"B{number}", "1,00")
    shop.process()
    report = run_project(shop.platform)
    errors = [str(result.error) for result in report.results if result.error is not None]
    assert any("older or another inbox" in error for error in errors), errors
    shop.platform.stores.close()
