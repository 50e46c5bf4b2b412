"""Inbound integrations that somebody has paused: kept beside the project, so that every process and every restart knows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from entrepot.app.papers import Papers


@dataclass(frozen=True, slots=True)
class InboundPause:
    """A pause, and whose it is."""

    integration: str
    who: str
    reason: str
    at: datetime
    until: datetime | None = None


class InboundPauses:
    """Called from several threads and processes. The door asks when it opens, and again after the event `integration_paused`."""

    def __init__(self, runtime: Path) -> None:
        """Args: runtime: the project's `.entrepot/`."""
        self._papers = Papers(runtime / "paused")

    def pause(self, pause: InboundPause) -> bool:
        """Set a pause, over an older one; False when there was one."""
        is_new = self._papers.read(pause.integration) is None
        until = None if pause.until is None else pause.until.isoformat()
        paper = {"who": pause.who, "reason": pause.reason, "at": pause.at.isoformat(), "until": until}
        self._papers.write(pause.integration, paper)
        return is_new

    def resume(self, integration: str) -> bool:
        """End a pause; False when there was none."""
        return self._papers.take(integration)

    def find(self, integration: str, now: datetime) -> InboundPause | None:
        """The pause of an integration, where it has not run out."""
        paper = self._papers.read(integration)
        if paper is None:
            return None
        until = None if paper["until"] is None else datetime.fromisoformat(paper["until"])
        if until is not None and until <= now:
            return None
        return InboundPause(integration, paper["who"], paper["reason"], datetime.fromisoformat(paper["at"]), until)
