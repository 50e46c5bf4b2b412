"""Deciding which triggers fire: a pure function of settings, memory, happenings and the present instant.

A turn may be repeated, come late, or be made by another process: a time fires at most once, a happening is shown to every trigger once.
A clock that goes back does no harm: what it shows a second time fires only where it has not fired for that very time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from entrepot.ports.schedule import Decision, Firing, Happening, HappeningKind, Memory, Met, Snapshot
from entrepot.runner.triggers.conditions import describe, holds, matches, say_reason
from entrepot.runner.triggers.times import next_time, time_before, times_between
from entrepot.runner.triggers.trigger import CatchUp, Cron, Deadline, Every, Time, Trigger, leaves

LATE = timedelta(seconds=60)
"""After so long a time counts as missed; so far a clock may go back without being believed."""
_OFF = "off"
"""The definition of a trigger that is switched off."""
_KEEP_HORIZON = timedelta(hours=1)
"""So far a horizon may lag behind before it is written down although nothing was due: writing at every turn would only wear the disk."""


def decide(triggers: Iterable[Trigger], snapshot: Snapshot, now: datetime) -> Decision:
    """What fires now, and what is remembered."""
    firings: list[Firing] = []
    joined: list[tuple[str, str]] = []
    memories: list[Memory] = []
    for trigger in triggers:
        before = snapshot.memories.get(trigger.name)
        turn = _Turn(trigger, _remember(trigger, before, now), snapshot, now)
        turn.take()
        firings += turn.firings
        joined += turn.joined
        if before is None or _is_news(before, turn.memory):
            memories.append(turn.memory)
    return Decision(tuple(firings), tuple(joined), tuple(memories), tuple(each.id for each in snapshot.happenings))


def find_next_time(triggers: Iterable[Trigger], now: datetime) -> datetime | None:
    """When the next time is due: until then only happenings can make something fire."""
    times = (
        leaf
        for trigger in triggers
        if trigger.enabled
        for _, leaf in leaves(trigger.when)
        if isinstance(leaf, Cron | Every)
    )
    return min((at for at in (next_time(leaf, now) for leaf in times) if at is not None), default=None)


def find_deadline(deadline: Deadline | None, start: datetime) -> datetime | None:
    """When a run that is due at `start` must have ended."""
    if deadline is None:
        return None
    if deadline.at is not None:
        return next_time(deadline.at, start)
    return start + timedelta(seconds=deadline.within_s or 0)


def _remember(trigger: Trigger, before: Memory | None, now: datetime) -> Memory:
    """The memory to go on from: a new trigger begins now, one with another `when` forgets what came true."""
    if before is None:
        return Memory(trigger.name, now, trigger.definition if trigger.enabled else _OFF)
    memory, definition = before, trigger.definition if trigger.enabled else _OFF
    if memory.definition != definition:
        memory = replace(memory, definition=definition, met={})
    if before.definition == _OFF or now < memory.horizon - LATE:  # nothing is caught up; or the clock was set back
        memory = replace(memory, horizon=now)
    return memory


def _is_news(before: Memory, after: Memory) -> bool:
    same = replace(after, horizon=before.horizon) == before
    return not same or after.horizon < before.horizon or after.horizon - before.horizon > _KEEP_HORIZON


@dataclass(slots=True)
class _Turn:
    """One trigger's part of a turn."""

    trigger: Trigger
    memory: Memory
    snapshot: Snapshot
    now: datetime
    firings: list[Firing] = field(default_factory=list)
    joined: list[tuple[str, str]] = field(default_factory=list)

    def take(self) -> None:
        """Look at everything, fire as often as it holds."""
        if not self.trigger.enabled:
            return
        self._note_happenings(self.snapshot.happenings)
        if self.trigger.name in self.snapshot.paused:
            return  # what came true stays; times are looked at when the pause is over
        dues = self._find_dues()
        if dues:
            self.memory = replace(self.memory, horizon=max(self.memory.horizon, self.now))
        if self.trigger.catch_up is CatchUp.ALL:
            for place, due in dues:
                self._note_time(place, due)
                self._fire_if_held(due)
        else:
            for place, due in dict(dues).items():  # the newest of each condition
                self._note_time(place, due)
        self._fire_if_held(max((due for _, due in dues), default=None))
        if self.memory.horizon < self.now and not dues:
            self.memory = replace(self.memory, horizon=self.now)

    def _note_happenings(self, happenings: Sequence[Happening]) -> None:
        met = dict(self.memory.met)
        for happening in happenings:
            if happening.kind is HappeningKind.ASKED and happening.subject == self.trigger.name:
                met[f"asked.{happening.id}"] = Met(happening.at, happening.why or "asked for")
            for place, leaf in leaves(self.trigger.when):
                if matches(leaf, happening):
                    met[place] = Met(happening.at, happening.why or describe(leaf))
        if met != self.memory.met:
            self.memory = replace(self.memory, met=met)

    def _find_dues(self) -> list[tuple[str, datetime]]:
        """(place, time) of all that is due and was not fired for, in the order of time."""
        fired = self.snapshot.fired.get(self.trigger.name, frozenset())
        found = []
        for place, leaf in leaves(self.trigger.when):
            if isinstance(leaf, Cron | Every):
                times = times_between(leaf, self.memory.horizon, self.now)
                found += [(place, at) for at in times if at not in fired and self._counts(place, leaf, at)]
        return sorted(found, key=lambda pair: pair[1])

    def _counts(self, place: str, leaf: Time, due: datetime) -> bool:
        if place.endswith(".by"):  # only where the trigger did not fire since the last such time
            last, fired_at = time_before(leaf, due), self.memory.fired_at
            return fired_at is None or (last is not None and fired_at <= last)
        return self.trigger.catch_up is not CatchUp.NONE or self.now - due <= LATE

    def _note_time(self, place: str, due: datetime) -> None:
        leaf = next(leaf for at, leaf in leaves(self.trigger.when) if at == place)
        said = f"{describe(leaf)}, due {due:%Y-%m-%d %H:%M:%S} UTC"
        self.memory = replace(self.memory, met={**self.memory.met, place: Met(due, said)})

    def _fire_if_held(self, due: datetime | None) -> None:
        met = self.memory.met
        asked = [each.why for place, each in met.items() if place.startswith("asked.")]
        by_itself = holds(self.trigger.when, met)
        if not asked and not by_itself:
            return
        reason = "; ".join(asked) if not by_itself else say_reason(self.trigger.when, met)
        self._fire(reason, due if by_itself else None)
        # who asked by hand did not bring the conditions about: what came true of them stays
        left = {} if by_itself else {place: each for place, each in met.items() if not place.startswith("asked.")}
        fired_at = self.now if by_itself else self.memory.fired_at
        self.memory = replace(self.memory, met=left, fired_at=fired_at)

    def _fire(self, reason: str, due: datetime | None) -> None:
        waiting = self.snapshot.waiting.get(self.trigger.name)
        if self.trigger.catch_up is not CatchUp.ALL:
            if self.firings:  # one of this turn
                self.firings[-1] = replace(self.firings[-1], reason=f"{self.firings[-1].reason}; {reason}")
                return
            if waiting is not None:
                self.joined.append((waiting.id, reason))
                return
        count = self.memory.count + 1
        self.memory = replace(self.memory, count=count)
        self.firings.append(
            Firing(
                id=f"{self.trigger.name}.{count}",
                trigger=self.trigger.name,
                at=self.now,
                reason=reason,
                due=due,
                selection=self.trigger.run,
                deadline=find_deadline(self.trigger.deadline, due or self.now),
            )
        )
