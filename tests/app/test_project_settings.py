"""What entrepot.yaml says wrongly is an error with its line, however strange it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.app.project import open_project
from entrepot.kernel.errors import EntrepotError


@pytest.mark.parametrize("zone", ["Europe/Nowhere", "../../etc/passwd", "Europe" + "1" * 5000, "''", "7"])
def test_a_wrong_time_zone_is_told_with_its_line(tmp_path: Path, zone: str) -> None:
    """Unknown names, paths out of the database and names longer than a file's are refused in our own words."""
    (tmp_path / "entrepot.yaml").write_text(f"name: x\ntime_zone: {zone}\n")
    if zone == "''":
        assert open_project(tmp_path).time_zone == "UTC"
        return
    with pytest.raises(EntrepotError, match=r"entrepot.yaml:2:\d+.*is not a time zone") as caught:
        open_project(tmp_path)
    assert len(str(caught.value)) < 500
