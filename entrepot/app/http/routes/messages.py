"""Messages on their way out: hand in, take, acknowledge, give back, send again."""

from __future__ import annotations

import base64
from typing import Annotated

from fastapi import APIRouter, Header, Path, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import Field

from entrepot.app.http.asked import Caller, Context
from entrepot.app.http.errors import ReferenceTaken
from entrepot.app.http.routes.record_shapes import RecordDetail, at_us, message_detail
from entrepot.app.http.shapes import Instant, Shape
from entrepot.app.outbox_desk import MOST_AT_ONCE, NoSuchMessage, Taken
from entrepot.kernel.events import Event
from entrepot.ports.outbox import Draft, Enqueued, Enqueueing

router = APIRouter(tags=["messages"])
Integration = Annotated[str, Path(max_length=200)]
MessageId = Annotated[str, Path(max_length=200)]
_ANY_BODY = {"requestBody": {"required": True, "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}}


class HandedIn(Shape):
    """A message that is durable now."""

    id: str
    is_repeated: bool = Field(description="true: it was there already, under its reference or id")
    record: str = Field(description="where it is shown")


class TakeWanted(Shape):
    """How many, for how long, and by whom."""

    limit: int = Field(10, ge=1, le=MOST_AT_ONCE)
    lease_s: float | None = Field(None, gt=0, le=43_200, description="null: as `publish/` says")
    consumer: str | None = Field(None, min_length=1, max_length=200, description="null: the caller's name")


class TakenMessage(Shape):
    """A message that is held for the taker."""

    id: str
    receipt: str = Field(description="names this taking: with it one gives back")
    reference: str
    key: str | None
    type: str
    content_type: str
    created_at: Instant
    attempts: int
    text: str | None = Field(description="the body, where it is text")
    base64: str | None = Field(description="the body, where it is not")


class TakenMessages(Shape):
    """None: nothing is due."""

    items: list[TakenMessage]


class Why(Shape):
    """A reason."""

    reason: str = Field("", max_length=1_000)


class NackWanted(Shape):
    """Why a message is given back, and when it is given out again."""

    receipt: Annotated[str, Field(min_length=3, max_length=200)]
    reason: Annotated[str, Field(min_length=1, max_length=1_000)]
    delay_s: float | None = Field(None, ge=0, le=604_800, description="null: as `publish/` says")
    dead: bool = Field(False, description="true: nobody gets it again before somebody sends it again")


class ResendWanted(Shape):
    """Why it is sent again."""

    reason: Annotated[str, Field(min_length=1, max_length=1_000)]


class GivenBack(Shape):
    """False: somebody else has the message by now, or it is settled."""

    counts: bool


@router.post("/out/{integration}", response_model=HandedIn, status_code=202, openapi_extra=_ANY_BODY)
async def send_message(
    context: Context,
    caller: Caller,
    integration: Integration,
    request: Request,
    content_type: Annotated[str, Header(max_length=200)] = "application/json",
    x_reference: Annotated[
        str, Header(max_length=500, description="Your own id of it; the same once more is one message.")
    ] = "",
    x_key: Annotated[
        str | None, Header(max_length=500, description="Messages of one key may be sent in order.")
    ] = None,
    x_type: Annotated[str, Header(max_length=200, description="What it tells, `order.changed`.")] = "",
) -> HandedIn:
    """Hand a message in: the body as it is. It is durable when this is answered."""
    body = await request.body()

    def send() -> Enqueued:
        stated = {one.name: one.type for one in context.projects.project().publications}
        kind = x_type or stated.get(integration) or ""
        draft = Draft(integration, body, content_type, x_reference, x_key, kind)
        return context.outbox_desk().send([draft], who=caller.name)[0]

    answer = await run_in_threadpool(send)
    if answer.first is not None:
        raise ReferenceTaken(answer.first)
    context.projects.announce(Event("messages_changed", answer.id, {"integration": integration}))
    is_repeated = answer.outcome is Enqueueing.REPEATED
    return HandedIn(id=answer.id, is_repeated=is_repeated, record=f"/api/v1/records/{answer.id}")


@router.post("/out/{integration}/take", response_model=TakenMessages)
def take_messages(context: Context, caller: Caller, integration: Integration, wanted: TakeWanted) -> TakenMessages:
    """Take messages of a queue for a while. Those that are not acknowledged in time are given out again."""
    who = wanted.consumer or caller.name
    found = context.outbox_desk().take(integration, who=who, limit=wanted.limit, lease_s=wanted.lease_s)
    return TakenMessages(items=[_taken(each) for each in found])


@router.post("/messages/{id}:acknowledge", response_model=RecordDetail)
def acknowledge_message(context: Context, caller: Caller, id: MessageId, why: Why) -> RecordDetail:
    """Settle a message, by its id or by its receipt: its receiver has it, or a person says so. Repeatable."""
    desk = context.outbox_desk()
    if not desk.acknowledge([id], who=caller.name, why=why.reason):
        raise NoSuchMessage(f"there is no message {id[:80]!r}.", hint="See: GET /api/v1/records?direction=out")
    return _shown(context, id.partition(".")[0])


@router.post("/messages/{id}:nack", response_model=GivenBack)
def nack_message(context: Context, caller: Caller, id: MessageId, wanted: NackWanted) -> GivenBack:
    """Give a message back with the reason, to be given out again after a while, or to nobody."""
    desk = context.outbox_desk()
    if wanted.receipt.partition(".")[0] != id.partition(".")[0]:
        raise NoSuchMessage("the receipt is of another message.", hint="Send the one that came with it.")
    counts = desk.nack(wanted.receipt, who=caller.name, why=wanted.reason, delay_s=wanted.delay_s, dead=wanted.dead)
    _tell(context, id)
    return GivenBack(counts=counts)


@router.post("/messages/{id}:resend", response_model=RecordDetail)
def resend_message(context: Context, caller: Caller, id: MessageId, wanted: ResendWanted) -> RecordDetail:
    """Send a message again under the same id; one that waits already is left alone."""
    desk = context.outbox_desk()
    desk.show(id)
    desk.resend([id], who=caller.name, why=wanted.reason)
    return _shown(context, id)


def _shown(context: Context, id: str) -> RecordDetail:
    _tell(context, id)
    return message_detail(context.outbox_desk().show(id).message)


def _tell(context: Context, id: str) -> None:
    context.projects.announce(Event("messages_changed", id, {}))


def _taken(taken: Taken) -> TakenMessage:
    message = taken.message
    try:
        text: str | None = message.body.decode()
    except UnicodeDecodeError:
        text = None
    return TakenMessage(
        id=message.id,
        receipt=taken.receipt,
        reference=message.reference,
        key=message.key,
        type=message.type,
        content_type=message.content_type,
        created_at=at_us(message.created_us),
        attempts=message.attempts,
        text=text,
        base64=None if text is not None else base64.b64encode(message.body).decode(),
    )
