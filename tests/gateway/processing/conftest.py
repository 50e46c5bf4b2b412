"""A real inbox for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.processing.processing_bench import Box


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    """An inbox with a handler beside it; all is closed after the test."""
    made = Box(tmp_path)
    yield made
    made.close()
