"""How many flows may use an outside system at once, over all runs and processes of the project."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from entrepot.ports.schedule import ScheduleStore, Slot


class Gate(Protocol):
    """Called by the thread that starts flows."""

    def try_enter(self, system: str) -> Callable[[], None] | None:
        """The right to use a system, as what gives it back; None while it is busy."""
        ...


def leave_nothing() -> None:
    """What gives back a right that nobody counts."""


class OpenGate:
    """No system has a limit."""

    def try_enter(self, system: str) -> Callable[[], None] | None:
        """Always."""
        return leave_nothing


OPEN = OpenGate()


class SlotGate:
    """Slots in the store: one row for each flow that uses a limited system; those of dead processes are free again."""

    def __init__(
        self, store: ScheduleStore, limits: Mapping[str, int], holder: str, is_alive: Callable[[str], bool]
    ) -> None:
        self._store = store
        self._limits = limits
        self._holder = holder
        self._is_alive = is_alive

    def try_enter(self, system: str) -> Callable[[], None] | None:
        """A slot, where the system has a limit."""
        most = self._limits.get(system)
        if most is None:
            return leave_nothing
        slot = self._store.enter(system, most, self._holder, self._is_alive)
        return None if slot is None else lambda: self._leave(slot)

    def _leave(self, slot: Slot) -> None:
        self._store.leave(slot)
