"""Records in both directions as one shape: those that came in, and messages on their way out."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from fastapi import Path
from pydantic import Field

from entrepot.app.http.shapes import Instant, Page, Shape
from entrepot.ports.inbox import Change, InboxRecord
from entrepot.ports.outbox import Attempt, Message, MessageChange

Direction = Literal["in", "out"]
RecordId = Annotated[str, Path(max_length=100)]
MOST_BODY = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RecordItem(Shape):
    """One record in short."""

    id: str
    direction: Direction
    integration: str
    reference: str
    at: Instant = Field(description="received, or handed in")
    status: str = Field(description="in: `just_in`, `processed`, `error`; out: `queued`, `acknowledged`, `dead`")
    delivery: str | None = Field(description="out: `waiting`, `attempted`, `delivered`, `paused`")
    code: str | None = Field(description="of its error")
    reason: str | None
    attempts: int
    revision: int = Field(description="grows with each replay")
    key: str | None
    content_type: str


class RecordPage(Page[RecordItem]):
    """Records, newest first."""

    total: int = Field(description="how many match in all")


class Fault(Shape):
    """One thing that is wrong with a record."""

    path: str | None = None
    rule: str | None = None
    message: str | None = None


class RecordDetail(RecordItem):
    """One record with what its sender needs to know."""

    faults: list[Fault]
    headers: list[tuple[str, str]] = Field(description="as received, without those that carry secrets")
    size_bytes: int
    next_at: Instant | None = Field(description="out: when it is tried again")
    type: str | None = None


class LifeEntry(Shape):
    """One change of a record's status."""

    at: Instant
    status: str
    delivery: str | None = None
    revision: int | None = None
    code: str
    reason: str
    who: str


class Life(Shape):
    """Every change, oldest first."""

    items: list[LifeEntry]


class AttemptItem(Shape):
    """One try to hand a message over."""

    number: int
    at: Instant
    duration_ms: int
    target: str
    request_digest: str
    status: int | None
    excerpt: str
    error: str


class Attempts(Shape):
    """Every try, oldest first."""

    items: list[AttemptItem]


class Body(Shape):
    """A body, as text where it is text; `base64` always gives every byte."""

    content_type: str
    size_bytes: int
    is_cut: bool = Field(description=f"true: only the first {MOST_BODY:,} bytes are here")
    text: str | None
    base64: str
    as_received: bool = Field(description="false: this is what was put in its place by an edit")


def at_us(value: int) -> datetime:
    """Microseconds since 1970 as an instant."""
    return _EPOCH + timedelta(microseconds=value)


def of_record(record: InboxRecord) -> RecordItem:
    """As it is sent."""
    return RecordItem(
        id=record.id,
        direction="in",
        integration=record.integration,
        reference=record.reference,
        at=at_us(record.received_us),
        status=record.status.value,
        delivery=None,
        code=record.error.code if record.error else None,
        reason=record.error.message if record.error else None,
        attempts=record.attempts,
        revision=record.revision,
        key=record.key,
        content_type=record.content_type,
    )


def of_message(message: Message) -> RecordItem:
    """As it is sent."""
    return RecordItem(
        id=message.id,
        direction="out",
        integration=message.integration,
        reference=message.reference,
        at=at_us(message.created_us),
        status=message.status.value,
        delivery=message.delivery.value,
        code=message.code or None,
        reason=message.reason or None,
        attempts=message.attempts,
        revision=0,
        key=message.key,
        content_type=message.content_type,
    )


def record_detail(record: InboxRecord) -> RecordDetail:
    """As it is sent."""
    details = record.error.details if record.error else ()
    return RecordDetail(
        **of_record(record).model_dump(),
        faults=[
            Fault(path=_text(each.get("path")), rule=_text(each.get("rule")), message=_text(each.get("message")))
            for each in details
        ],
        headers=list(record.headers),
        size_bytes=len(record.body),
        next_at=None,
    )


def message_detail(message: Message) -> RecordDetail:
    """As it is sent."""
    return RecordDetail(
        **of_message(message).model_dump(),
        faults=[],
        headers=[],
        size_bytes=len(message.body),
        next_at=None if message.next_us is None else at_us(message.next_us),
        type=message.type or None,
    )


def of_changes(changes: Sequence[Change]) -> Life:
    """As it is sent."""
    return Life(
        items=[
            LifeEntry(at=c.at, status=c.status.value, revision=c.revision, code=c.code, reason=c.reason, who=c.who)
            for c in changes
        ]
    )


def of_message_changes(changes: Sequence[MessageChange]) -> Life:
    """As it is sent."""
    return Life(
        items=[
            LifeEntry(
                at=c.at, status=c.status.value, delivery=c.delivery.value, code=c.code, reason=c.reason, who=c.who
            )
            for c in changes
        ]
    )


def of_attempt(attempt: Attempt) -> AttemptItem:
    """As it is sent."""
    return AttemptItem(
        number=attempt.number,
        at=at_us(attempt.started_us),
        duration_ms=attempt.duration_ms,
        target=attempt.target,
        request_digest=attempt.request_digest,
        status=attempt.status,
        excerpt=attempt.excerpt,
        error=attempt.error,
    )


def of_body(body: bytes, content_type: str, *, as_received: bool) -> Body:
    """As it is sent."""
    part = body[:MOST_BODY]
    try:
        text: str | None = part.decode()
    except UnicodeDecodeError:
        text = None
    return Body(
        content_type=content_type,
        size_bytes=len(body),
        is_cut=len(part) < len(body),
        text=text,
        base64=base64.b64encode(part).decode(),
        as_received=as_received,
    )


def _text(value: str | int | None) -> str | None:
    return None if value is None else str(value)
