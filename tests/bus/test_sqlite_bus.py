"""The embedded bus keeps order, gives each message once, and loses none, whoever dies."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.testing.bus import BusConformance, BusUnderTest
from tests.bus.buses import SqliteBusUnderTest


@pytest.mark.req("S4")
class TestSqliteBus(BusConformance):
    """The suite of buses."""

    @pytest.fixture
    def bus_under_test(self, tmp_path: Path) -> BusUnderTest:
        """An empty bus."""
        return SqliteBusUnderTest(tmp_path)
