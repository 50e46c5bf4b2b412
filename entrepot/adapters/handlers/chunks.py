"""How many records go to a process at once: enough to keep it busy, few enough that none waits behind many others."""

from __future__ import annotations

_AIM_S = 0.02
_MOST = 500


class ChunkSize:
    """Learns from how long the last ones took."""

    most_bytes = 4 << 20

    def __init__(self) -> None:
        self.records = 8

    def note(self, records: int, seconds: float) -> None:
        """So many took so long."""
        if records:
            fitting = int(_AIM_S * records / max(seconds, 1e-6))
            self.records = max(1, min(fitting, 4 * self.records, _MOST))
        else:
            self.records = 1
