"""What needs somebody, the most pressing first: broken promises by what hangs on them, then age."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from entrepot.app.docs_site.facts import Entry, SiteFacts
from entrepot.app.wiring import Platform
from entrepot.ports.inbox import Inbox, RecordFilter, RecordStatus
from entrepot.ports.outbox import MessageFilter, MessageStatus, Outbox
from entrepot.ports.state import Plan, PlanStatus

REFUSED_FOR = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that waits for a person."""

    id: str
    kind: str
    """`project`, `held`, `unfinished`, `refused`, `rejects`, `records`, `messages`."""
    severity: str
    """`broken`: a promise is; `attention`: somebody should look."""
    what: str
    why: str
    verb: str
    """In a word: Fix, Review, Run, Look, Resend."""
    subject: str
    holds_back: tuple[str, ...] = ()
    since: datetime | None = None


def find_needs(
    platform: Platform,
    facts: SiteFacts,
    faults: Sequence[str],
    *,
    inbox: Inbox | None,
    outbox: Outbox | None,
    now: datetime,
) -> list[Need]:
    """Everything that waits."""
    found = [
        *(Need(f"project:{n}", "project", "broken", "A file of the project is wrong", text, "Review", "project")
          for n, text in enumerate(faults)),
        *_held(facts),
        *_batches(platform, facts, now),
        *_rejects(facts),
        *_records(inbox),
        *_messages(outbox),
    ]  # fmt: skip
    return sorted(found, key=lambda need: (need.severity != "broken", -len(need.holds_back), need.since or now))


def _held(facts: SiteFacts) -> Iterator[Need]:
    for entry in facts.entries:
        if entry.held is not None and not entry.held.startswith("it is made from"):
            since = entry.figures.last_change if entry.figures else None
            below = _below(facts, entry.name)
            yield Need(
                f"held:{entry.name}", "held", "broken", f"{entry.name} is held back", entry.held, "Review", entry.name,
                below, since,
            )  # fmt: skip


def _batches(platform: Platform, facts: SiteFacts, now: datetime) -> Iterator[Need]:
    if not platform.lake_exists():
        return
    for plan in platform.state.plans(status=PlanStatus.OPEN):
        if plan.attempts > 1:
            why = plan.note or f"it was tried {plan.attempts} times"
            yield _of_batch(facts, plan, "unfinished", f"Batch {plan.sequence} of {plan.flow} is not finished", why)
    for plan in platform.state.plans(status=PlanStatus.VOIDED, limit=100):
        at = plan.planned_at or plan.draft.received_at
        if (plan.note or "").startswith("unreadable: ") and now - at < REFUSED_FOR:
            why = (plan.note or "").removeprefix("unreadable: ")
            yield _of_batch(facts, plan, "refused", f"{plan.flow} could not take a file", why)


def _of_batch(facts: SiteFacts, plan: Plan, kind: str, what: str, why: str) -> Need:
    since, below = plan.planned_at, _below(facts, plan.draft.target)
    severity, verb = ("broken", "Run") if kind == "unfinished" else ("attention", "Look")
    return Need(f"{kind}:{plan.flow}:{plan.sequence}", kind, severity, what, why, verb, plan.flow, below, since)


def _rejects(facts: SiteFacts) -> Iterator[Need]:
    for entry in facts.entries:
        balance = entry.figures.balance if entry.figures is not None else None
        if balance is None or not balance.rejected:
            continue
        rule = next(iter(entry.figures.reasons), "") if entry.figures else ""
        yield Need(
            f"rejects:{entry.name}",
            "rejects",
            "attention",
            f"{balance.rejected:,} records of {entry.name} were rejected",
            f"most of all by {rule}" if rule else "they broke their contract",
            "Fix",
            entry.name,
            _below(facts, entry.name),
            _since(entry),
        )


def _since(entry: Entry) -> datetime | None:
    with_rejects = [batch.at for batch in entry.figures.batches if batch.rejected] if entry.figures else []
    return min((at for at in with_rejects if at is not None), default=None)


def _records(inbox: Inbox | None) -> Iterator[Need]:
    if inbox is None:
        return
    wrong = inbox.count(RecordFilter(status=RecordStatus.ERROR))
    if wrong:
        what = f"{wrong:,} records that came in could not be processed"
        yield Need("records", "records", "attention", what, "each says why", "Look", "inbox")


def _messages(outbox: Outbox | None) -> Iterator[Need]:
    if outbox is None:
        return
    dead = outbox.count(MessageFilter(status=MessageStatus.DEAD))
    if dead:
        what = f"{dead:,} messages were given up"
        yield Need("messages", "messages", "attention", what, "their receivers did not take them", "Resend", "outbox")


def _below(facts: SiteFacts, dataset: str) -> tuple[str, ...]:
    return tuple(name for name in facts.lineage.down(dataset))
