"""What the gateway keeps beside the lake: inbox, outbox and bus, each opened when it is first asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from entrepot.adapters.embedded.secrets import LocalSecrets
from entrepot.ports.clock import Clock

if TYPE_CHECKING:
    from entrepot.adapters.embedded.outbox import SqliteOutbox
    from entrepot.ports.bus import Bus
    from entrepot.ports.inbox import Inbox


class _Closing(Protocol):
    def close(self) -> None: ...


_T = TypeVar("_T", bound=_Closing)


class Stores:
    """One of each per process and project; called from several threads."""

    def __init__(self, runtime: Path, clock: Clock) -> None:
        self._runtime = runtime
        self._clock = clock
        self._open: dict[str, _Closing] = {}
        self._lock = threading.Lock()
        self.secrets = LocalSecrets(runtime / "secrets")

    def inbox(self) -> Inbox:
        """Records that came in."""
        from entrepot.adapters.embedded.inbox import SqliteInbox

        return self._once("inbox", lambda: SqliteInbox(self._runtime / "inbox.db", self._clock))

    def outbox(self) -> SqliteOutbox:
        """Messages that go out."""
        from entrepot.adapters.embedded.outbox import SqliteOutbox

        return self._once("outbox", lambda: SqliteOutbox(self._runtime / "outbox.db", self._clock))

    def bus(self) -> Bus:
        """Topics."""
        from entrepot.adapters.embedded.bus import SqliteBus

        return self._once("bus", lambda: SqliteBus(self._runtime / "bus.db", self._clock))

    def close(self) -> None:
        """Close what is open; what waits is written first."""
        with self._lock:
            stores = list(self._open.values())
            self._open.clear()
        for store in stores:
            store.close()

    def _once(self, name: str, make: Callable[[], _T]) -> _T:
        with self._lock:
            if name not in self._open:
                self._runtime.mkdir(parents=True, exist_ok=True)
                self._open[name] = make()
            return cast(_T, self._open[name])
