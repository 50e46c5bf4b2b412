"""The integrations as the project's files say, each by itself: one that is wrong, or whose secret is missing, is not served, the others are.

They are read again when the files change, and while one is refused every few seconds: its secret may have come.
"""

from __future__ import annotations

import threading
import time
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

TRY_AGAIN_S = 5.0


class Inbounds:
    """Called from several threads."""

    def __init__(self, project: Callable[[], Project], secrets: Secrets, token: Authenticate, emit: Emit) -> None:
        self._project = project
        self._secrets = secrets
        self._token = token
        self._emit = emit
        self._lock = threading.Lock()
        self._seen = project()
        self._pauses = InboundPauses(self._seen.runtime)
        self._paused = self._find_paused()
        self.refused: Mapping[str, str] = {}
        """Name → why it is not served."""
        self._read_at = 0.0
        self._present: Mapping[str, Inbound] = {}
        self._read()

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
            if project is self._seen and not (self.refused and time.monotonic() - self._read_at > TRY_AGAIN_S):
                return before != self._paused
            self._seen = project
            return self._read() or before != self._paused

    def _find_paused(self) -> frozenset[str]:
        now = SystemClock().now()
        names = [source.name for source in self._seen.sources if source.connector == "inbox"]
        return frozenset(name for name in names if self._pauses.find(name, now) is not None)

    def _read(self) -> bool:
        """Read each; one that was right before and is wrong now stays as it was. True when others are served now."""
        self._read_at = time.monotonic()
        project, known = self._seen, self._present
        names = [source.name for source in project.sources if source.connector == "inbox"]
        found, refused = {}, {}
        for name in names:
            try:
                found[name] = self._read_one(project, name)
            except EntrepotError as error:
                refused[name] = str(error)
                if name in known:
                    found[name] = known[name]
        for name, why in refused.items():
            if self.refused.get(name) != why:
                self._emit(Event("integration_refused", name, {"error": why}))
        self.refused, self._present = refused, found
        return True

    def _read_one(self, project: Project, name: str) -> Inbound:
        with_files = [one for one in project.sources if one.connector != "inbox" or one.name == name]
        return inbound_of(with_files, self._secrets, self._token, project.root)[name]
