"""How a firing ends: tried again, succeeded, failed, cancelled; which hooks and reports follow. Values in, values out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from entrepot.app.scheduling.running import find_facts, find_outcomes
from entrepot.app.session import RunReport
from entrepot.kernel.errors import EntrepotError
from entrepot.ports.schedule import Call, DeadlineRecord, DeadlineState, Firing, FiringStatus
from entrepot.runner.cancel import CancelToken
from entrepot.runner.hooks import RunFacts, find_events, make_calls
from entrepot.runner.retries import Retry, decide_retry, decide_retry_of_error
from entrepot.runner.triggers.trigger import Hook, HookEvent, Retries, Trigger

STOPPED = ("the platform was stopped", "the scheduler was closed")
"""Reasons after which a firing is not cancelled, but waits for the next process."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What is written down in one step."""

    firing: Firing
    calls: tuple[Call, ...] = ()
    deadline: DeadlineRecord | None = None


def end_with_report(
    firing: Firing,
    trigger: Trigger | None,
    project_hooks: Sequence[Hook],
    report: RunReport,
    cancel: CancelToken,
    now: datetime,
    latest_release: int | None,
) -> Ending:
    """After a run that was made, well or not."""
    firing = replace(firing, run=report.id)
    if cancel.is_cancelled():
        return _end_cancelled(firing, cancel.reason, now)
    facts = find_facts(report, now, latest_release)
    retry = decide_retry(_retries(trigger), firing.attempt, find_outcomes(report))
    if retry is not None:
        said = ", ".join(f"{flow} ({code})" for flow, code in facts.failed)
        rejected = [event for event in find_events(facts) if event is HookEvent.REJECTED]
        return Ending(
            _wait_again(firing, retry, f"tried again: {said}", now),
            _calls(firing, trigger, project_hooks, facts, rejected),
        )
    return _end(firing, trigger, project_hooks, facts, now)


def end_with_error(
    firing: Firing, trigger: Trigger | None, project_hooks: Sequence[Hook], error: EntrepotError, now: datetime
) -> Ending:
    """After a run that could not be made as a whole."""
    retry = decide_retry_of_error(_retries(trigger), firing.attempt, error.code, firing.selection)
    if retry is not None:
        return Ending(_wait_again(firing, retry, f"tried again: {error.code}", now))
    facts = RunFacts(firing.run or "", False, now, failed=(("run", error.code),))
    ending = _end(firing, trigger, project_hooks, facts, now)
    return replace(ending, firing=replace(ending.firing, note=f"{error.code}: {error.message}"[:1000]))


def end_without_run(firing: Firing, trigger: Trigger, release: int | None, now: datetime) -> Ending:
    """A trigger that only sends its report."""
    facts = RunFacts("", True, now, release=release)
    return _end(firing, trigger, (), facts, now)


def _end(
    firing: Firing, trigger: Trigger | None, project_hooks: Sequence[Hook], facts: RunFacts, now: datetime
) -> Ending:
    status = FiringStatus.SUCCEEDED if facts.succeeded else FiringStatus.FAILED
    failed = ", ".join(f"{flow} ({code})" for flow, code in facts.failed)
    ended = replace(firing, status=status, ended_at=now, release=facts.release, note=failed or None)
    calls = _calls(firing, trigger, project_hooks, facts, find_events(facts))
    if facts.succeeded and trigger is not None and trigger.report is not None:
        calls += (_report_call(firing, trigger, facts, now),)
    return Ending(ended, calls, _met(ended, now))


def _end_cancelled(firing: Firing, reason: str, now: datetime) -> Ending:
    if reason in STOPPED:
        return Ending(replace(firing, status=FiringStatus.WAITING, note=reason))
    return Ending(
        replace(firing, status=FiringStatus.CANCELLED, ended_at=now, cancel=reason, note=f"cancelled: {reason}")
    )


def _wait_again(firing: Firing, retry: Retry, note: str, now: datetime) -> Firing:
    return replace(
        firing,
        status=FiringStatus.WAITING,
        selection=retry.selection,
        attempt=firing.attempt + 1,
        not_before=now + timedelta(seconds=retry.wait_s),
        note=note[:1000],
    )


def _calls(
    firing: Firing, trigger: Trigger | None, project_hooks: Sequence[Hook], facts: RunFacts, events: Sequence[HookEvent]
) -> tuple[Call, ...]:
    body: dict[str, Any] = {
        "trigger": firing.trigger, "firing": firing.id, "reason": firing.reason, "attempt": firing.attempt, **facts.to_json(),
    }  # fmt: skip
    subject = f"{firing.id}.{firing.attempt}"
    own = () if trigger is None else trigger.hooks
    return (
        *make_calls(own, events, subject, body, facts.ended_at, trigger=firing.trigger),
        *make_calls(project_hooks, events, subject, body, facts.ended_at, trigger=firing.trigger, scope="project"),
    )


def _report_call(firing: Firing, trigger: Trigger, facts: RunFacts, now: datetime) -> Call:
    assert trigger.report is not None
    return Call(
        id=f"{firing.id}/report",
        trigger=firing.trigger,
        event="report",
        target={"report": asdict(trigger.report)},
        body={"release": facts.release, "firing": firing.id, "trigger": firing.trigger},
        at=now,
    )


def _met(firing: Firing, now: datetime) -> DeadlineRecord | None:
    """A deadline that was kept; one that was not is told of by who watches them."""
    if firing.deadline is None or firing.status is not FiringStatus.SUCCEEDED or now > firing.deadline:
        return None
    return DeadlineRecord(firing.trigger, firing.deadline, DeadlineState.MET, now, firing.id)


def _retries(trigger: Trigger | None) -> Retries:
    return Retries() if trigger is None else trigger.retries
