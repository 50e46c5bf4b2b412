"""The conformance suite of buses, for authors of adapters: subclass `BusConformance`, give it your bus, run pytest.

    class TestMyBus(BusConformance):
        @pytest.fixture
        def bus_under_test(self, tmp_path):
            return MyBusUnderTest(tmp_path)

`MyBusUnderTest` is a `BusUnderTest`.
"""

from entrepot.testing.bus.group_suite import GroupConformance
from entrepot.testing.bus.log_suite import LogConformance
from entrepot.testing.bus.under_test import BusUnderTest, drain, put


class BusConformance(LogConformance, GroupConformance):
    """What every bus must do."""


__all__ = ["BusConformance", "BusUnderTest", "GroupConformance", "LogConformance", "drain", "put"]
