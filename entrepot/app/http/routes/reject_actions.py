"""What can be done to many rejects at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from entrepot.app.http.actions import Action, Found
from entrepot.app.http.context import ApiContext
from entrepot.app.http.operations import Done, Line, Progress
from entrepot.app.rejects_desk import RETRYABLE, RejectsDesk, Retried
from entrepot.flow.rejects import Reject, RejectStatus
from entrepot.kernel.errors import BusyError
from entrepot.kernel.events import Event

Verb = Literal["approve", "discard", "reopen", "retry"]
REASONED = frozenset({"approve", "discard", "reopen"})
_DONE = {"approve": "approved", "discard": "discarded", "reopen": "open again", "retry": "taken again"}
WAIT_S = 120.0
PAUSE_S = 0.5
_FINAL = (RejectStatus.RETRIED, RejectStatus.VOIDED, RejectStatus.SUPERSEDED)


def reject_action(context: ApiContext, verb: Verb) -> Action:
    """The action behind a verb."""

    def find(wanted: Mapping[str, Any]) -> Found:
        return _find(context, verb, wanted)

    def apply(found: Found, wanted: Mapping[str, Any], who: str, progress: Progress) -> Done:
        return _apply(context, verb, found, wanted, who, progress)

    return Action(f"rejects.{verb}", find, apply)


def _find(context: ApiContext, verb: Verb, wanted: Mapping[str, Any]) -> Found:
    with context.asking() as platform:
        desk = RejectsDesk(platform)
        if not platform.lake_exists():
            return Found(())
        if wanted["ids"]:
            chosen: Sequence[Reject] = desk.find_all(wanted["ids"])
        else:
            known = platform.rejects.datasets()
            names = [name for name in known if wanted["dataset"] in (None, name)]
            status = RejectStatus(wanted["status"]) if wanted["status"] else None
            chosen = [each for name in names for each in desk.list(name, status=status, rule=wanted["rule"])]
        models = {str(model.name) for model in platform.project.models}
    fitting = [each for each in chosen if _fits(each, verb) and each.dataset not in models]
    left = len(chosen) - len(fitting)
    warnings = (
        (f"{left:,} of them cannot be decided any more, or come from a model: they are left alone",) if left else ()
    )
    datasets = sorted({each.dataset for each in fitting})
    lineage = context.facts.get().lineage
    below = dict.fromkeys(name for dataset in datasets for name in (dataset, *lineage.down(dataset)))
    counts: dict[str, int] = {}
    for each in fitting:
        counts[each.dataset] = counts.get(each.dataset, 0) + 1
    return Found(tuple(each.id for each in fitting), counts, tuple(below), warnings)


def _fits(reject: Reject, verb: Verb) -> bool:
    if verb == "retry":
        return reject.status in RETRYABLE
    return reject.status not in _FINAL


def _apply(
    context: ApiContext, verb: Verb, found: Found, wanted: Mapping[str, Any], who: str, progress: Progress
) -> Done:
    ids, reason = list(found.subjects), str(wanted["reason"])
    desk = RejectsDesk(context.projects.platform(), who)
    counts = {"records": len(ids)}
    match verb:
        case "approve":
            desk.approve(ids, reason)
        case "discard":
            desk.discard(ids, reason)
        case "reopen":
            desk.reopen(ids, reason)
        case "retry":
            done = _retry(context, desk, ids)
            counts |= {"taken": done.taken, "accepted": done.accepted, "rejected": done.rejected}
    progress(len(ids), len(ids))
    context.facts.forget()
    context.projects.announce(Event("rejects_changed", ids[0], {"count": len(ids), "verb": verb}))
    return Done(counts, [Line(id, _DONE[verb]) for id in ids])


def _retry(context: ApiContext, desk: RejectsDesk, ids: Sequence[str]) -> Retried:
    """Take records again; while a run has the flow, wait for it. Raises: BusyError when that takes too long."""
    for _ in range(int(WAIT_S / PAUSE_S)):
        try:
            return desk.retry(ids=ids)
        except BusyError:
            context.clock.sleep(PAUSE_S)
    return desk.retry(ids=ids)
