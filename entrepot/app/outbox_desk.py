"""The desk of the outbox: what people and applications do with messages, the same for the API and the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from entrepot.kernel.errors import ConflictError, EntrepotError, UsageError
from entrepot.ports.clock import Clock
from entrepot.ports.outbox import (
    Attempt,
    Delivery,
    Draft,
    Enqueued,
    Finished,
    IntegrationState,
    Message,
    MessageChange,
    MessageFilter,
    MessageStatus,
    Outbox,
    OutboxCounts,
    Take,
)
from entrepot.serve.publish.settings import OutboxTable, Publication, Queue, Webhook

MOST_AT_ONCE = 500
LONGEST_LEASE_S = 43_200.0
MOST_BODY_BYTES = 10_000_000


class NoSuchMessage(EntrepotError):
    """There is no such message or integration."""

    code = "outbox.unknown"
    exit_code = 2
    http_status = 404


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that an application holds for a while."""

    message: Message
    receipt: str
    """Names the message and this taking of it: with it one acknowledges, gives back or prolongs."""


@dataclass(frozen=True, slots=True)
class MessagePage:
    """Some messages, newest first."""

    messages: Sequence[Message]
    next: int | None
    """`before` of the next page; None: this is the last."""


@dataclass(frozen=True, slots=True)
class MessageFile:
    """All that is known of one message."""

    message: Message
    history: Sequence[MessageChange]
    attempts: Sequence[Attempt]


@dataclass(frozen=True, slots=True)
class Standing:
    """How one integration stands."""

    publication: Publication
    state: IntegrationState
    counts: OutboxCounts

    @property
    def connector(self) -> str:
        """`webhook` or `queue`."""
        return "webhook" if isinstance(self.publication.way, Webhook) else "queue"


class OutboxDesk:
    """Called from several threads. Args: publications: those of the project's `publish/`."""

    def __init__(self, outbox: Outbox, publications: Sequence[Publication], clock: Clock) -> None:
        self._outbox = outbox
        self._clock = clock
        self._known: Mapping[str, Publication] = {
            one.name: one for one in publications if not isinstance(one.way, OutboxTable)
        }

    # integrations
    def integrations(self) -> Sequence[Standing]:
        """Every integration and how it stands."""
        return [self.standing(name) for name in sorted(self._known)]

    def standing(self, integration: str) -> Standing:
        """How one stands. Raises: NoSuchMessage."""
        return Standing(
            self._require(integration), self._outbox.integration(integration), self._outbox.counts(integration)
        )

    def pause(self, integration: str, *, who: str, why: str) -> bool:
        """Hold everything back; False when it is paused already. Raises: NoSuchMessage."""
        self._require(integration)
        return self._outbox.pause(integration, reason=why, who=who)

    def resume(self, integration: str, *, who: str, why: str) -> bool:
        """Go on; False when it is not paused. Raises: NoSuchMessage."""
        self._require(integration)
        return self._outbox.resume(integration, reason=why, who=who)

    # sending
    def send(self, drafts: Sequence[Draft], *, who: str) -> Sequence[Enqueued]:
        """Hand messages in, all or none.

        Raises: NoSuchMessage for an integration that is not in `publish/`; UsageError for one that is too big or odd.
        """
        for draft in drafts:
            self._require(draft.integration)
            _check_draft(draft)
        return self._outbox.enqueue(drafts, who=who)

    # applications
    def take(self, integration: str, *, who: str, limit: int = 10, lease_s: float | None = None) -> Sequence[Taken]:
        """Hold messages of a queue for a while. Raises: NoSuchMessage; UsageError for a webhook, or numbers out of bounds."""
        queue = self._require_queue(integration)
        if not 1 <= limit <= MOST_AT_ONCE:
            raise UsageError(f"limit is {limit}; allowed is 1 to {MOST_AT_ONCE}.")
        held_s = queue.lease_s if lease_s is None else lease_s
        if not 0 < held_s <= LONGEST_LEASE_S:
            raise UsageError(f"the lease is {held_s:g} s; allowed is more than 0 and at most {LONGEST_LEASE_S:g} s.")
        wanted = Take(integration, who, limit, held_s, ordered=queue.ordered, most_attempts=queue.max_deliveries)
        return [Taken(message, _receipt(message)) for message in self._outbox.take(wanted)]

    def acknowledge(
        self, ids: Sequence[str], *, who: str, why: str = "", integration: str | None = None
    ) -> Sequence[str]:
        """Settle messages, named by id or by receipt; return the ids that exist. Repeatable, also after the lease."""
        return self._outbox.acknowledge(
            [one.partition(".")[0] for one in ids], who=who, reason=why, integration=integration
        )

    def nack(self, receipt: str, *, who: str, why: str, delay_s: float | None = None, dead: bool = False) -> bool:
        """Give a message back with the reason, to be given out again after a while, or to be dead at once.

        False when somebody else has it by now. Raises: NoSuchMessage; UsageError.
        """
        message, attempt = self._held(receipt)
        queue = self._require_queue(message.integration)
        wait_s = queue.retry_s if delay_s is None else delay_s
        if not 0 <= wait_s <= 7 * 86_400:
            raise UsageError(f"the delay is {wait_s:g} s; allowed is 0 to 7 days.")
        gone = dead or message.attempts >= queue.max_deliveries
        result = Finished(
            message.id,
            attempt,
            MessageStatus.DEAD if gone else MessageStatus.QUEUED,
            Delivery.ATTEMPTED,
            next_us=round(self._clock.now().timestamp() * 1_000_000) + round(wait_s * 1_000_000),
            code="refused" if dead else "undelivered" if gone else "given_back",
            reason=why,
            who=who,
        )
        return self._outbox.finish([result])[0]

    def prolong(self, receipt: str, *, lease_s: float) -> bool:
        """Hold a message longer; False when it is lost. Raises: NoSuchMessage; UsageError."""
        if not 0 < lease_s <= LONGEST_LEASE_S:
            raise UsageError(f"the lease is {lease_s:g} s; allowed is more than 0 and at most {LONGEST_LEASE_S:g} s.")
        message, attempt = self._held(receipt)
        return self._outbox.prolong(message.id, attempt, lease_s)

    # people
    def list(self, wanted: MessageFilter, *, limit: int = 50, before: int | None = None) -> MessagePage:
        """Messages without bodies. Raises: UsageError for a limit out of bounds."""
        if not 1 <= limit <= MOST_AT_ONCE:
            raise UsageError(f"limit is {limit}; allowed is 1 to {MOST_AT_ONCE}.")
        found = self._outbox.find(wanted, limit=limit + 1, before=before)
        more = len(found) > limit
        return MessagePage(found[:limit], found[limit - 1].seq if more else None)

    def count(self, wanted: MessageFilter) -> int:
        """How many there are."""
        return self._outbox.count(wanted)

    def show(self, id: str) -> MessageFile:
        """One message with all that happened to it. Raises: NoSuchMessage."""
        message = self._get(id)
        return MessageFile(message, self._outbox.history(id), self._outbox.attempts(id))

    def resend(self, ids: Sequence[str], *, who: str, why: str) -> Sequence[str]:
        """Send again: dead, acknowledged, delivered or put-off ones; return the ids that were. Raises: UsageError without a reason."""
        if not why.strip():
            raise UsageError("a reason is needed to send messages again.", hint="It stands in the history of each.")
        return self._outbox.resend(ids, who=who, why=why)

    def _require(self, integration: str) -> Publication:
        found = self._known.get(integration)
        if found is None:
            raise NoSuchMessage(
                f"there is no outbound integration {integration!r}.",
                hint=f"Write publish/NAME.yaml; there are: {', '.join(sorted(self._known)) or 'none'}.",
            )
        return found

    def _require_queue(self, integration: str) -> Queue:
        way = self._require(integration).way
        if not isinstance(way, Queue):
            raise UsageError(
                f"messages of {integration} are pushed to a webhook and cannot be taken.",
                hint="Acknowledge them by their ids, or write `connector: queue`.",
            )
        return way

    def _get(self, id: str) -> Message:
        found = self._outbox.get(id)
        if found is None:
            raise NoSuchMessage(
                f"there is no message {id[:80]!r}.", hint="It may have been pruned; see: entrepot outbox list."
            )
        return found

    def _held(self, receipt: str) -> tuple[Message, int]:
        id, dot, number = receipt.partition(".")
        if not dot or not (number.isascii() and number.isdigit() and len(number) < 10):
            raise UsageError("this is no receipt; it is given out with each message that is taken.")
        return self._get(id), int(number)


def check_sent(answers: Sequence[Enqueued]) -> None:
    """Refuse a hand-in with a conflict. Raises: ConflictError naming the first message."""
    for answer in answers:
        if answer.first is not None:
            raise ConflictError(
                f"message {answer.first} has that reference already, with another content.",
                hint="Use another reference, or send the same content again.",
            )


def _check_draft(draft: Draft) -> None:
    if len(draft.body) > MOST_BODY_BYTES:
        raise UsageError(f"the body has {len(draft.body):,} bytes; allowed are {MOST_BODY_BYTES:,}.")
    for name, value, most in (
        ("reference", draft.reference, 500),
        ("key", draft.key or "", 500),
        ("type", draft.type, 200),
        ("content_type", draft.content_type, 200),
        ("id", draft.id, 36),
    ):
        if len(value) > most or not value.isprintable():
            raise UsageError(f"{name} is too long or holds unprintable characters; allowed are {most} printable ones.")
    if not (draft.type + draft.content_type + draft.id).isascii() or "." in draft.id:
        raise UsageError("type, content type and id hold something that is not ASCII, or the id a dot.")


def _receipt(message: Message) -> str:
    return f"{message.id}.{message.attempt}"
