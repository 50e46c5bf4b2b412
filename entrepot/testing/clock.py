"""A clock that a test moves by hand."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


class FakeClock:
    """`ports.clock.Clock` that stands still until it is moved; sleeping moves it. Safe in threads."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start.astimezone(UTC)
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type[FakeClock], tuple[datetime]]:
        return FakeClock, (self.now(),)

    def now(self) -> datetime:
        """The instant it was moved to."""
        with self._lock:
            return self._now

    def sleep(self, seconds: float) -> None:
        """Return at once, that much later."""
        self.advance(seconds)

    def advance(self, seconds: float) -> datetime:
        """Move on (or back, when negative); return the new instant."""
        with self._lock:
            self._now += timedelta(seconds=seconds)
            return self._now
