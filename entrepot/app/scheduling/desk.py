"""What people and the API ask of triggers: how they stand, to run one now, to pause, resume or cancel. Works with and without a scheduler at work."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Any

from entrepot.app.wiring import Platform
from entrepot.kernel.errors import UsageError
from entrepot.ports.schedule import DeadlineRecord, Firing, FiringStatus, Happening, HappeningKind, Pause
from entrepot.runner.schedule import find_usual_s
from entrepot.runner.triggers.conditions import describe
from entrepot.runner.triggers.decide import find_next_time
from entrepot.runner.triggers.trigger import Trigger

_HISTORY = 20


@dataclass(frozen=True, slots=True)
class TriggerStanding:
    """How a trigger stands."""

    trigger: Trigger
    next_at: datetime | None
    """The next time; None where none is stated."""
    pause: Pause | None
    firings: Sequence[Firing]
    """Newest first."""
    deadlines: Sequence[DeadlineRecord]
    usual_s: float | None
    """What its runs usually take."""

    @property
    def state(self) -> str:
        """In one word: off, paused, running, waiting, idle."""
        if not self.trigger.enabled:
            return "off"
        statuses = {firing.status for firing in self.firings}
        if FiringStatus.RUNNING in statuses:
            return "running"
        if self.pause is not None:
            return "paused"
        return "waiting" if FiringStatus.WAITING in statuses else "idle"

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        pause = self.pause
        return {
            "name": self.trigger.name,
            "description": self.trigger.description,
            "state": self.state,
            "when": describe(self.trigger.when),
            "run": list(self.trigger.run) if self.trigger.runs else None,
            "next_at": self.next_at,
            "usual_seconds": self.usual_s,
            "pause": None
            if pause is None
            else {"reason": pause.reason, "by": pause.by, "at": pause.at, "until": pause.until},
            "firings": [firing_to_json(firing) for firing in self.firings],
            "deadlines": [deadline_to_json(record) for record in self.deadlines],
        }


def firing_to_json(firing: Firing) -> dict[str, Any]:
    """A firing for machines."""
    return {
        "id": firing.id,
        "trigger": firing.trigger,
        "status": firing.status.value,
        "reason": firing.reason,
        "at": firing.at,
        "due": firing.due,
        "deadline": firing.deadline,
        "attempt": firing.attempt,
        "not_before": firing.not_before,
        "started_at": firing.started_at,
        "ended_at": firing.ended_at,
        "run": firing.run,
        "release": firing.release,
        "note": firing.note,
    }


def deadline_to_json(record: DeadlineRecord) -> dict[str, Any]:
    """A deadline for machines."""
    return {
        "trigger": record.trigger,
        "deadline": record.deadline,
        "state": record.state.value,
        "at": record.at,
        "firing": record.firing,
        "why": record.why,
    }


class TriggerDesk:
    """Of one project."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def standings(self) -> list[TriggerStanding]:
        """All triggers, by name."""
        return [self._standing(trigger, 1) for trigger in self._platform.project.schedule.triggers]

    def standing(self, name: str) -> TriggerStanding:
        """One trigger with its newest firings. Raises: UsageError."""
        return self._standing(self.find(name), _HISTORY)

    def find(self, name: str) -> Trigger:
        """The trigger of that name. Raises: UsageError that names those there are."""
        triggers = {each.name: each for each in self._platform.project.schedule.triggers}
        if name not in triggers:
            near = get_close_matches(name, triggers, n=2)
            there = f"There are: {', '.join(triggers)}." if triggers else "Write one to triggers/NAME.yaml."
            raise UsageError(
                f"there is no trigger {name!r}.", hint=f"Did you mean {' or '.join(near)}?" if near else there
            )
        return triggers[name]

    def ask(self, name: str, why: str, by: str | None = None) -> Trigger:
        """Ask for a run: the scheduler begins it at its next look, within a second or two. Raises: UsageError."""
        trigger = self.find(name)
        if not trigger.enabled:
            raise UsageError(
                f"the trigger {name} is switched off.", hint=f"Write `enabled: true` in {trigger.path.name}."
            )
        said = f"asked for by {by or who()}" + (f": {why}" if why else "")
        happening = Happening(HappeningKind.ASKED, name, self._platform.clock.now(), why=said[:500])
        self._platform.schedule.tell([happening])
        return trigger

    def pause(self, name: str, reason: str, until: datetime | None = None, by: str | None = None) -> Pause:
        """Let a trigger not fire for a while; what is under way goes on. Raises: UsageError."""
        self.find(name)
        if not reason.strip():
            raise UsageError("why is it paused?", hint="Say it with --reason 'stock-taking until Monday'.")
        now = self._platform.clock.now()
        if until is not None and until <= now:
            raise UsageError(
                "the pause would end before it begins.", hint="Say a later instant, or a duration such as 2h."
            )
        pause = Pause(name, now, reason.strip()[:500], by or who(), until)
        self._platform.schedule.pause(pause)
        return pause

    def resume(self, name: str) -> bool:
        """End a pause; False when there was none. Times that passed are caught up as the trigger says. Raises: UsageError."""
        self.find(name)
        return self._platform.schedule.resume(name)

    def cancel(self, id: str, reason: str, by: str | None = None) -> Firing:
        """Cancel a firing, by its id or its trigger's name; a running one stops between batches. Raises: UsageError."""
        store = self._platform.schedule
        open_ = [
            firing
            for status in (FiringStatus.RUNNING, FiringStatus.WAITING)
            for firing in store.firings(status=status)
            if id in (firing.id, firing.trigger)
        ]
        if not open_:
            raise UsageError(f"nothing of {id!r} runs or waits.", hint="See: entrepot triggers list")
        said = f"{reason or 'no longer wanted'} ({by or who()})"
        asked = store.ask_cancel(open_[0].id, said, self._platform.clock.now())
        if asked is None:
            raise UsageError(
                f"{open_[0].id} has ended meanwhile.", hint=f"See: entrepot triggers show {open_[0].trigger}"
            )
        return asked

    def _standing(self, trigger: Trigger, limit: int) -> TriggerStanding:
        store, now = self._platform.schedule, self._platform.clock.now()
        firings = store.firings(trigger=trigger.name, limit=_HISTORY)
        return TriggerStanding(
            trigger=trigger,
            next_at=find_next_time([trigger], now),
            pause=store.pauses(now).get(trigger.name),
            firings=firings[:limit],
            deadlines=store.deadlines(trigger.name, limit),
            usual_s=find_usual_s(firings),
        )


def who() -> str:
    """The person at the terminal."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, in a container
        return "somebody"


def find_end(text: str | None, now: datetime, time_zone: str) -> datetime | None:
    """`2h`, or an instant. Raises: UsageError."""
    if text is None:
        return None
    from entrepot.app.wiring import parse_instant
    from entrepot.runner.triggers.reading import read_duration

    seconds = read_duration(text)
    return parse_instant(text, time_zone) if seconds is None else now + timedelta(seconds=seconds)
