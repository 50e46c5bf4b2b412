"""Integrations: who sends to us and whom we send to, how each stands, pause and resume."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import AwareDatetime, Field

from entrepot.app.http.asked import Caller, Context
from entrepot.app.http.context import ApiContext
from entrepot.app.http.errors import NotThere
from entrepot.app.http.routes.record_shapes import at_us
from entrepot.app.http.shapes import Instant, Shape
from entrepot.app.outbox_desk import Standing
from entrepot.app.pauses import InboundPause
from entrepot.app.sources import Source
from entrepot.kernel.errors import UsageError
from entrepot.kernel.events import Event

router = APIRouter(tags=["integrations"])
Name = Annotated[str, Path(max_length=200)]


class IntegrationItem(Shape):
    """One integration, in or out."""

    name: str
    direction: Literal["in", "out"]
    connector: str
    dataset: str | None = Field(description="in: what its records become; out: what its messages are made from")
    description: str
    counts: dict[str, int] = Field(description="status → records; empty where the store is not running here")
    codes: dict[str, int] = Field(description="error code → records")
    oldest_waiting_at: Instant | None
    outputs_waiting: int = Field(description="in: rows that bronze has not taken yet")
    failures: int = Field(description="out: attempts that failed in a row")
    is_paused: bool
    pause_reason: str | None
    paused_by: str | None
    paused_until: Instant | None


class Integrations(Shape):
    """All of them, by direction and name."""

    items: list[IntegrationItem]


class PauseWanted(Shape):
    """Why, and until when."""

    reason: Annotated[str, Field(min_length=1, max_length=1_000)]
    until: AwareDatetime | None = Field(None, description="in: when it ends by itself")


class ResumeWanted(Shape):
    """Why."""

    reason: str = Field("", max_length=1_000)


@router.get("/integrations", response_model=Integrations)
def list_integrations(context: Context) -> Integrations:
    """List integrations and how each stands."""
    inbound = [_inbound(context, source) for source in _sources(context)]
    return Integrations(items=[*inbound, *_outbound(context)])


@router.get("/integrations/{name}", response_model=IntegrationItem)
def get_integration(context: Context, name: Name) -> IntegrationItem:
    """Show one integration."""
    return _find(context, name)


@router.post("/integrations/{name}:pause", response_model=IntegrationItem)
def pause_integration(context: Context, caller: Caller, name: Name, wanted: PauseWanted) -> IntegrationItem:
    """Pause: an inbound one refuses records with 503 and `Retry-After`, an outbound one holds its messages back."""
    found = _find(context, name)
    if found.direction == "out":
        if wanted.until is not None:
            raise UsageError("a pause of an outbound integration has no end.", hint="Leave `until` out, and resume it.")
        context.outbox_desk().pause(name, who=caller.name, why=wanted.reason)
    else:
        now = context.clock.now()
        context.pauses.pause(InboundPause(name, caller.name, wanted.reason, now, wanted.until))
    context.projects.announce(Event("integration_paused", name, {"reason": wanted.reason, "who": caller.name}))
    return _find(context, name)


@router.post("/integrations/{name}:resume", response_model=IntegrationItem)
def resume_integration(context: Context, caller: Caller, name: Name, wanted: ResumeWanted) -> IntegrationItem:
    """Go on."""
    found = _find(context, name)
    if found.direction == "out":
        context.outbox_desk().resume(name, who=caller.name, why=wanted.reason)
    else:
        context.pauses.resume(name)
    context.projects.announce(Event("integration_resumed", name, {"who": caller.name}))
    return _find(context, name)


def _find(context: ApiContext, name: str) -> IntegrationItem:
    source = next((each for each in _sources(context) if each.name == name), None)
    if source is not None:
        return _inbound(context, source)
    found = next((each for each in _outbound(context) if each.name == name), None)
    if found is None:
        raise NotThere(f"there is no integration {name!r}.", hint="See: GET /api/v1/integrations")
    return found


def _sources(context: ApiContext) -> list[Source]:
    found = [source for source in context.projects.project().sources if source.connector == "inbox"]
    return sorted(found, key=lambda source: source.name)


def _inbound(context: ApiContext, source: Source) -> IntegrationItem:
    counts = context.inbox.counts(source.name) if context.inbox is not None else None
    pause = context.pauses.find(source.name, context.clock.now())
    stated = source.options.get("paused") is True
    oldest = counts.oldest_waiting_us if counts is not None else None
    return IntegrationItem(
        name=source.name,
        direction="in",
        connector=source.connector,
        dataset=source.dataset,
        description=str(source.document.value.get("description") or ""),
        counts={} if counts is None else {status.value: n for status, n in counts.by_status.items()},
        codes={} if counts is None else dict(counts.by_code),
        oldest_waiting_at=None if oldest is None else at_us(oldest),
        outputs_waiting=0 if counts is None else counts.outputs_waiting,
        failures=0,
        is_paused=stated or pause is not None,
        pause_reason=pause.reason if pause else "its file says `paused: true`" if stated else None,
        paused_by=pause.who if pause else None,
        paused_until=pause.until if pause else None,
    )


def _outbound(context: ApiContext) -> list[IntegrationItem]:
    if context.outbox is None:
        return []
    return [_of_standing(each) for each in context.outbox_desk().integrations()]


def _of_standing(standing: Standing) -> IntegrationItem:
    one, state, counts = standing.publication, standing.state, standing.counts
    oldest = counts.oldest_queued_us
    return IntegrationItem(
        name=one.name,
        direction="out",
        connector=standing.connector,
        dataset=one.origin.dataset if one.origin else None,
        description=one.description,
        counts={status.value: number for status, number in counts.by_status.items()},
        codes=dict(counts.by_code),
        oldest_waiting_at=None if oldest is None else at_us(oldest),
        outputs_waiting=0,
        failures=state.failures,
        is_paused=state.paused,
        pause_reason=state.reason or None if state.paused else None,
        paused_by=state.who or None if state.paused else None,
        paused_until=None,
    )
