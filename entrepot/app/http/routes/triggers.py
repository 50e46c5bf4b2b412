"""Triggers: what starts by itself, what it did, and to ask for it, pause it, cancel it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import AwareDatetime, Field

from entrepot.app.http.asked import Caller, Context
from entrepot.app.http.context import ApiContext
from entrepot.app.http.errors import NotThere
from entrepot.app.http.shapes import Instant, Shape
from entrepot.kernel.errors import UsageError
from entrepot.kernel.events import Event
from entrepot.ports import schedule as port
from entrepot.runner.triggers.decide import find_next_time
from entrepot.runner.triggers.trigger import Trigger

router = APIRouter(tags=["triggers"])
Name = Annotated[str, Path(max_length=200)]
FIRINGS = 20


class FiringItem(Shape):
    """One wish of a trigger that something be run."""

    id: str
    trigger: str
    at: Instant
    reason: str
    status: port.FiringStatus
    attempt: int
    due: Instant | None
    deadline: Instant | None
    started_at: Instant | None
    ended_at: Instant | None
    run: str | None
    release: int | None
    note: str | None


class TriggerPause(Shape):
    """A pause, and whose it is."""

    at: Instant
    reason: str
    who: str
    until: Instant | None


class TriggerItem(Shape):
    """One trigger."""

    name: str
    description: str
    when: Any = Field(description="as its file says")
    run: list[str] = Field(description="what it runs; empty: everything")
    is_enabled: bool
    next_at: Instant | None = Field(description="the next time that is known; happenings may come before")
    pause: TriggerPause | None
    last: list[FiringItem] = Field(description="newest first")


class Triggers(Shape):
    """All triggers."""

    items: list[TriggerItem]


class RunTrigger(Shape):
    """Why it is asked for."""

    reason: str = Field("", max_length=1_000)


class PauseTrigger(Shape):
    """Why, and until when."""

    reason: Annotated[str, Field(min_length=1, max_length=1_000)]
    until: AwareDatetime | None = None


class Asked(Shape):
    """It is kept durably, and runs as soon as the scheduler looks."""

    trigger: str
    asked_at: Instant


@router.get("/triggers", response_model=Triggers)
def list_triggers(context: Context) -> Triggers:
    """List triggers, when each fires next and what it did last."""
    return Triggers(items=[_item(context, each) for each in _all(context)])


@router.get("/triggers/{name}", response_model=TriggerItem)
def get_trigger(context: Context, name: Name) -> TriggerItem:
    """Show one trigger."""
    return _item(context, _find(context, name))


@router.post("/triggers/{name}:run", response_model=Asked, status_code=202)
def run_trigger(context: Context, caller: Caller, name: Name, wanted: RunTrigger, response: Response) -> Asked:
    """Ask for a trigger now. While a run of it is under way one more waits, never two."""
    trigger = _find(context, name)
    now = context.clock.now()
    why = f"asked for by {caller.name}" + (f": {wanted.reason}" if wanted.reason else "")
    asked = port.Happening(port.HappeningKind.ASKED, trigger.name, now, why=why)
    context.projects.schedule().tell([asked])
    _changed(context, trigger.name)
    response.headers["Location"] = f"/api/v1/triggers/{trigger.name}"
    return Asked(trigger=trigger.name, asked_at=now)


@router.post("/triggers/{name}:pause", response_model=TriggerItem)
def pause_trigger(context: Context, caller: Caller, name: Name, wanted: PauseTrigger) -> TriggerItem:
    """Keep a trigger from firing, until it is resumed or until an instant."""
    trigger, now = _find(context, name), context.clock.now()
    if wanted.until is not None and wanted.until <= now:
        raise UsageError("`until` is over already.", hint="Name an instant to come, or leave it out.")
    context.projects.schedule().pause(port.Pause(trigger.name, now, wanted.reason, caller.name, wanted.until))
    _changed(context, trigger.name)
    return _item(context, trigger)


@router.post("/triggers/{name}:resume", response_model=TriggerItem)
def resume_trigger(context: Context, name: Name) -> TriggerItem:
    """Let a trigger fire again."""
    trigger = _find(context, name)
    context.projects.schedule().resume(trigger.name)
    _changed(context, trigger.name)
    return _item(context, trigger)


@router.post("/firings/{id}:cancel", response_model=FiringItem)
def cancel_firing(
    context: Context, caller: Caller, id: Annotated[str, Path(max_length=300)], wanted: RunTrigger
) -> FiringItem:
    """Cancel a firing that waits; ask one that runs to stop between its batches."""
    store, now = context.projects.schedule(), context.clock.now()
    reason = f"cancelled by {caller.name}" + (f": {wanted.reason}" if wanted.reason else "")
    found = store.ask_cancel(id, reason, now)
    if found is None:
        raise NotThere(f"no firing {id!r} waits or runs.", hint="See: GET /api/v1/triggers")
    _changed(context, found.trigger)
    return to_firing(found)


def to_firing(firing: port.Firing) -> FiringItem:
    """As it is sent."""
    return FiringItem(
        id=firing.id,
        trigger=firing.trigger,
        at=firing.at,
        reason=firing.reason,
        status=firing.status,
        attempt=firing.attempt,
        due=firing.due,
        deadline=firing.deadline,
        started_at=firing.started_at,
        ended_at=firing.ended_at,
        run=firing.run,
        release=firing.release,
        note=firing.note,
    )


def _all(context: ApiContext) -> tuple[Trigger, ...]:
    return context.projects.project().schedule.triggers


def _find(context: ApiContext, name: str) -> Trigger:
    found = next((each for each in _all(context) if each.name == name), None)
    if found is None:
        raise NotThere(f"there is no trigger {name!r}.", hint="Write triggers/NAME.yaml; see: GET /api/v1/triggers")
    return found


def _item(context: ApiContext, trigger: Trigger) -> TriggerItem:
    from entrepot.kernel.documents import load_document

    store, now = context.projects.schedule(), context.clock.now()
    pause = store.pauses(now).get(trigger.name)
    when = load_document(trigger.path).value.get("when") if trigger.path.is_file() else None
    return TriggerItem(
        name=trigger.name,
        description=trigger.description,
        when=when,
        run=list(trigger.run),
        is_enabled=trigger.enabled,
        next_at=find_next_time((trigger,), now) if trigger.enabled else None,
        pause=None
        if pause is None
        else TriggerPause(at=pause.at, reason=pause.reason, who=pause.by, until=pause.until),
        last=[to_firing(each) for each in store.firings(trigger=trigger.name, limit=FIRINGS)],
    )


def _changed(context: ApiContext, trigger: str) -> None:
    if context.wake_scheduler is not None:
        context.wake_scheduler()
    context.projects.announce(Event("trigger_changed", trigger, {}))
