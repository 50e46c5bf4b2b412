"""A platform that is killed under load loses and doubles nothing that was acknowledged."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.gateway import run_load


@pytest.mark.crash
@pytest.mark.req("G1", "X3", "S4")
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # sockets of senders whose server was killed
def test_nothing_acknowledged_is_lost_or_doubled(tmp_path: Path) -> None:
    """Some thousand records through several kills: each acknowledged one stands in bronze and in the KPI once."""
    result = run_load(tmp_path / "project", 4_000, seed=5)
    assert (result.lost, result.doubled, result.wrong) == ([], [], [])
    assert result.kills >= 1
    assert result.acknowledged > 3_800
