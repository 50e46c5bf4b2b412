"""A laboratory for each test of the engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.adapters.embedded.landing import Lab, make_lab


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """An engine and an empty lake."""
    return make_lab(tmp_path)
