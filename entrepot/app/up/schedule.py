"""The schedule as a part: triggers, deadlines, hooks; it follows the project's files."""

from __future__ import annotations

import threading
from collections.abc import Callable

from entrepot.app.scheduling.scheduler import Scheduler
from entrepot.app.up.parts import Loop
from entrepot.app.wiring import Platform
from entrepot.kernel.events import Emit

_LOOK_EVERY_S = 1.0


class SchedulePart:
    """As `Part`. Args: platform: the present project; another object once its files have changed."""

    name = "schedule"

    def __init__(self, scheduler: Scheduler, platform: Callable[[], Platform], emit: Emit) -> None:
        self.scheduler = scheduler
        self._platform = platform
        self._known = platform()
        self._told: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self._loop = Loop(self.name, self._look, emit)

    def run(self) -> None:
        """As `Part`."""
        try:
            self._loop.run()
        finally:
            self.scheduler.close("the platform was stopped")

    def stop(self) -> None:
        """As `Part`."""
        self._loop.stop()

    def wake(self) -> None:
        """Something happened that triggers may wait for."""
        self._loop.wake()

    def tell(self, event: str, source: str) -> None:
        """Something happened that triggers may wait for: kept with the next look, once for each kind. From any thread; quick."""
        with self._lock:
            self._told.add((event, source))

    def trouble(self) -> str | None:
        """As `Part`."""
        return self._loop.trouble()

    def _look(self) -> float:
        platform = self._platform()
        if platform is not self._known:
            self._known = platform
            self.scheduler.use(platform)
        with self._lock:
            told, self._told = self._told, set()
        for event, source in sorted(told):
            self.scheduler.tell(event, source=source)
        self.scheduler.tick()
        return _LOOK_EVERY_S
