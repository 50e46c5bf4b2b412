"""How much came, and when: in come a dataset's batches or its rows by day, out come observations and which of them are new."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from entrepot.flow.commit import counts_from_json
from entrepot.kernel.positions import Cursor, FileSet, Offsets, RejectSet, Versions
from entrepot.lake.quality.usual import Sample
from entrepot.ports.engine import Engine
from entrepot.ports.relations import QueryScan, TableVersion
from entrepot.ports.state import Plan, PlanStatus

FIRST = 7
"""Of a dataset that was never released, only so many of the newest observations are judged."""
_MOST_DAYS = 400


@dataclass(frozen=True, slots=True)
class Delivery:
    """One observation. `place` is the file; None where a day or a batch is counted."""

    sample: Sample
    place: str | None = None
    is_new: bool = False
    """True when readers have not seen it yet: it is judged."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When is judged, and what readers see."""

    now: datetime
    zone: ZoneInfo
    version: int
    released: int
    """-1 when nothing was released."""

    @property
    def today(self) -> date:
        """The local day; it is not over, so its rows are not counted yet."""
        return self.now.astimezone(self.zone).date()


def find_deliveries(plans: Sequence[Plan], moment: Moment) -> list[Delivery]:
    """Files where files come, days where a cursor moves on, else batches; oldest first. Retries of rejects bring nothing new."""
    found: list[Delivery] = []
    days: defaultdict[date, int] = defaultdict(int)
    new_days: set[date] = set()
    batches = list(settled_batches(plans, moment.version))
    for plan in batches:
        if not _is_comparable(plan, batches[-1]):
            continue
        at = local(plan.draft.received_at, moment.zone)
        is_new = (plan.version or 0) > moment.released
        if isinstance(plan.draft.position, (Cursor, Offsets)):
            days[at.date()] += plan.counts.accepted if plan.counts else 0
            new_days |= {at.date()} if is_new else set()
        else:
            found += _of_batch(plan, at, is_new)
    seen = _written_on(plans, moment)
    for day, rows in days.items():
        if day < moment.today:
            is_new = day in new_days or (seen is not None and day >= seen)
            found.append(Delivery(Sample(datetime.combine(day, time()), rows), None, is_new))
    return _first_only(sorted(found, key=lambda each: each.sample.at), moment)


def find_days(
    counts: Mapping[date, int], before: Mapping[date, int], plans: Sequence[Plan], moment: Moment
) -> list[Delivery]:
    """Every day from the first to the newest that is over; a day without rows counts 0. New is what differs from the released version."""
    over = [day for day in counts if day < moment.today]
    if not over:
        return []
    seen, newest = _written_on(plans, moment), max(before, default=date.min)
    found = []
    day = min(over)
    while day <= max(over):
        rows = counts.get(day, 0)
        is_new = day > newest or rows != before.get(day, 0) or (seen is not None and day >= seen)
        found.append(Delivery(Sample(datetime.combine(day, time()), rows), None, is_new))
        day += timedelta(days=1)
    return _first_only(found, moment)


def count_days(engine: Engine, table: TableVersion, column: str) -> dict[date, int]:
    """Rows of the newest days of a column, in the project's zone; rows without a value are left out."""
    name = '"' + column.replace('"', '""') + '"'
    sql = (
        f"SELECT CAST({name} AS DATE) AS day, count(*) AS n FROM q.t WHERE {name} IS NOT NULL AND isfinite({name}) "
        f"GROUP BY 1 ORDER BY 1 DESC LIMIT {_MOST_DAYS:d}"
    )
    rows = engine.query(QueryScan(sql, {"q.t": table})).batches().read_all().to_pylist()
    return {row["day"]: row["n"] for row in rows}


def settled_batches(plans: Sequence[Plan], version: int) -> Iterator[Plan]:
    """Batches that brought something of their own, up to a version."""
    for plan in plans:
        is_settled = plan.status is PlanStatus.SETTLED and plan.counts is not None and plan.version is not None
        if is_settled and (plan.version or 0) <= version and not isinstance(plan.draft.position, RejectSet):
            yield plan


def local(at: datetime, zone: ZoneInfo) -> datetime:
    """An instant on the wall clock of the project."""
    return at.astimezone(zone).replace(tzinfo=None)


def _is_comparable(plan: Plan, newest: Plan) -> bool:
    """Of a model: written in the same way as the newest batch. A full rebuild says nothing of what a day adds."""
    if not isinstance(plan.draft.position, Versions):
        return True
    return plan.draft.mode.get("kind") == newest.draft.mode.get("kind")


def _of_batch(plan: Plan, at: datetime, is_new: bool) -> Iterator[Delivery]:
    assert plan.counts is not None
    places = plan.details.get("places", {}) if isinstance(plan.draft.position, FileSet) else {}
    for place, counts in places.items():
        yield Delivery(Sample(at, counts_from_json(counts).accepted), str(place), is_new)
    if not places:
        yield Delivery(Sample(at, plan.counts.accepted), None, is_new)


def _written_on(plans: Sequence[Plan], moment: Moment) -> date | None:
    """The local day on which the released version was written: that day was not over then."""
    written = [plan.draft.received_at for plan in settled_batches(plans, moment.released)]
    return local(max(written), moment.zone).date() if written else None


def _first_only(found: list[Delivery], moment: Moment) -> list[Delivery]:
    if moment.released >= 0:
        return found
    return [Delivery(each.sample, each.place, n >= len(found) - FIRST) for n, each in enumerate(found)]
