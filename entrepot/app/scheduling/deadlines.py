"""Deadlines watched: each is told of once when it is at risk, and once when it is missed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from entrepot.kernel.events import Emit, Event
from entrepot.ports.schedule import DeadlineRecord, DeadlineState, Firing, ScheduleStore
from entrepot.runner.hooks import make_calls
from entrepot.runner.schedule import HISTORY, find_usual_s, judge_deadline
from entrepot.runner.triggers.times import next_time, time_before
from entrepot.runner.triggers.trigger import Hook, HookEvent, Trigger, is_timed

_EVENTS = {DeadlineState.AT_RISK: HookEvent.AT_RISK, DeadlineState.MISSED: HookEvent.MISSED}
_EVERY = timedelta(seconds=5)


class Deadlines:
    """Of all triggers that have one."""

    def __init__(self, store: ScheduleStore, emit: Emit) -> None:
        self._store = store
        self._emit = emit
        self._looked_at: datetime | None = None

    def look(self, triggers: Sequence[Trigger], project_hooks: Sequence[Hook], now: datetime) -> None:
        """Judge what is open; a few seconds between two looks are enough."""
        if self._looked_at is not None and timedelta() <= now - self._looked_at < _EVERY:
            return
        self._looked_at = now
        for trigger in triggers:
            if trigger.enabled and trigger.deadline is not None:
                self._look_at(trigger, project_hooks, now)

    def _look_at(self, trigger: Trigger, project_hooks: Sequence[Hook], now: datetime) -> None:
        firings = self._store.firings(trigger=trigger.name, limit=2 * HISTORY)
        final = {
            record.deadline
            for record in self._store.deadlines(trigger.name)
            if record.state in (DeadlineState.MET, DeadlineState.MISSED)
        }
        usual_s = find_usual_s(firings)
        for deadline, since in self._open(trigger, firings, now).items():
            if deadline in final:
                continue
            found = judge_deadline(deadline, since, [f for f in firings if f.deadline == deadline], usual_s, now)
            if found is not None:
                record = DeadlineRecord(trigger.name, deadline, found.state, now, found.firing, found.why)
                self._note(trigger, project_hooks, record)

    def _open(self, trigger: Trigger, firings: Sequence[Firing], now: datetime) -> dict[datetime, datetime]:
        """deadline → since when it is waited for: of each firing; of triggers that wait for more than the time also the next and the last one."""
        found = {each.deadline: each.due or each.at for each in firings if each.deadline is not None}
        at = None if trigger.deadline is None else trigger.deadline.at
        if at is None or is_timed(trigger):
            return found
        expected_since = self._expected_since(trigger, now)
        for deadline in (time_before(at, now + timedelta(microseconds=1)), next_time(at, now)):
            before = None if deadline is None else time_before(at, deadline)
            if deadline is not None and deadline > expected_since:
                found.setdefault(deadline, max(before or expected_since, expected_since))
        return found

    def _expected_since(self, trigger: Trigger, now: datetime) -> datetime:
        """When this deadline was first looked at: nothing is missed from before."""
        name, asked = f"deadline:{trigger.name}", repr(trigger.deadline)
        mark = self._store.mark(name)
        if mark is not None and mark.partition(" ")[2] == asked:
            return datetime.fromisoformat(mark.partition(" ")[0])
        self._store.tell_watched([], name, mark, f"{now.isoformat()} {asked}")
        return now

    def _note(self, trigger: Trigger, project_hooks: Sequence[Hook], record: DeadlineRecord) -> None:
        event = _EVENTS.get(record.state)
        calls = []
        if event is not None:
            subject = f"{trigger.name}@{record.deadline.isoformat()}"
            body = {
                "trigger": trigger.name,
                "firing": record.firing,
                "deadline": record.deadline.isoformat(),
                "reason": record.why,
            }
            calls = make_calls(trigger.hooks, [event], subject, body, record.at, trigger=trigger.name)
            calls += make_calls(project_hooks, [event], subject, body, record.at, trigger=trigger.name, scope="project")
        if self._store.note_deadline(record, calls) and event is not None:
            said = {"deadline": record.deadline.isoformat(), "firing": record.firing, "why": record.why}
            self._emit(Event(event.value, trigger.name, said))
