"""Home: is everything there, on time, and what needs somebody?"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from entrepot.app import standing_desk as desk
from entrepot.app.http.asked import Context
from entrepot.app.http.context import ApiContext
from entrepot.app.http.routes.dataset_shapes import Check, to_check
from entrepot.app.http.routes.releases import ReleaseItem, to_item
from entrepot.app.http.shapes import Instant, Shape
from entrepot.app.needs import Need, find_needs
from entrepot.app.wiring import Platform
from entrepot.ports.inbox import RecordStatus

router = APIRouter(tags=["home"])
PERIODS = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "1h": timedelta(hours=1)}
MOST_NEEDS = 50
PeriodName = Literal["1h", "24h", "7d"]


class HourItem(Shape):
    """One hour, or one day."""

    start: Instant
    received: int
    rejected: int


class HomeBalance(Shape):
    """What sources brought in the period: received = accepted + rejected + duplicate + unexplained, batch by batch."""

    since: Instant
    until: Instant
    closed_at: Instant | None = Field(description="everything up to here is settled")
    received: int
    accepted: int
    rejected: int
    duplicate: int
    superseded: int = Field(description="rows that these batches took the place of")
    retaken: int = Field(description="rejects that were taken again")
    batches: int
    voided: int = Field(description="batches that were given up, with a reason")
    unexplained: int = Field(description="over all batches ever, against the rows that are there")
    open_batches: int = Field(description="in flight: planned, not settled")
    waiting_records: int = Field(description="in flight: in the inbox, not in bronze yet")
    is_whole: bool = Field(description="false: only the newest batches of the period were counted")


class NeedItem(Shape):
    """One thing that waits for a person."""

    id: str
    kind: str
    severity: Literal["broken", "attention"]
    what: str
    why: str
    verb: str
    subject: str
    holds_back: list[str]
    since: Instant | None


class PromiseItem(Check):
    """A promise about deliveries: how fresh, how much."""

    dataset: str


class LayerItem(Shape):
    """One layer of the way."""

    layer: str
    count: int


class Home(Shape):
    """Everything on the first page, in one answer."""

    sentence: str
    is_well: bool
    release: ReleaseItem | None
    balance: HomeBalance
    hours: list[HourItem]
    needs: list[NeedItem]
    needs_in_all: int
    promises: list[PromiseItem]
    layers: list[LayerItem]


class InboxStanding(Shape):
    """Where the records of the integration behind a source stand."""

    just_in: int
    processed: int
    error: int
    outputs_waiting: int


class SourceBalance(Shape):
    """A dataset that sources feed, over all batches, at its closed point: received = accepted + rejected + duplicate + superseded + unexplained."""

    dataset: str
    flows: list[str]
    closed_at: Instant | None
    open_batches: int
    received: int
    accepted: int | None = Field(description="rows that are there now")
    rejected: int
    duplicate: int
    superseded: int
    unexplained: int | None
    days: list[HourItem]
    inbox: InboxStanding | None = Field(description="null: its records do not come through the gateway")


class SourceBalances(Shape):
    """All of them."""

    items: list[SourceBalance]
    unexplained: int


@router.get("/home", response_model=Home)
def get_home(
    context: Context,
    period: PeriodName = "24h",
    view: Annotated[str | None, Query(max_length=40, description="kept for roles; changes nothing yet")] = None,
) -> Home:
    """Show how everything stands: balance, hours, needs, promises, layers."""
    now, facts = context.clock.now(), context.facts.get()
    with context.reading() as platform:
        found = desk.read_period(platform, now - PERIODS[period], now)
        sources = desk.read_sources(platform, facts, now)
        release = platform.state.latest_release() if platform.lake_exists() else None
        needs = find_needs(
            platform, facts, context.projects.faults, inbox=context.inbox, outbox=context.outbox, now=now
        )
        layers = _layers(context, platform)
    balance = _balance(context, found, sources)
    promises = [
        PromiseItem(dataset=entry.name, **to_check(rule).model_dump())
        for entry in facts.entries
        if entry.figures is not None
        for rule in entry.figures.rules
        if _is_promise(entry.contract, rule.rule)
    ]
    broken = sum(need.severity == "broken" for need in needs)
    return Home(
        sentence=say(balance, None if release is None else to_item(release), needs),
        is_well=not broken and balance.unexplained == 0,
        release=None if release is None else to_item(release),
        balance=balance,
        hours=[HourItem(start=hour.start, received=hour.received, rejected=hour.rejected) for hour in found.hours],
        needs=[_need(need) for need in needs[:MOST_NEEDS]],
        needs_in_all=len(needs),
        promises=sorted(promises, key=lambda each: (each.verdict == "passed", each.dataset)),
        layers=layers,
    )


@router.get("/balance/sources", response_model=SourceBalances)
def list_source_balances(context: Context) -> SourceBalances:
    """Show for each dataset that sources feed whether every record is accounted for."""
    now, facts = context.clock.now(), context.facts.get()
    with context.reading() as platform:
        found = desk.read_sources(platform, facts, now)
        inboxes = {source.name for source in platform.project.sources if source.connector == "inbox"}
    items = [
        SourceBalance(
            dataset=each.dataset,
            flows=list(each.flows),
            closed_at=each.closed_at,
            open_batches=each.open_batches,
            received=each.received,
            accepted=each.accepted,
            rejected=each.rejected,
            duplicate=each.duplicate,
            superseded=each.superseded,
            unexplained=each.unexplained,
            days=[HourItem(start=day.start, received=day.received, rejected=day.rejected) for day in each.days],
            inbox=_inbox(context, [flow for flow in each.flows if flow in inboxes]),
        )
        for each in found
    ]
    return SourceBalances(items=items, unexplained=sum(abs(item.unexplained or 0) for item in items))


def say(balance: HomeBalance, release: ReleaseItem | None, needs: list[Need]) -> str:
    """The sentence at the top."""
    if release is None and not balance.batches:
        return "Nothing has come in yet."
    first = (
        "Every record is accounted for"
        if balance.unexplained == 0
        else f"{abs(balance.unexplained):,} records are not accounted for"
    )
    broken = sum(need.severity == "broken" for need in needs)
    rest = len(needs) - broken
    second = f"{broken} promise{'s are' if broken != 1 else ' is'} broken" if broken else "no promise is broken"
    joint = "but" if broken and balance.unexplained == 0 else "and"
    third = f"; {rest} thing{'s need' if rest != 1 else ' needs'} a look" if rest else ""
    at = f" Release {release.id} of {release.at:%Y-%m-%d %H:%M} UTC is what readers see." if release else ""
    return f"{first}, {joint} {second}{third}.{at}"


def _balance(context: ApiContext, found: desk.Period, sources: list[desk.SourceStanding]) -> HomeBalance:
    sums = found.sums
    closed = [each.closed_at for each in sources if each.closed_at is not None]
    return HomeBalance(
        since=found.since,
        until=found.until,
        closed_at=(min if any(each.open_batches for each in sources) else max)(closed, default=None),
        received=sums.received,
        accepted=sums.accepted,
        rejected=sums.rejected,
        duplicate=sums.duplicate,
        superseded=sums.superseded,
        retaken=sums.retaken,
        batches=sums.batches,
        voided=sums.voided,
        unexplained=sums.unexplained + sum(abs(each.unexplained or 0) for each in sources),
        open_batches=sum(each.open_batches for each in sources),
        waiting_records=_waiting(context),
        is_whole=found.is_whole,
    )


def _waiting(context: ApiContext) -> int:
    if context.inbox is None:
        return 0
    names = [source.name for source in context.projects.project().sources if source.connector == "inbox"]
    counts = [context.inbox.counts(name) for name in names]
    return sum(each.by_status.get(RecordStatus.JUST_IN, 0) + each.outputs_waiting for each in counts)


def _inbox(context: ApiContext, names: list[str]) -> InboxStanding | None:
    if context.inbox is None or not names:
        return None
    counts = [context.inbox.counts(name) for name in names]
    of = {status: sum(each.by_status.get(status, 0) for each in counts) for status in RecordStatus}
    return InboxStanding(
        just_in=of[RecordStatus.JUST_IN],
        processed=of[RecordStatus.PROCESSED],
        error=of[RecordStatus.ERROR],
        outputs_waiting=sum(each.outputs_waiting for each in counts),
    )


def _is_promise(contract: object, rule: str) -> bool:
    from entrepot.app.quality_desk import expected_ids
    from entrepot.contracts.model import Contract

    return isinstance(contract, Contract) and rule in expected_ids(contract)


def _need(need: Need) -> NeedItem:
    return NeedItem(
        id=need.id,
        kind=need.kind,
        severity=need.severity,  # type: ignore[arg-type]
        what=need.what,
        why=need.why,
        verb=need.verb,
        subject=need.subject,
        holds_back=list(need.holds_back),
        since=need.since,
    )


def _layers(context: ApiContext, platform: Platform) -> list[LayerItem]:
    facts = context.facts.get()
    files = sum(source.files_taken for source in facts.sources)
    counts = {"landing": files}
    for layer in ("bronze", "silver", "gold"):
        counts[layer] = sum(entry.layer == layer for entry in facts.entries)
    counts["kpis"] = len(facts.kpis)
    return [LayerItem(layer=layer, count=count) for layer, count in counts.items()]
