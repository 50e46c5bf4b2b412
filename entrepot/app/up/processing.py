"""Processing of all integrations: a loop for each, begun and ended as the project's files say."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Protocol

from entrepot.app.up.parts import Loop
from entrepot.intake.gateway.settings import Inbound
from entrepot.kernel.events import Emit

_LOOK_EVERY_S = 1.0
_END_S = 10.0


class Processing(Protocol):
    """What works on one integration: `intake.gateway.processing.loop.ProcessingLoop`."""

    @property
    def trouble(self) -> str | None:
        """Why records wait that could be processed."""
        ...

    def run(self) -> None:
        """Process until stopped."""
        ...

    def wake(self, *, replayed: bool = False) -> None:
        """Something came."""
        ...

    def stop(self) -> None:
        """End soon."""
        ...


class ProcessingPart:
    """As `Part`. Args: inbound: the present integrations; make: the loop of one of them; settings_of: what it depends on."""

    name = "processing"

    def __init__(
        self,
        inbound: Callable[[], Mapping[str, Inbound]],
        make: Callable[[Inbound], Processing],
        settings_of: Callable[[Inbound], object],
        emit: Emit,
    ) -> None:
        self._inbound = inbound
        self._make = make
        self._settings_of = settings_of
        self._running: dict[str, tuple[object, Processing, threading.Thread]] = {}
        self._lock = threading.Lock()
        self._loop = Loop(self.name, self._look, emit)

    def run(self) -> None:
        """As `Part`."""
        try:
            self._loop.run()
        finally:
            self._end(list(self._running))

    def stop(self) -> None:
        """As `Part`."""
        self._loop.stop()

    def wake(self, integration: str, *, replayed: bool = False) -> None:
        """Records of an integration came, or came again."""
        with self._lock:
            running = self._running.get(integration)
        if running is not None:
            running[1].wake(replayed=replayed)

    def trouble(self) -> str | None:
        """As `Part`: its own, or the first of an integration."""
        with self._lock:
            found = [f"{name}: {loop.trouble}" for name, (_, loop, _) in self._running.items() if loop.trouble]
        return self._loop.trouble() or next(iter(found), None)

    def _look(self) -> float:
        wanted = {name: self._settings_of(one) for name, one in self._inbound().items()}
        gone = [name for name, (settings, _, _) in self._running.items() if wanted.get(name) != settings]
        self._end(gone)
        for name, inbound in self._inbound().items():
            if name not in self._running and not self._loop.is_stopping:
                self._begin(name, wanted[name], inbound)
        return _LOOK_EVERY_S

    def _begin(self, name: str, settings: object, inbound: Inbound) -> None:
        loop = self._make(inbound)
        thread = threading.Thread(target=loop.run, name=f"processing {name}", daemon=True)
        with self._lock:
            self._running[name] = (settings, loop, thread)
        thread.start()

    def _end(self, names: list[str]) -> None:
        with self._lock:
            ending = [self._running.pop(name) for name in names]
        for _, loop, _ in ending:
            loop.stop()
        for _, _, thread in ending:
            thread.join(_END_S)
