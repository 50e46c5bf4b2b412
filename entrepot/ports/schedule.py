"""The schedule's memory: what triggers have seen, which runs they asked for, deadlines, pauses, calls of hooks, and slots of outside systems.

A *firing* is one wish of a trigger that something be run. It is written down before it runs; one whose process died runs again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol


class HappeningKind(StrEnum):
    """What triggers may wait for besides the time."""

    FILE = "file"
    """The subject is a source in whose `incoming/` a file arrived."""
    RELEASE = "release"
    """The subject is a dataset that a release brought to a new state."""
    EVENT = "event"
    """The subject is the type of a CloudEvent, a webhook or an event of the platform."""
    ASKED = "asked"
    """The subject is a trigger that somebody asked for."""


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened, kept until a turn has shown it to all triggers."""

    kind: HappeningKind
    subject: str
    at: datetime
    id: int = 0
    """Its number in the store; 0: not stored yet."""
    source: str = ""
    """Of an event: who sent it."""
    why: str = ""
    """In words for people: the file's name, the release, who asked and why."""
    is_healthy: bool = True
    """Of a release: the dataset's rules and freshness hold."""


@dataclass(frozen=True, slots=True)
class Met:
    """A condition that came true since the trigger's last firing."""

    at: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Memory:
    """What one trigger remembers between turns."""

    trigger: str
    horizon: datetime
    """Times up to here have been looked at."""
    definition: str = ""
    """Hash of its `when`: conditions that were met under another one do not count."""
    met: Mapping[str, Met] = field(default_factory=dict)
    """Place of the condition in `when` → how it came true."""
    fired_at: datetime | None = None
    count: int = 0
    """Firings so far; never starts again, since their ids are made of it."""


class FiringStatus(StrEnum):
    """waiting → running → succeeded | failed | cancelled; running → waiting when it is tried again or its process died."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Firing:
    """One wish of a trigger that its selection be run."""

    id: str
    """`trigger.number`."""
    trigger: str
    at: datetime
    """When it was decided."""
    reason: str
    due: datetime | None = None
    """The time that caused it, where one did."""
    selection: tuple[str, ...] = ()
    """What its next attempt runs: after a failure only what failed, and what that held."""
    status: FiringStatus = FiringStatus.WAITING
    attempt: int = 1
    not_before: datetime | None = None
    deadline: datetime | None = None
    holder: str | None = None
    started_at: datetime | None = None
    """Of the first attempt."""
    ended_at: datetime | None = None
    run: str | None = None
    """The run of its last attempt."""
    release: int | None = None
    note: str | None = None
    cancel: str | None = None
    """Why somebody wants it to stop."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A trigger that does not fire for a while."""

    trigger: str
    at: datetime
    reason: str
    by: str = ""
    until: datetime | None = None


class DeadlineState(StrEnum):
    """How a deadline stands; it only moves on."""

    AT_RISK = "at_risk"
    MISSED = "missed"
    MET = "met"


@dataclass(frozen=True, slots=True)
class DeadlineRecord:
    """One deadline of a trigger, once there is something to say of it."""

    trigger: str
    deadline: datetime
    state: DeadlineState
    at: datetime
    firing: str | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a hook, or one report to be sent: made once for each event, tried until it succeeds or is given up."""

    id: str
    """Tells the receiver that a second call is the same one."""
    trigger: str
    """Empty for the project's own hooks."""
    event: str
    target: Mapping[str, Any]
    """What to call, as plain JSON: `{"webhook": …}`, `{"command": […]}`, `{"message": …}`, `{"report": …}`."""
    body: Mapping[str, Any]
    at: datetime
    attempts: int = 0
    next_at: datetime | None = None
    done_at: datetime | None = None
    error: str | None = None
    """What the last attempt said; with `done_at`: why it was given up."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that a decision looks at."""

    memories: Mapping[str, Memory] = field(default_factory=dict)
    happenings: Sequence[Happening] = ()
    waiting: Mapping[str, Firing] = field(default_factory=dict)
    """trigger → its newest firing that has not begun (one that is tried again has begun)."""
    paused: Mapping[str, Pause] = field(default_factory=dict)
    fired: Mapping[str, frozenset[datetime]] = field(default_factory=dict)
    """trigger → times beyond its horizon that it has fired for already: somebody turned the clock back."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a turn changes."""

    firings: tuple[Firing, ...] = ()
    joined: tuple[tuple[str, str], ...] = ()
    """(waiting firing, a further reason): wishes that join one that has not begun."""
    memories: tuple[Memory, ...] = ()
    seen: tuple[int, ...] = ()
    """Happenings that all triggers were shown."""

    @property
    def is_empty(self) -> bool:
        """True when nothing has to be written."""
        return not (self.firings or self.joined or self.memories or self.seen)


@dataclass(frozen=True, slots=True)
class Slot:
    """The right to use an outside system until it is given back; the holder's death gives it back, too."""

    system: str
    number: int
    holder: str


class ScheduleStore(Protocol):
    """Called from several threads and processes. Each method is one durable transaction."""

    # deciding
    def turn(self, now: datetime, decide: Callable[[Snapshot], Decision]) -> Decision:
        """Let `decide` look and write down what it decides, as one step; it is called once more under the lock when there is something to write."""
        ...

    def tell(self, happenings: Sequence[Happening]) -> None:
        """Keep happenings for the next turn."""
        ...

    def tell_watched(self, happenings: Sequence[Happening], name: str, was: str | None, mark: str) -> bool:
        """The same, together with the mark of how far something was watched; False, and nothing kept, when another process moved the mark."""
        ...

    def mark(self, name: str) -> str | None:
        """How far something was watched."""
        ...

    # firings
    def start(self, now: datetime, holder: str) -> Firing | None:
        """Take the oldest firing whose time has come and whose trigger has none under way."""
        ...

    def end(self, firing: Firing, calls: Sequence[Call] = (), deadline: DeadlineRecord | None = None) -> None:
        """Write down how a running firing ended, or that it waits to be tried again, with what follows from it. A firing of another holder is left alone."""
        ...

    def revive(self, is_alive: Callable[[str], bool]) -> Sequence[Firing]:
        """Let firings whose process died wait again; returns them."""
        ...

    def ask_cancel(self, id: str, reason: str, now: datetime) -> Firing | None:
        """A waiting firing is cancelled at once, a running one is asked to stop; None when it has ended or never was."""
        ...

    def cancels(self, holder: str) -> Mapping[str, str]:
        """firing → why, of the holder's running firings that somebody wants to stop."""
        ...

    def firings(
        self, *, trigger: str | None = None, status: FiringStatus | None = None, limit: int = 50
    ) -> Sequence[Firing]:
        """Newest first."""
        ...

    def firing(self, id: str) -> Firing | None:
        """One firing."""
        ...

    def next_waiting(self) -> datetime | None:
        """The earliest `not_before` of those that wait for a time."""
        ...

    # pauses
    def pause(self, pause: Pause) -> None:
        """Set or replace a trigger's pause."""
        ...

    def resume(self, trigger: str) -> bool:
        """End a pause; False when there was none."""
        ...

    def pauses(self, now: datetime) -> Mapping[str, Pause]:
        """trigger → its pause, where it has not run out."""
        ...

    # deadlines
    def note_deadline(self, record: DeadlineRecord, calls: Sequence[Call] = ()) -> bool:
        """Write down what became of a deadline, with what follows; False when that, or more, was known already."""
        ...

    def deadlines(self, trigger: str | None = None, limit: int = 50) -> Sequence[DeadlineRecord]:
        """Newest first."""
        ...

    # calls
    def add_calls(self, calls: Sequence[Call]) -> None:
        """Keep calls to be made; those whose id is known are left as they are."""
        ...

    def next_call(self) -> datetime | None:
        """When the next call is due; None when none waits."""
        ...

    def take_calls(self, now: datetime, limit: int, hold_s: float) -> Sequence[Call]:
        """Calls whose time has come; nobody else is given them for so long."""
        ...

    def note_call(self, call: Call) -> None:
        """Write down what an attempt came to."""
        ...

    def calls(self, limit: int = 50) -> Sequence[Call]:
        """Newest first."""
        ...

    # slots
    def enter(self, system: str, most: int, holder: str, is_alive: Callable[[str], bool]) -> Slot | None:
        """A free slot of a system; None when all are taken by holders that live."""
        ...

    def leave(self, slot: Slot) -> None:
        """Give it back."""
        ...

    def slots(self) -> Sequence[Slot]:
        """Those that are taken."""
        ...

    def prune(self, before: datetime) -> int:
        """Forget ended firings, deadlines and calls from before an instant; returns how many."""
        ...
