"""The integrations as the project's files say: read again when these change; while they are wrong, the last ones that were right."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

from entrepot.app.clock import SystemClock
from entrepot.app.pauses import InboundPauses
from entrepot.app.project import Project
from entrepot.intake.gateway.integration import Integration
from entrepot.intake.gateway.settings import Inbound, inbound_of
from entrepot.kernel.errors import EntrepotError
from entrepot.kernel.events import Emit, Event
from entrepot.ports.access import Authenticate
from entrepot.ports.secrets import Secrets


class Inbounds:
    """Called from several threads."""

    def __init__(self, project: Callable[[], Project], secrets: Secrets, token: Authenticate, emit: Emit) -> None:
        """Raises: ProjectError when the integrations are wrong at the start."""
        self._project = project
        self._secrets = secrets
        self._token = token
        self._emit = emit
        self._lock = threading.Lock()
        self._seen = project()
        self._pauses = InboundPauses(self._seen.runtime)
        self._paused = self._find_paused()
        self._present = self._read(self._seen)

    def present(self) -> Mapping[str, Inbound]:
        """Name → integration."""
        self.look()
        return self._present

    def integrations(self) -> Mapping[str, Integration]:
        """What the door needs."""
        return {
            name: replace(one.integration, paused=True) if name in self._paused else one.integration
            for name, one in self._present.items()
        }

    def look(self) -> bool:
        """Read them again if the project's files changed, or somebody paused one; True when these are others now."""
        with self._lock:
            project = self._project()
            before, self._paused = self._paused, self._find_paused()
            if project is self._seen:
                return before != self._paused
            self._seen = project
            try:
                self._present = self._read(project)
            except EntrepotError as error:
                self._emit(Event("integrations_refused", project.name, {"error": str(error)}))
                return False
            return True

    def _find_paused(self) -> frozenset[str]:
        now = SystemClock().now()
        names = [source.name for source in self._seen.sources if source.connector == "inbox"]
        return frozenset(name for name in names if self._pauses.find(name, now) is not None)

    def _read(self, project: Project) -> Mapping[str, Inbound]:
        return inbound_of(project.sources, self._secrets, self._token, project.root)
