"""What the API is given: the project, who may come in, and those parts of the platform that run in this process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from entrepot.app.clock import SystemClock
from entrepot.app.http.errors import TooBusy, require_running
from entrepot.app.http.hub import EventHub
from entrepot.app.http.projects import Projects
from entrepot.app.outbox_desk import OutboxDesk
from entrepot.app.pauses import InboundPauses
from entrepot.app.records_desk import TryOut
from entrepot.app.wiring import Platform
from entrepot.ports.access import Authenticate
from entrepot.ports.clock import Clock
from entrepot.ports.inbox import Inbox
from entrepot.ports.outbox import Outbox

if TYPE_CHECKING:
    from entrepot.app.http.actions import Actions
    from entrepot.app.http.facts import FactsCache
    from entrepot.app.http.operations import Operations

MOST_HEAVY = 4
"""Questions to the engine side by side; each may take its whole memory."""
HEAVY_WAIT_S = 5.0

RunNow = Callable[[Sequence[str], str], Mapping[str, Any]]
"""Bring a selection up to date, for a reason; returns the run's report as JSON."""


@dataclass
class ApiContext:
    """Parts that are None answer `not_running`. `readiness` says, part by part, what is not ready."""

    projects: Projects
    authenticate: Authenticate
    hub: EventHub
    clock: Clock = field(default_factory=SystemClock)
    inbox: Inbox | None = None
    outbox: Outbox | None = None
    wake_scheduler: Callable[[], None] | None = None
    """Called when a trigger was asked for; None: the scheduler looks by itself."""
    run_now: RunNow | None = None
    """None: runs are made in this process by a thread of the API."""
    try_out: TryOut | None = None
    """Processes records without keeping anything, for dry runs of replays."""
    readiness: Callable[[], Mapping[str, str]] = dict
    """Name of a part → why it is not ready; empty when all is."""
    body_limit_bytes: int = 4_000_000
    sql_seconds: float = 60.0

    def __post_init__(self) -> None:
        self._heavy = threading.BoundedSemaphore(MOST_HEAVY)

    @cached_property
    def facts(self) -> FactsCache:
        """What is known of datasets, contracts, sources and KPIs."""
        from entrepot.app.http.facts import FactsCache

        return FactsCache(self.projects)

    @cached_property
    def pauses(self) -> InboundPauses:
        """Inbound integrations that somebody has paused."""
        return InboundPauses(self.projects.root / ".entrepot")

    def outbox_desk(self) -> OutboxDesk:
        """What people and applications do with messages. Raises: NotRunning."""
        outbox = require_running(self.outbox, "the outbox")
        return OutboxDesk(outbox, self.projects.project().publications, self.clock)

    @cached_property
    def operations(self) -> Operations:
        """Work that goes on after its request was answered."""
        from entrepot.app.http.operations import Operations

        return Operations(self.projects.root / ".entrepot", self.clock, self.hub)

    @cached_property
    def actions(self) -> Actions:
        """Previews of bulk work."""
        from entrepot.app.http.actions import Actions

        return Actions(self)

    @contextmanager
    def reading(self) -> Iterator[Platform]:
        """A platform for a request that reads little."""
        with self.projects.reading() as platform:
            yield platform

    @contextmanager
    def asking(self) -> Iterator[Platform]:
        """A platform for a request that asks the engine; only a few at once. Raises: TooBusy."""
        with self.heavy(), self.projects.reading() as platform:
            yield platform

    @contextmanager
    def heavy(self) -> Iterator[None]:
        """A place among the few that may use the engine. Raises: TooBusy."""
        if not self._heavy.acquire(timeout=HEAVY_WAIT_S):
            raise TooBusy(f"{MOST_HEAVY} other questions are being answered.", hint="Ask again in a moment.")
        try:
            yield
        finally:
            self._heavy.release()

    def stop(self) -> None:
        """End streams, and wait for nothing."""
        self.hub.close()
        if "operations" in self.__dict__:
            self.operations.close()
