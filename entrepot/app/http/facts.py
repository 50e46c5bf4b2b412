"""What the project says of itself and how it stands, gathered once for the same files, versions and runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from entrepot.app.docs_site.facts import SiteFacts
from entrepot.app.docs_site.gather import gather
from entrepot.app.http.projects import Projects
from entrepot.app.wiring import Platform

SHARE = 0.2
"""Most of the time that gathering may take: micro-batches change versions each second, and somebody always asks."""
MOST_SECONDS = 30.0
"""Judgements may be accepted without a new version: after so long all is looked at again."""


class FactsCache:
    """Called from several threads; while one gathers, the others wait for it."""

    def __init__(self, projects: Projects, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._projects = projects
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._key: object = None
        self._at = 0.0
        self._facts: SiteFacts | None = None
        self._took_s = 0.0
        self.share = SHARE

    def get(self) -> SiteFacts:
        """Everything; no value of a row is among it."""
        with self._projects.reading() as platform:
            key = (self._projects.print_of_files, _state_of(platform))
            with self._lock:
                age_s = self._monotonic() - self._at
                is_young = key == self._key or age_s < self._took_s / self.share
                if self._facts is None or not is_young or age_s > MOST_SECONDS:
                    started = self._monotonic()
                    self._facts = gather(platform)
                    self._key, self._at = key, self._monotonic()
                    self._took_s = self._at - started
                return self._facts

    def forget(self) -> None:
        """Look again at the next question."""
        with self._lock:
            self._facts = None


def _state_of(platform: Platform) -> object:
    if not platform.lake_exists():
        return None
    release, runs = platform.state.latest_release(), platform.state.runs(1)
    versions = tuple(sorted(platform.flows.versions().items()))
    return release and release.id, versions, [(run.id, run.status) for run in runs]
