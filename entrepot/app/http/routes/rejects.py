"""Quarantine: which rows are held, why, and how do they get in?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from entrepot.app.http.actions import Found
from entrepot.app.http.asked import Caller, Context, Cursor, Limit
from entrepot.app.http.context import ApiContext
from entrepot.app.http.cursors import cut
from entrepot.app.http.errors import NotThere
from entrepot.app.http.operations import Operation
from entrepot.app.http.routes.operations import Apply, OperationState, PreviewShape, to_operation, to_preview
from entrepot.app.http.routes.reject_actions import REASONED, Verb, reject_action
from entrepot.app.http.routes.reject_shapes import (
    MOST_COUNTED,
    BulkWanted,
    CheckedItem,
    CheckedList,
    Chosen,
    Decision,
    Drafts,
    RejectDetail,
    RejectGroup,
    RejectGroups,
    RejectList,
    RejectPage,
    RetryWanted,
    to_item,
)
from entrepot.app.rejects_desk import RejectsDesk
from entrepot.app.wiring import Platform
from entrepot.flow.rejects import Reject, RejectStatus, parse_reject_id
from entrepot.kernel.errors import UsageError
from entrepot.kernel.events import Event

router = APIRouter(tags=["rejects"])


@router.get("/rejects/groups", response_model=RejectGroups)
def list_reject_groups(
    context: Context,
    dataset: Annotated[str | None, Query(max_length=200)] = None,
    status: Annotated[RejectStatus | None, Query()] = RejectStatus.OPEN,
) -> RejectGroups:
    """Group rejects by dataset and rule; open ones unless another status is asked for."""
    with context.asking() as platform:
        names = _datasets(platform, dataset)
        groups: dict[tuple[str, str], list[Reject]] = {}
        rows, is_whole = 0, True
        for name in names:
            found = platform.rejects.find(name, limit=MOST_COUNTED)
            is_whole = is_whole and len(found) < MOST_COUNTED
            for reject in found:
                if status is not None and reject.status is not status:
                    continue
                rows += 1
                for rule in dict.fromkeys(reason.rule for reason in reject.reasons):
                    groups.setdefault((name, rule), []).append(reject)
    items = [_group(name, rule, members) for (name, rule), members in groups.items()]
    return RejectGroups(items=sorted(items, key=lambda g: (-g.rows, g.dataset, g.rule)), rows=rows, is_whole=is_whole)


@router.get("/rejects", response_model=RejectPage)
def list_rejects(
    context: Context,
    dataset: Annotated[str | None, Query(max_length=200)] = None,
    rule: Annotated[str | None, Query(max_length=300)] = None,
    status: Annotated[RejectStatus | None, Query()] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> RejectPage:
    """List rejected records in the order in which they came."""
    with context.asking() as platform:
        found = [
            reject
            for name in _datasets(platform, dataset)
            for reject in platform.rejects.find(name, limit=MOST_COUNTED)
            if (status is None or reject.status is status)
            and (rule is None or any(reason.rule == rule for reason in reject.reasons))
        ]
    part, next = cut("rejects", found, cursor, limit, lambda reject: reject.id)
    return RejectPage(items=[to_item(reject) for reject in part], next=next)


@router.get("/rejects/{id}", response_model=RejectDetail)
def get_reject(context: Context, id: Annotated[str, Path(max_length=200)]) -> RejectDetail:
    """Show a rejected record with every reason, its fixes so far, and what waits for it."""
    with context.asking() as platform:
        reject = _find(platform, id)
        models = {str(model.name) for model in platform.project.models}
    open_states = (RejectStatus.OPEN, RejectStatus.FIXED, RejectStatus.APPROVED, RejectStatus.DISCARDED)
    before = None
    if reject.corrects is not None:
        batch, row = reject.corrects >> 32, reject.corrects & 0xFFFFFFFF
        before = f"{reject.dataset}:{batch}.{row}"
    return RejectDetail(
        **to_item(reject).model_dump(),
        corrects=before,
        waits=list(context.facts.get().lineage.down(reject.dataset)),
        may_be_decided=reject.status in open_states and reject.dataset not in models,
    )


@router.put("/rejects/drafts", response_model=RejectList)
def put_reject_drafts(context: Context, caller: Caller, drafts: Drafts) -> RejectList:
    """Note corrected values; `:check` judges them, `:retry` takes the records again."""
    with _desk(context, caller.name) as (platform, desk):
        for item in drafts.items:
            _find(platform, item.id)
        found = [to_item(desk.fix(item.id, item.values, drafts.reason)) for item in drafts.items]
    _tell(context, [item.id for item in drafts.items])
    return RejectList(items=found)


@router.post("/rejects:check", response_model=CheckedList)
def check_rejects(context: Context, caller: Caller, chosen: Chosen) -> CheckedList:
    """Judge records with their fixes as they would be when taken again; nothing is written."""
    if len(chosen.ids) > 100:
        raise UsageError(f"{len(chosen.ids)} records; allowed are 100 at once.", hint="Check them in parts.")
    found = []
    with _desk(context, caller.name) as (platform, desk):
        for id in chosen.ids:
            _find(platform, id)
            result = desk.check(id)
            found.append(CheckedItem(id=id, passes=result.counts.accepted == 1, breaks=sorted(result.reasons)))
    return CheckedList(items=found)


@router.post("/rejects:approve", response_model=OperationState, status_code=202)
def approve_rejects(context: Context, caller: Caller, decision: Decision, response: Response) -> OperationState:
    """Let records pass although they break rules; the rules stay on the row as warnings."""
    return _decide(context, caller.name, "approve", decision.ids, decision.reason, response)


@router.post("/rejects:discard", response_model=OperationState, status_code=202)
def discard_rejects(context: Context, caller: Caller, decision: Decision, response: Response) -> OperationState:
    """Decide that records are not wanted; they stay in quarantine, decided."""
    return _decide(context, caller.name, "discard", decision.ids, decision.reason, response)


@router.post("/rejects:reopen", response_model=OperationState, status_code=202)
def reopen_rejects(context: Context, caller: Caller, decision: Decision, response: Response) -> OperationState:
    """Take decisions back."""
    return _decide(context, caller.name, "reopen", decision.ids, decision.reason, response)


@router.post("/rejects:retry", response_model=OperationState, status_code=202)
def retry_rejects(context: Context, caller: Caller, wanted: RetryWanted, response: Response) -> OperationState:
    """Take fixed and approved records again, each exactly once, as the next batch of the flow that brought them."""
    action = reject_action(context, "retry")
    what = {"ids": list(wanted.ids), "dataset": wanted.dataset, "rule": None, "status": None, "reason": ""}
    found = action.find(what)
    if not found.subjects:
        raise UsageError("nothing waits to be taken again.", hint="Fix or approve records first.")
    return _begun(context.actions.begin(action, found, what, caller.name, ""), response)


@router.post("/rejects:preview", response_model=PreviewShape)
def preview_rejects(context: Context, caller: Caller, wanted: BulkWanted) -> PreviewShape:
    """Say which records a verb would touch; the token does it."""
    if wanted.verb in REASONED and not wanted.reason.strip():
        raise UsageError(f"why {wanted.verb}? A reason is needed.", hint="It is kept with the decision.")
    action = reject_action(context, wanted.verb)
    what = wanted.model_dump(mode="json", exclude={"verb"})
    return to_preview(context.actions.preview(action, what, caller.name, wanted.reason))


@router.post("/rejects:apply", response_model=OperationState, status_code=202)
def apply_rejects(
    context: Context, caller: Caller, apply: Apply, verb: Annotated[Verb, Query()], response: Response
) -> OperationState:
    """Do what was previewed."""
    return _begun(context.actions.apply(reject_action(context, verb), apply.token, caller.name), response)


def _decide(
    context: ApiContext, who: str, verb: Verb, ids: Sequence[str], reason: str, response: Response
) -> OperationState:
    action = reject_action(context, verb)
    what = {"ids": list(ids), "dataset": None, "rule": None, "status": None, "reason": reason}
    with context.asking() as platform:
        for id in ids:
            _parse(id)
        known = {r.id for r in _load(platform, ids)}
    missing = [id for id in ids if id not in known]
    if missing:
        raise NotThere(f"there is no reject {missing[0]}.", hint="See: GET /api/v1/rejects")
    return _begun(context.actions.begin(action, Found(tuple(ids)), what, who, reason), response)


def _begun(operation: Operation, response: Response) -> OperationState:
    response.headers["Location"] = f"/api/v1/operations/{operation.id}"
    return to_operation(operation)


class _desk:
    """A desk for one request that writes: with a holder of its own, for a short while."""

    def __init__(self, context: ApiContext, who: str) -> None:
        self._heavy = context.heavy()
        self._context = context
        self._who = who

    def __enter__(self) -> tuple[Platform, RejectsDesk]:
        self._heavy.__enter__()
        platform = self._context.projects.platform()
        return platform, RejectsDesk(platform, self._who)

    def __exit__(self, *error: object) -> None:
        self._heavy.__exit__(None, None, None)


def _datasets(platform: Platform, dataset: str | None) -> list[str]:
    known = platform.rejects.datasets() if platform.lake_exists() else []
    return known if dataset is None else [name for name in known if name == dataset]


def _parse(id: str) -> tuple[str, int]:
    try:
        dataset, record = parse_reject_id(id)
    except ValueError as error:
        raise NotThere(f"there is no reject {id!r}.", hint="Ids look like bronze.sales:12.345.") from error
    if not 0 < record < 1 << 63:
        raise NotThere(f"there is no reject {id!r}.", hint="See: GET /api/v1/rejects")
    return dataset, record


def _load(platform: Platform, ids: Sequence[str]) -> list[Reject]:
    wanted: dict[str, list[int]] = {}
    for id in ids:
        dataset, record = _parse(id)
        wanted.setdefault(dataset, []).append(record)
    if not platform.lake_exists():
        return []
    return [reject for name, records in wanted.items() for reject in platform.rejects.find(name, records)]


def _find(platform: Platform, id: str) -> Reject:
    found = next(iter(_load(platform, [id])), None)
    if found is None:
        raise NotThere(f"there is no reject {id!r}.", hint="See: GET /api/v1/rejects")
    return found


def _group(dataset: str, rule: str, members: Sequence[Reject]) -> RejectGroup:
    by_status: dict[str, int] = {}
    for reject in members:
        by_status[reject.status.value] = by_status.get(reject.status.value, 0) + 1
    return RejectGroup(
        dataset=dataset,
        rule=rule,
        rows=len(members),
        by_status=by_status,
        files=len({reject.origin.partition("#")[0] for reject in members}),
        oldest=min(reject.received_at for reject in members),
        example=members[0].id,
    )


def _tell(context: ApiContext, ids: Sequence[str]) -> None:
    context.facts.forget()
    context.projects.announce(Event("rejects_changed", ids[0] if ids else "", {"count": len(ids)}))
