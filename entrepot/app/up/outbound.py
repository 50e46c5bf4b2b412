"""Delivery: released rows into the outbox, messages of applications into the outbox, and from there to their webhooks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from entrepot.app.publishing import Publishing
from entrepot.app.up.parts import Loop
from entrepot.app.wiring import Platform
from entrepot.kernel.errors import EntrepotError
from entrepot.kernel.events import Emit, Event

if TYPE_CHECKING:
    from entrepot.adapters.webhooks import Deliverer

_LOOK_EVERY_S = 0.5
_END_S = 40.0
_PRUNE_EVERY_S = 600.0


class DeliveryPart:
    """As `Part`. Args: platform: the present project; another object once its files have changed."""

    name = "delivery"

    def __init__(self, platform: Callable[[], Platform], emit: Emit) -> None:
        self._platform = platform
        self._emit = emit
        self._known: Platform | None = None
        self._publishing: Publishing | None = None
        self._deliverer: Deliverer | None = None
        self._thread: threading.Thread | None = None
        self._end = threading.Event()
        self._released: int | None = None
        self._prune_at = 0.0
        self._relays_told: dict[str, str] = {}
        self._loop = Loop(self.name, self._look, emit)

    def run(self) -> None:
        """As `Part`."""
        try:
            self._loop.run()
        finally:
            self._end_delivery()

    def stop(self) -> None:
        """As `Part`."""
        self._end.set()
        self._loop.stop()

    def wake(self) -> None:
        """A release came, or messages."""
        self._loop.wake()
        if self._deliverer is not None:
            self._deliverer.wake()

    def trouble(self) -> str | None:
        """As `Part`."""
        if self._thread is not None and not self._thread.is_alive() and not self._loop.is_stopping:
            return "webhooks are no longer delivered"
        return self._loop.trouble() or next(iter(self._relays_told.values()), None)

    def _look(self) -> float:
        platform = self._platform()
        if platform is not self._known:
            self._begin(platform)
        assert self._publishing is not None
        release = platform.state.latest_release()
        self._prune()
        moved = self._relay()
        if moved:
            self._wake_deliverer()
        if release is not None and release.id != self._released:
            # last, as it may fail: what applications hand in must not wait for it
            try:
                self._publishing.publish()
            finally:
                self._wake_deliverer()
            self._released = release.id
        return 0.0 if moved else _LOOK_EVERY_S

    def _begin(self, platform: Platform) -> None:
        self._end_delivery()
        self._known, self._released = platform, None
        self._publishing = Publishing(platform, platform.stores.outbox(), platform.project.publications)
        self._relays = self._publishing.relays()
        if self._loop.is_stopping:
            return
        self._end = threading.Event()
        self._deliverer = self._publishing.deliverer()
        self._thread = threading.Thread(target=self._deliverer.run, args=(self._end,), name="webhooks", daemon=True)
        self._thread.start()

    def _prune(self) -> None:
        assert self._publishing is not None
        if time.monotonic() >= self._prune_at:
            self._prune_at = time.monotonic() + _PRUNE_EVERY_S
            self._publishing.prune()

    def _relay(self) -> int:
        moved = 0
        for name, relay in self._relays.items():
            try:
                found = relay.turn()
            except EntrepotError as error:
                if self._relays_told.get(name) != str(error):
                    self._relays_told[name] = str(error)
                    self._emit(Event("relay_failed", name, {"code": error.code, "error": str(error)}))
            else:
                moved += found.messages
                self._relays_told.pop(name, None)
                if found.stuck:
                    self._relays_told[name] = (
                        f"{name}: {found.stuck:,} messages name integrations that are not in publish/"
                    )
        return moved

    def _wake_deliverer(self) -> None:
        if self._deliverer is not None:
            self._deliverer.wake()

    def _end_delivery(self) -> None:
        self._end.set()
        if self._thread is not None:
            until = time.monotonic() + _END_S
            self._wake_deliverer()
            self._thread.join(max(0.0, until - time.monotonic()))
        self._thread = None
