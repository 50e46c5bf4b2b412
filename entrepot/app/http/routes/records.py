"""The desk for records: where is it, why is it stuck, and can it be sent on?"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, Field

from entrepot.app.explaining import ExplainDesk, Limits
from entrepot.app.http.asked import Caller, Context, Cursor, Limit, Since, Until, Word
from entrepot.app.http.context import ApiContext
from entrepot.app.http.cursors import read_number, write_cursor
from entrepot.app.http.errors import NotThere, require_running
from entrepot.app.http.routes import record_shapes as shapes
from entrepot.app.http.routes.explain import Explanation, to_forward
from entrepot.app.http.routes.operations import Apply, OperationState, PreviewShape, to_operation, to_preview
from entrepot.app.http.routes.record_actions import RecordVerb, record_action, record_filter
from entrepot.app.http.routes.record_shapes import Direction, RecordDetail, RecordId, RecordPage
from entrepot.app.http.shapes import Shape, write_value
from entrepot.app.records_desk import RecordsDesk
from entrepot.kernel.errors import UsageError
from entrepot.kernel.events import Event
from entrepot.ports.inbox import InboxRecord, RecordFilter, RecordStatus, Replay
from entrepot.ports.outbox import Delivery, Message, MessageFilter, MessageStatus

router = APIRouter(tags=["records"])
MOST_IDS = 1_000
Status = Literal["just_in", "processed", "error", "queued", "acknowledged", "dead"]


class BulkRecords(Shape):
    """A set of records: ids, or everything that the filter matches."""

    verb: RecordVerb = "replay"
    direction: Direction = "in"
    ids: list[Annotated[str, Field(min_length=1, max_length=100)]] = Field(default_factory=list, max_length=MOST_IDS)
    integration: str | None = Field(None, max_length=200)
    status: Status | None = None
    code: str | None = Field(None, max_length=200)
    reference: str | None = Field(None, max_length=1_000)
    since: AwareDatetime | None = Field(None, alias="from")
    until: AwareDatetime | None = Field(None, alias="to")
    reason: Annotated[str, Field(min_length=1, max_length=1_000, description="why; kept with each record")]


class Edit(Shape):
    """What is processed in place of the body as received, which stays."""

    base64: Annotated[str, Field(max_length=4_000_000, description="the whole body")]
    reason: Annotated[str, Field(min_length=1, max_length=1_000)]


class EffectItem(Shape):
    """What a replay would do to one record."""

    id: str
    integration: str
    reference: str
    verdict: str = Field(description="`unchanged`, `changed`, `new`, `gone`, `error`, `not tried`")
    said: str
    before: list[dict[str, Any]] = Field(description="its rows as they are")
    after: list[dict[str, Any]] = Field(description="its rows as they would be")


class TryAnswer(Shape):
    """What a replay would do."""

    records: int
    by_status: dict[str, int]
    tables: list[str] = Field(description="datasets that would be brought up to date, in order")
    effects: list[EffectItem]


@router.get("/records", response_model=RecordPage)
def list_records(
    context: Context,
    direction: Direction = "in",
    integration: Word = None,
    status: Annotated[Status | None, Query()] = None,
    delivery: Annotated[Delivery | None, Query(description="Of messages.")] = None,
    code: Word = None,
    q: Annotated[str | None, Query(max_length=1_000, description="A record's id, or its sender's reference.")] = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> RecordPage:
    """List records, newest first."""
    before = read_number(f"records:{direction}", cursor)
    if direction == "in":
        return _list_in(context, _in_filter(context, integration, status, code, q, since, until), before, limit)
    wanted = _out_filter(context, integration, status, delivery, code, q, since, until)
    outbox = require_running(context.outbox, "the outbox")
    if wanted is None:
        return RecordPage(items=[], total=0)
    found = outbox.find(wanted, limit=limit + 1, before=before)
    next = write_cursor("records:out", found[limit - 1].seq) if len(found) > limit else None
    return RecordPage(items=[shapes.of_message(m) for m in found[:limit]], next=next, total=outbox.count(wanted))


@router.get("/records/{id}", response_model=RecordDetail)
def get_record(context: Context, id: RecordId) -> RecordDetail:
    """Show a record, of either direction."""
    found = find_record(context, id)
    return shapes.record_detail(found) if isinstance(found, InboxRecord) else shapes.message_detail(found)


@router.get("/records/{id}/history", response_model=shapes.Life)
def list_record_history(context: Context, id: RecordId) -> shapes.Life:
    """List every change of a record's status."""
    if isinstance(find_record(context, id), InboxRecord):
        return shapes.of_changes(require_running(context.inbox, "the inbox").history(id))
    return shapes.of_message_changes(require_running(context.outbox, "the outbox").history(id))


@router.get("/records/{id}/attempts", response_model=shapes.Attempts)
def list_record_attempts(context: Context, id: RecordId) -> shapes.Attempts:
    """List every try to hand a message over; a record that came in has none."""
    if isinstance(find_record(context, id), InboxRecord):
        return shapes.Attempts(items=[])
    found = require_running(context.outbox, "the outbox").attempts(id)
    return shapes.Attempts(items=[shapes.of_attempt(each) for each in found])


@router.get("/records/{id}/body", response_model=shapes.Body)
def read_record_body(
    context: Context,
    id: RecordId,
    version: Annotated[
        Literal["received", "processed"], Query(description="As it came, or as it was last edited.")
    ] = "received",
) -> shapes.Body:
    """Read a record's body, byte by byte as it came."""
    found = find_record(context, id)
    if isinstance(found, InboxRecord):
        first = require_running(context.inbox, "the inbox").body_as_received(id)
        if version == "received" and first is not None:
            return shapes.of_body(first, found.content_type, as_received=True)
        return shapes.of_body(found.body, found.content_type, as_received=first == found.body)
    return shapes.of_body(found.body, found.content_type, as_received=True)


@router.get("/records/{id}/trace", response_model=Explanation)
def trace_record(context: Context, id: RecordId) -> Explanation:
    """Show where a record went: the rows that it became, and every row that they reached."""
    find_record(context, id)
    with context.asking() as platform:
        if not platform.lake_exists():
            raise NotThere(f"no release holds a row of {id}.", hint="Bring it in with: POST /api/v1/runs")
        desk = ExplainDesk(platform, Limits(seconds=context.sql_seconds / 4))
        return to_forward(desk.follow(origin=f"inbox/{id}"))


@router.post("/records:preview", response_model=PreviewShape)
def preview_records(context: Context, caller: Caller, wanted: BulkRecords) -> PreviewShape:
    """Say which records would be replayed, resent or acknowledged by hand; the token does it."""
    action = record_action(context, wanted.verb)
    what = wanted.model_dump(mode="json", exclude={"verb"})
    return to_preview(context.actions.preview(action, what, caller.name, wanted.reason))


@router.post("/records:try", response_model=TryAnswer)
def try_records(context: Context, caller: Caller, wanted: BulkRecords) -> TryAnswer:
    """Dry run of a replay: what each record would give now, and which tables would be brought up to date. Nothing is kept."""
    if wanted.verb != "replay":
        raise UsageError(f"{wanted.verb} cannot be tried.", hint="A dry run is for replay.")
    try_out = require_running(context.try_out, "the processing of records")
    require_running(context.inbox, "the inbox")
    asked = record_filter(wanted.model_dump(mode="json"))
    with context.asking() as platform:
        found = RecordsDesk(platform, try_out, caller.name).preview(asked)
    effects = [
        EffectItem(
            id=each.record.id,
            integration=each.record.integration,
            reference=each.record.reference,
            verdict=each.verdict,
            said=each.said,
            before=[write_value(row) for row in each.before],
            after=[write_value(row) for row in each.after],
        )
        for each in found.effects
    ]
    return TryAnswer(records=found.records, by_status=dict(found.by_status), tables=list(found.tables), effects=effects)


@router.post("/records:apply", response_model=OperationState, status_code=202)
def apply_records(
    context: Context,
    caller: Caller,
    apply: Apply,
    response: Response,
    verb: Annotated[RecordVerb, Query()] = "replay",
) -> OperationState:
    """Do what was previewed."""
    operation = context.actions.apply(record_action(context, verb), apply.token, caller.name)
    response.headers["Location"] = f"/api/v1/operations/{operation.id}"
    return to_operation(operation)


@router.post("/records/{id}:edit", response_model=RecordDetail)
def edit_record(context: Context, caller: Caller, id: RecordId, edit: Edit) -> RecordDetail:
    """Process a record again with another body. The body as received stays, and the edit is kept with who and why."""
    inbox = require_running(context.inbox, "the inbox")
    if not isinstance(find_record(context, id), InboxRecord):
        raise UsageError(f"{id} is on its way out: only what came in can be edited.", hint="Send another message.")
    try:
        body = base64.b64decode(edit.base64, validate=True)
    except (binascii.Error, ValueError) as error:
        raise UsageError("base64 is not base64.", hint="Encode the whole body.") from error
    if not inbox.replay(Replay((id,), caller.name, edit.reason, body)):
        raise UsageError(f"{id} waits to be processed already.", hint="Edit it when it has been processed.")
    context.projects.announce(Event("records_changed", id, {"count": 1}))
    found = inbox.get(id)
    assert found is not None
    return shapes.record_detail(found)


def find_record(context: ApiContext, id: str) -> InboxRecord | Message:
    """A record of either direction. Raises: NotThere, NotRunning."""
    if context.inbox is None and context.outbox is None:
        require_running(None, "the gateway")
    found: InboxRecord | Message | None = context.inbox.get(id) if context.inbox is not None else None
    if found is None and context.outbox is not None:
        found = context.outbox.get(id)
    if found is None:
        raise NotThere(f"there is no record {id!r}, or it is in the archive.", hint="See: GET /api/v1/records")
    return found


def _list_in(context: ApiContext, wanted: RecordFilter | None, before: int | None, limit: int) -> RecordPage:
    inbox = require_running(context.inbox, "the inbox")
    if wanted is None:
        return RecordPage(items=[], total=0)
    found = inbox.find(wanted, limit=limit + 1, before=before)
    next = write_cursor("records:in", found[limit - 1].seq) if len(found) > limit else None
    return RecordPage(items=[shapes.of_record(r) for r in found[:limit]], next=next, total=inbox.count(wanted))


def _in_filter(
    context: ApiContext,
    integration: str | None,
    status: Status | None,
    code: str | None,
    q: str | None,
    since: AwareDatetime | None,
    until: AwareDatetime | None,
) -> RecordFilter | None:
    """None: nothing can match."""
    inbox = require_running(context.inbox, "the inbox")
    if status is not None and status not in tuple(RecordStatus):
        return None
    ids = (q,) if q and inbox.get(q) is not None else ()
    return RecordFilter(
        integration=integration,
        status=None if status is None else RecordStatus(status),
        code=code,
        reference=q if q and not ids else None,
        since=since,
        until=until,
        ids=ids,
    )


def _out_filter(
    context: ApiContext,
    integration: str | None,
    status: Status | None,
    delivery: Delivery | None,
    code: str | None,
    q: str | None,
    since: AwareDatetime | None,
    until: AwareDatetime | None,
) -> MessageFilter | None:
    outbox = require_running(context.outbox, "the outbox")
    if status is not None and status not in tuple(MessageStatus):
        return None
    ids = (q,) if q and outbox.get(q) is not None else ()
    return MessageFilter(
        integration=integration,
        status=None if status is None else MessageStatus(status),
        delivery=delivery,
        code=code,
        reference=q if q and not ids else None,
        since=since,
        until=until,
        ids=ids,
    )
