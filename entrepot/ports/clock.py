"""Time, passed in so that a test replays exactly."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Called from any thread."""

    def now(self) -> datetime:
        """The present instant, in UTC with microseconds."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...
