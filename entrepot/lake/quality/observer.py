"""What the expectations of one dataset are judged by: reads its batches, and its rows by day, at the versions in question."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from entrepot.contracts.expectations import Fresh, Learned
from entrepot.contracts.model import Contract
from entrepot.contracts.types import Kind
from entrepot.kernel.errors import EntrepotError
from entrepot.lake.quality.deliveries import (
    Delivery,
    Moment,
    count_days,
    find_days,
    find_deliveries,
    local,
    settled_batches,
)
from entrepot.lake.quality.expectations import VOLUME, judge_arrival, judge_fresh, judge_volume
from entrepot.ports.engine import Engine
from entrepot.ports.quality import Judgement, RuleResult
from entrepot.ports.relations import QueryScan, TableVersion
from entrepot.ports.state import Plan, State

MOST_BATCHES = 5_000
"""Older ones are not looked at, whatever the window."""


@dataclass(frozen=True, slots=True)
class Observed:
    """Results of one kind, and what they hang on: while that stays, so does the judgement."""

    results: tuple[RuleResult, ...]
    basis: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Observer:
    """Judges the expectations of one dataset at one moment."""

    dataset: str
    contract: Contract
    state: State
    engine: Engine
    moment: Moment

    def observe(self, before: Judgement | None) -> Iterator[tuple[str, Observed]]:
        """Each kind of judgement that the contract asks for; `before` is the newest one about volume."""
        plans = self.state.plans(target=self.dataset, limit=MOST_BATCHES)
        learned = next((each for each in self.contract.expectations if isinstance(each, Learned)), None)
        if learned is not None and learned.volume:
            yield "volume", self._volume(learned, plans, before)
        fresh = [self._fresh(each, plans) for each in self.contract.expectations if isinstance(each, Fresh)]
        if learned is not None and learned.arrival:
            instants = self._arrivals(plans)
            fresh.append(judge_arrival(self.dataset, learned, instants, self._now))
        if fresh:
            yield "freshness", Observed(tuple(fresh), {"said": [_said(each) for each in fresh]})

    def _volume(self, learned: Learned, plans: Sequence[Plan], before: Judgement | None) -> Observed:
        """Nothing new since the last judgement of this version: that one holds on, although readers have seen the version by now."""
        try:
            deliveries = self._deliveries(learned, plans)
        except EntrepotError as error:
            result = RuleResult(VOLUME, learned.severity, False, None, None, "what is usual", error=error.message)
            return Observed((result,), {"error": error.message})
        same = before is not None and before.version == self.moment.version and before.is_certain
        if same and before is not None and not any(each.is_new for each in deliveries):
            results = tuple(_with_severity(each, learned) for each in before.results)
        else:
            results = (judge_volume(self.dataset, learned, deliveries),)
        return Observed(results, {"by": learned.by, "least": learned.least, "said": [_said(each) for each in results]})

    def _deliveries(self, learned: Learned, plans: Sequence[Plan]) -> list[Delivery]:
        if learned.by is None:
            return find_deliveries(plans, self.moment)
        counts = count_days(self.engine, TableVersion(self.dataset, self.moment.version), learned.by)
        before: dict[date, int] = {}
        if self.moment.released == self.moment.version:
            before = counts
        elif self.moment.released >= 0:
            before = count_days(self.engine, TableVersion(self.dataset, self.moment.released), learned.by)
        return find_days(counts, before, plans, self.moment)

    def _fresh(self, fresh: Fresh, plans: Sequence[Plan]) -> RuleResult:
        if fresh.column is None:
            return judge_fresh(self.dataset, fresh, max(self._arrivals(plans), default=None), self._now)
        try:
            newest = self._newest(fresh.column)
        except EntrepotError as error:
            limit = f"at most {fresh.hours:f} h old"
            return RuleResult(fresh.id, fresh.severity, False, None, None, limit, error=error.message)
        return judge_fresh(self.dataset, fresh, newest, self._now)

    def _newest(self, column: str) -> datetime | date | None:
        """The newest value that does not lie in the future: one wrong year must not make everything look fresh for ever."""
        name = '"' + column.replace('"', '""') + '"'
        kind = self.contract.column(column).type.kind
        now = f"{self._now:%Y-%m-%d %H:%M:%S.%f}"
        if kind is Kind.DATE:
            value, upto = name, f"DATE '{self._now:%Y-%m-%d}'"
        elif kind is Kind.TIMESTAMP:
            value, upto = f"CAST({name} AS TIMESTAMP)", f"TIMESTAMP '{now}'"  # on the wall clock of the session's zone
        else:
            value, upto = name, f"TIMESTAMP '{now}'"
        sql = f"SELECT max({value}) AS newest FROM q.t WHERE {value} <= {upto} AND isfinite({name})"
        scan = QueryScan(sql, {"q.t": TableVersion(self.dataset, self.moment.version)})
        found: datetime | date | None = self.engine.query(scan).batches().read_all().to_pylist()[0]["newest"]
        return found

    def _arrivals(self, plans: Sequence[Plan]) -> list[datetime]:
        zone, version = self.moment.zone, self.moment.version
        came = (plan for plan in settled_batches(plans, version) if plan.counts is not None and plan.counts.received)
        return [local(plan.draft.received_at, zone) for plan in came]

    @property
    def _now(self) -> datetime:
        return local(self.moment.now, self.moment.zone)


def _said(result: RuleResult) -> dict[str, Any]:
    """What of a result a judgement hangs on."""
    return {
        "rule": result.rule,
        "severity": result.severity.value,
        "passed": result.passed,
        "measured": result.measured,
        "limit": result.limit,
        "detail": result.detail,
        "error": result.error,
    }


def _with_severity(result: RuleResult, learned: Learned) -> RuleResult:
    return replace(result, severity=learned.severity)
