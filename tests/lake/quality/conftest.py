"""One small shop per test, whose contracts can be given rules over the whole dataset."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flow.running import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "shop")
