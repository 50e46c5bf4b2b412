"""A fresh lake with one empty table."""

from __future__ import annotations

from pathlib import Path

import pytest
from delta_lake import NAME, SCHEMA, Lake


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake with the empty table `bronze.sales` at version 0."""
    found = Lake(tmp_path)
    found.tables.create(NAME, SCHEMA, description="what the shops sold")
    return found
