"""A state on a real file, with a clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from state_values import open_state

from entrepot.adapters.embedded.state import SqliteState
from entrepot.testing.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    """Moved by hand."""
    return FakeClock()


@pytest.fixture
def state(tmp_path: Path, clock: FakeClock) -> Iterator[SqliteState]:
    """A new state."""
    opened = open_state(tmp_path, clock)
    yield opened
    opened.close()
