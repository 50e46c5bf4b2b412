"""What can be done to many records at once: replay what came in, send again or settle what goes out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, TypeVar

from entrepot.app.http.actions import MOST_SUBJECTS, Action, Found
from entrepot.app.http.context import ApiContext
from entrepot.app.http.errors import require_running
from entrepot.app.http.operations import Done, Line, Progress
from entrepot.kernel.errors import UsageError
from entrepot.kernel.events import Event
from entrepot.ports.inbox import InboxRecord, RecordFilter, RecordStatus, Replay
from entrepot.ports.outbox import Message, MessageFilter, MessageStatus

S = TypeVar("S", bound=StrEnum)
RecordVerb = Literal["replay", "resend", "acknowledge"]
GROUP = 500
_PAGE = 500


def record_action(context: ApiContext, verb: RecordVerb) -> Action:
    """The action behind a verb."""

    def find(wanted: Mapping[str, Any]) -> Found:
        outward = verb != "replay"
        if (wanted["direction"] == "out") != outward:
            raise UsageError(
                f"{verb} is not for records of direction {wanted['direction']}.",
                hint="replay is for those that came in; resend and acknowledge for those that go out.",
            )
        return _find_out(context, verb, wanted) if outward else _find_in(context, wanted)

    def apply(found: Found, wanted: Mapping[str, Any], who: str, progress: Progress) -> Done:
        return _apply(context, verb, found, str(wanted["reason"]), who, progress)

    return Action(f"records.{verb}", find, apply)


def record_filter(wanted: Mapping[str, Any]) -> RecordFilter:
    """The records that came in and that are wanted. Raises: UsageError for a status that none of them can have."""
    return RecordFilter(
        integration=wanted["integration"],
        status=_status(wanted["status"], RecordStatus),
        code=wanted["code"],
        reference=wanted["reference"],
        since=_instant(wanted["since"]),
        until=_instant(wanted["until"]),
        ids=tuple(wanted["ids"]),
    )


def _status(text: str | None, kind: type[S]) -> S | None:
    """A status is never left out: that would widen the set."""
    if text is None:
        return None
    if text not in tuple(kind):
        raise UsageError(f"status is {text!r}; allowed for this direction are {', '.join(kind)}.")
    return kind(text)


def _find_in(context: ApiContext, wanted: Mapping[str, Any]) -> Found:
    inbox = require_running(context.inbox, "the inbox")
    asked = record_filter(wanted)
    chosen: list[InboxRecord] = []
    before: int | None = None
    while len(chosen) <= MOST_SUBJECTS and (part := inbox.find(asked, limit=_PAGE, before=before)):
        chosen += [each for each in part if each.status is not RecordStatus.JUST_IN]
        before = part[-1].seq
    counts = Counter(each.status.value for each in chosen)
    names = sorted({each.integration for each in chosen})
    warnings = []
    if counts[RecordStatus.PROCESSED]:
        warnings.append(
            f"{counts[RecordStatus.PROCESSED]:,} were processed already: what they give now takes the place of their rows"
        )
    return Found(tuple(each.id for each in chosen), counts, _touched(context, names), tuple(warnings))


def _find_out(context: ApiContext, verb: RecordVerb, wanted: Mapping[str, Any]) -> Found:
    outbox = require_running(context.outbox, "the outbox")
    asked = MessageFilter(
        integration=wanted["integration"],
        status=_status(wanted["status"], MessageStatus),
        code=wanted["code"],
        reference=wanted["reference"],
        since=_instant(wanted["since"]),
        until=_instant(wanted["until"]),
        ids=tuple(wanted["ids"]),
    )
    chosen: list[Message] = []
    before: int | None = None
    while len(chosen) <= MOST_SUBJECTS and (part := outbox.find(asked, limit=_PAGE, before=before)):
        chosen += [each for each in part if verb == "resend" or each.status is not MessageStatus.ACKNOWLEDGED]
        before = part[-1].seq
    counts = Counter(each.status.value for each in chosen)
    warnings = []
    if verb == "resend" and counts[MessageStatus.ACKNOWLEDGED]:
        warnings.append(f"{counts[MessageStatus.ACKNOWLEDGED]:,} were acknowledged: their receivers get them once more")
    touched = tuple(sorted({each.integration for each in chosen}))
    return Found(tuple(each.id for each in chosen), counts, touched, tuple(warnings))


def _touched(context: ApiContext, integrations: Sequence[str]) -> tuple[str, ...]:
    """The integrations, their tables, and what is made from these."""
    lineage = context.facts.get().lineage
    datasets = [s.dataset for s in context.projects.project().sources if s.name in integrations]
    below = [name for dataset in datasets for name in (dataset, *lineage.down(dataset))]
    return tuple(dict.fromkeys([*integrations, *below]))


def _apply(context: ApiContext, verb: RecordVerb, found: Found, reason: str, who: str, progress: Progress) -> Done:
    done = 0
    lines: list[Line] = []
    for start in range(0, len(found.subjects), GROUP):
        group = found.subjects[start : start + GROUP]
        touched = _apply_group(context, verb, group, reason, who)
        lines += [Line(id, "done" if id in touched else "left alone") for id in group]
        done += len(touched)
        progress(start + len(group), len(found.subjects))
        context.projects.announce(Event("records_changed", group[0], {"count": len(group), "verb": verb}))
    return Done({"records": len(found.subjects), "done": done, "left_alone": len(found.subjects) - done}, lines)


def _apply_group(context: ApiContext, verb: RecordVerb, ids: tuple[str, ...], reason: str, who: str) -> set[str]:
    if verb == "replay":
        inbox = require_running(context.inbox, "the inbox")
        waiting = {r.id for r in inbox.find(RecordFilter(ids=ids, status=RecordStatus.JUST_IN), limit=len(ids))}
        inbox.replay(Replay(ids, who, reason))
        return set(ids) - waiting
    outbox = require_running(context.outbox, "the outbox")
    if verb == "resend":
        return set(outbox.resend(ids, who=who, why=reason))
    return set(outbox.acknowledge(ids, who=who, reason=reason))


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
