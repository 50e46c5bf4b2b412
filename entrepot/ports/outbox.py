"""The outbox: messages on their way out, with every attempt and every change of each.

A message is `queued` until its receiver has acknowledged it, or until it is given up (`dead`). A webhook pushes it, an application takes it;
both hold it by a lease while they are at it. What happens after a lease was lost is told from the number of the attempt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

EXCERPT_BYTES = 2_048
"""Most of an answer that is kept."""


class MessageStatus(StrEnum):
    """Where an outbound message stands."""

    QUEUED = "queued"
    ACKNOWLEDGED = "acknowledged"
    DEAD = "dead"


class Delivery(StrEnum):
    """How far the way to the receiver is."""

    WAITING = "waiting"
    """Nobody has tried yet."""
    ATTEMPTED = "attempted"
    """Tried or being tried; it will be again."""
    DELIVERED = "delivered"
    """The receiver has it; an acknowledgement may still be awaited."""
    PAUSED = "paused"
    """Queued, and its integration is paused: what is shown in place of the first two."""


class Enqueueing(StrEnum):
    """What became of a message that was handed in."""

    ACCEPTED = "accepted"
    REPEATED = "repeated"
    """The same message came before under its id or reference: the first one's id is given again."""
    CONFLICT = "conflict"
    """The same reference with another content: kept as a dead message of its own, code `conflict`."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One message to be sent."""

    integration: str
    body: bytes
    content_type: str = "application/json"
    reference: str = ""
    """The sender's own id of it, unique in its integration; empty: the message's id."""
    key: str | None = None
    """Messages of one key may be sent in order."""
    type: str = ""
    """What it tells, `order.changed`."""
    id: str = ""
    """Where the sender has given it an id already; empty: it is given one."""


@dataclass(frozen=True, slots=True)
class Enqueued:
    """What became of one draft: durable when this is given out."""

    id: str
    outcome: Enqueueing
    first: str | None = None
    """With a conflict: the message that has the reference already."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message as stored."""

    seq: int
    """Grows with every message that is stored, whatever the integration."""
    id: str
    """UUID version 7."""
    integration: str
    reference: str
    created_us: int
    """Microseconds since 1970, UTC."""
    status: MessageStatus
    delivery: Delivery
    body: bytes = b""
    content_type: str = ""
    key: str | None = None
    type: str = ""
    attempts: int = 0
    """Since it was queued, or queued again by a person."""
    attempt: int = 0
    """The number of the last attempt, from the message's beginning: who finishes an attempt must name it."""
    next_us: int | None = None
    """Before this nobody tries; of a delivered one: until when it is to be acknowledged."""
    code: str = ""
    """Of a dead one, or of the last failure: `http_503`, `timeout`, `address_refused`, `conflict`, `not_acknowledged`, …"""
    reason: str = ""
    """The same in words."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to hand a message over."""

    number: int
    started_us: int
    duration_ms: int = 0
    request_digest: str = ""
    """SHA-256 of the body that was sent."""
    target: str = ""
    """Scheme, host and path; never a query, which may hold secrets."""
    status: int | None = None
    """The answer's; None when there was none."""
    excerpt: str = ""
    """The beginning of the answer, at most `EXCERPT_BYTES`."""
    error: str = ""
    """What went wrong, in words; empty when nothing did."""


@dataclass(frozen=True, slots=True)
class MessageChange:
    """One entry of a message's life."""

    at: datetime
    status: MessageStatus
    delivery: Delivery
    code: str = ""
    reason: str = ""
    who: str = ""


@dataclass(frozen=True, slots=True)
class Take:
    """Which messages somebody wants to have for a while."""

    integration: str
    holder: str
    """Who takes them: a process (deliverers) or the name of an application."""
    limit: int
    lease_s: float
    ordered: bool = False
    """Of each key only the first that is still open."""
    most_leased: int | None = None
    """So many may be held at once by all holders together; None: no bound."""
    per_second: float | None = None
    """So many a second for all holders together; None: no bound."""
    most_attempts: int | None = None
    """One that was taken so often and comes back is dead (`undelivered`); None: the taker decides."""
    longest_wait_s: float = 9 * 86_400.0
    """A message that would wait longer was stamped by a clock that was wrong: it is due."""


@dataclass(frozen=True, slots=True)
class Finished:
    """What an attempt led to. It counts only while the message's last attempt is this one and it is still queued."""

    id: str
    attempt: int
    status: MessageStatus
    delivery: Delivery
    next_us: int | None = None
    code: str = ""
    reason: str = ""
    holds_key: bool = False
    """Though it is dead, later messages of its key wait until somebody sends or acknowledges it."""
    record: Attempt | None = None
    failed: bool | None = None
    """Counts for or against the destination; None: neither."""
    hold_until_us: int | None = None
    """The destination asked to be left alone until then."""
    who: str = ""


@dataclass(frozen=True, slots=True)
class IntegrationState:
    """How an integration stands."""

    integration: str
    paused: bool = False
    reason: str = ""
    who: str = ""
    since: datetime | None = None
    """Paused since."""
    failures: int = 0
    """Attempts that failed in a row."""
    failing_since: datetime | None = None
    hold_until: datetime | None = None
    """The destination asked to be left alone until then."""


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Which messages; everything that is stated must hold."""

    integration: str | None = None
    status: MessageStatus | None = None
    delivery: Delivery | None = None
    code: str | None = None
    reference: str | None = None
    key: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """Half-open: before."""
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OutboxCounts:
    """How many messages of an integration stand where."""

    by_status: Mapping[MessageStatus, int] = field(default_factory=dict)
    by_delivery: Mapping[Delivery, int] = field(default_factory=dict)
    """Of those that are queued."""
    by_code: Mapping[str, int] = field(default_factory=dict)
    """Of those that are dead."""
    oldest_queued_us: int | None = None


class Outbox(Protocol):
    """Called from several threads and processes. What is given back is durable."""

    def enqueue(self, drafts: Sequence[Draft], *, who: str = "") -> Sequence[Enqueued]:
        """Store messages, all or none; an answer for each in order. A repeated one, by id or by reference, is not stored again."""
        ...

    # on the way
    def take(self, wanted: Take) -> Sequence[Message]:
        """Hold due messages for a while, oldest first: nobody else gets them until the lease ends. None while the integration is paused.

        Each has the number of a new attempt. One whose lease ran out is given again: at least once, never lost.
        """
        ...

    def finish(self, results: Sequence[Finished]) -> Sequence[bool]:
        """Say what attempts led to; True for those that counted, False where somebody else has the message by now or it is settled."""
        ...

    def prolong(self, id: str, attempt: int, lease_s: float) -> bool:
        """Hold a message longer; False when it is lost."""
        ...

    def holders(self) -> Sequence[str]:
        """Who holds messages now."""
        ...

    def release(self, holder: str) -> int:
        """Give back what a dead holder held, at once; return how many."""
        ...

    def next_due_us(self, integration: str) -> int | None:
        """When the next message falls due or comes back from a lease; None when nothing is queued or the integration is paused."""
        ...

    def acknowledge(
        self, ids: Sequence[str], *, who: str, reason: str = "", integration: str | None = None
    ) -> Sequence[str]:
        """→ `acknowledged`, whoever holds them; return the ids that exist (of the integration). Repeatable.

        A dead one may be acknowledged too: its receiver has it, or a person settled it by hand.
        """
        ...

    # integrations
    def pause(self, integration: str, *, reason: str, who: str) -> bool:
        """Hold everything back; False when it is paused already."""
        ...

    def resume(self, integration: str, *, reason: str, who: str) -> bool:
        """Go on, with the failures forgotten; False when it is not paused."""
        ...

    def integration(self, integration: str) -> IntegrationState:
        """How it stands; of an unknown one: as at the beginning."""
        ...

    # for people
    def get(self, id: str) -> Message | None:
        """One message with its body."""
        ...

    def history(self, id: str) -> Sequence[MessageChange]:
        """Every change, oldest first."""
        ...

    def attempts(self, id: str) -> Sequence[Attempt]:
        """Every attempt that ended, oldest first."""
        ...

    def find(self, wanted: MessageFilter, *, limit: int = 50, before: int | None = None) -> Sequence[Message]:
        """Messages without bodies, newest first; `before` is a seq: the next page."""
        ...

    def count(self, wanted: MessageFilter) -> int:
        """How many messages `find` would give in all."""
        ...

    def counts(self, integration: str) -> OutboxCounts:
        """Where the messages of an integration stand."""
        ...

    def resend(self, ids: Sequence[str], *, who: str, why: str) -> Sequence[str]:
        """Back to `queued`, with the same id and no attempts; return the ids that were. One that is waiting already is left alone.

        A `conflict` is sent too: somebody has decided that it is a message of its own.
        """
        ...

    # upkeep
    def prune(self, before: datetime, limit: int) -> int:
        """Forget bodies, attempts and history of messages that were settled before; their references stay known. Return how many."""
        ...

    def close(self) -> None:
        """Close the connections of all threads."""
        ...
