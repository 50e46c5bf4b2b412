"""A question that takes too long or needs too much memory ends with an error that says so, and the workbench goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot.adapters.embedded.connections import Settings
from entrepot.adapters.embedded.workbench import DuckWorkbench
from entrepot.kernel.errors import ProjectError
from entrepot.ports.workbench import TooLarge


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[DuckWorkbench]:
    found = DuckWorkbench(lambda *_: "", Settings(1, 60, tmp_path), zone="UTC", seconds=20)
    yield found
    found.close()


def test_time(bench: DuckWorkbench) -> None:
    with pytest.raises(TooLarge, match=r"longer than 0\.2 seconds"):
        bench.keep("t", "SELECT count(*) FROM range(1000000000) a, range(1000) b", seconds=0.2)
    assert bench.keep("t", "SELECT 1 AS n") == 1


def test_memory(bench: DuckWorkbench) -> None:
    with pytest.raises(TooLarge, match="memory"):
        bench.keep("t", "SELECT list(i) OVER (ORDER BY i) AS l FROM range(20000) t(i)")
    assert bench.rows("SELECT 2 AS n").to_pylist() == [{"n": 2}]


def test_wrong_text_is_told_apart(bench: DuckWorkbench) -> None:
    with pytest.raises(ProjectError):
        bench.rows("SELECT nothing")
