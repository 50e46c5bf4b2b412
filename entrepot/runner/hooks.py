"""Which hooks are called after a run, and what they are told: facts in, calls out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from entrepot.ports.schedule import Call
from entrepot.runner.triggers.trigger import Hook, HookEvent


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What hooks may know of a run: counts, names and codes, no message and no value."""

    run: str
    succeeded: bool
    ended_at: datetime
    release: int | None = None
    seconds: float = 0.0
    received: int = 0
    accepted: int = 0
    rejected: int = 0
    refused: int = 0
    """Files that could not be taken."""
    failed: tuple[tuple[str, str], ...] = ()
    """(flow, code of its error)."""
    held: tuple[str, ...] = ()
    """Datasets that stay at their old version."""

    def to_json(self) -> dict[str, Any]:
        """For receivers."""
        return {
            "run": self.run,
            "release": self.release,
            "seconds": round(self.seconds, 3),
            "records": {"received": self.received, "accepted": self.accepted, "rejected": self.rejected},
            "files_refused": self.refused,
            "failed": [{"flow": flow, "code": code} for flow, code in self.failed],
            "held": list(self.held),
        }


def find_events(facts: RunFacts) -> list[HookEvent]:
    """What happened, as hooks name it."""
    found = [HookEvent.COMPLETED if facts.succeeded else HookEvent.FAILED]
    if facts.rejected or facts.refused:
        found.append(HookEvent.REJECTED)
    return found


def make_calls(
    hooks: Sequence[Hook],
    events: Iterable[HookEvent],
    subject: str,
    body: Mapping[str, Any],
    at: datetime,
    *,
    trigger: str = "",
    scope: str = "trigger",
) -> list[Call]:
    """One call for each hook and event. The id follows from `subject`, so that the same event is never kept twice."""
    return [
        Call(
            id=f"{subject}/{event.value}/{scope}.{place}",
            trigger=trigger,
            event=event.value,
            target=hook.target(),
            body={"status": event.value, "timestamp": at.isoformat(), **body},
            at=at,
        )
        for event in events
        for place, hook in enumerate(hooks)
        if event in hook.on
    ]
