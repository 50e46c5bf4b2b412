"""The simulated present: it may begin at any instant and run faster than ours."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta


class SimulatedTime:
    """Goes on from `start`, `speed` times as fast as real time; a clock that is set does not move it."""

    def __init__(self, start: datetime, speed: float = 1.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._start = start
        self._speed = speed
        self._monotonic = monotonic
        self._began = monotonic()

    def now(self) -> datetime:
        """The simulated present."""
        return self._start + timedelta(seconds=(self._monotonic() - self._began) * self._speed)

    def seconds_until(self, at: datetime) -> float:
        """How many real seconds pass until then; 0 when it has been."""
        return max(0.0, (at - self.now()).total_seconds() / self._speed)
