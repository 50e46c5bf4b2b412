"""Too many rejects in one batch: in come a dataset's batches and what people decided, out comes one result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from entrepot.contracts.limits import RejectLimit, Unit
from entrepot.contracts.row_rules import Severity
from entrepot.flow.rejects import DECISIONS
from entrepot.kernel.positions import RejectSet
from entrepot.kernel.rows import ROW_BITS, split_record_id
from entrepot.lake.quality.verdicts import percent, say_number
from entrepot.ports.engine import Engine
from entrepot.ports.quality import RuleResult
from entrepot.ports.relations import QueryScan, TableVersion
from entrepot.ports.state import Plan, PlanStatus
from entrepot.ports.tables import Tables

MAX_REJECTS = "max_rejects"
"""The rule's id in results and in `entrepot quality accept`."""
_REASONS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class WaitingRejects:
    """A batch and how many of its rejects nobody has mended or discarded."""

    plan: Plan
    waiting: int
    received: int

    def measure(self, unit: Unit) -> str:
        """In the limit's unit, as text."""
        share = percent(self.waiting, self.received)
        return say_number(share) if unit is Unit.PERCENT else str(self.waiting)


def judge_rejects(
    limit: RejectLimit, plans: Sequence[Plan], released: int, find_discarded: Callable[[], Mapping[int, int]]
) -> RuleResult:
    """Judge the batches that settled after the released version; the worst of them is told.

    Args:
        plans: all of the dataset, oldest first.
        released: the version that readers see, -1 when none.
        find_discarded: batch → rejects that people discarded; asked only when a batch is over the limit.
    """
    found = [each for each in _count_waiting(plans) if (each.plan.version or 0) > released]
    over = [each for each in found if not limit.holds(each.waiting, each.received)]
    if over:
        discarded = find_discarded()
        found = [_without(each, discarded.get(each.plan.batch, 0)) for each in found]
        over = [each for each in found if not limit.holds(each.waiting, each.received)]
    worst = max(over or found, key=lambda each: percent(each.waiting, each.received), default=None)
    return RuleResult(
        rule=MAX_REJECTS,
        severity=Severity.ERROR,
        passed=not over,
        measured=worst.measure(limit.unit) if worst else "0",
        unit=limit.unit.value,
        limit=f"<= {limit.value:f}",
        bad_rows=worst.waiting if worst else 0,
        rows=worst.received if worst else 0,
        detail=_say_batches(over) if over else None,
    )


def find_discarded(dataset: str, tables: Tables, engine: Engine) -> dict[int, int]:
    """batch → how many of its rejects people discarded and did not take back."""
    if not tables.exists(DECISIONS):
        return {}
    sql = (
        f'SELECT record >> {ROW_BITS} AS batch, count(*) AS n FROM (SELECT record, arg_max("action", "at") AS last '
        f"FROM q.t WHERE dataset = '{dataset}' GROUP BY record) WHERE last = 'discard' GROUP BY 1"
    )
    scan = QueryScan(sql, {"q.t": TableVersion(DECISIONS, tables.version(DECISIONS))})
    return {row["batch"]: row["n"] for row in engine.query(scan).batches().read_all().to_pylist()}


def _count_waiting(plans: Sequence[Plan]) -> list[WaitingRejects]:
    """Each batch with its rejects that were not taken again; what a retry rejected once more counts for the batch it came from."""
    settled = [plan for plan in plans if plan.status is PlanStatus.SETTLED and plan.counts is not None]
    waiting: dict[int, int] = {}
    root: dict[int, int] = {}
    for plan in settled:
        assert plan.counts is not None
        position = plan.draft.position
        if isinstance(position, RejectSet) and position.rejects:
            batch = split_record_id(position.rejects[0])[0]
            origin = root[plan.batch] = root.get(batch, batch)
            waiting[origin] = waiting.get(origin, 0) + plan.counts.rejected - len(position.rejects)
        else:
            waiting[plan.batch] = waiting.get(plan.batch, 0) + plan.counts.rejected
    return [
        WaitingRejects(plan, max(waiting[plan.batch], 0), plan.counts.received)
        for plan in settled
        if plan.counts is not None and plan.batch not in root and not _is_superseded(plan, settled)
    ]


def _is_superseded(plan: Plan, settled: Sequence[Plan]) -> bool:
    """True when a later batch of the flow took the place of the whole table, or of all that this one brought."""
    for later in settled:
        if later.batch <= plan.batch or later.flow != plan.flow or isinstance(later.draft.position, RejectSet):
            continue
        mode = later.draft.mode
        if mode.get("kind") == "replace" and mode.get("where") is None:
            return True
        if plan.draft.contents and set(plan.draft.contents) <= set(later.draft.supersedes):
            return True
    return False


def _without(each: WaitingRejects, discarded: int) -> WaitingRejects:
    return WaitingRejects(each.plan, max(each.waiting - discarded, 0), each.received)


def _say_batches(over: Sequence[WaitingRejects]) -> str:
    """Batches over the limit with the counts of their reasons; rule ids and numbers, no values."""
    said = []
    for each in over[:3]:
        reasons = sorted(each.plan.details.get("reasons", {}).items(), key=lambda pair: (-pair[1], pair[0]))
        listed = ", ".join(f"{rule} {rows}" for rule, rows in reasons[:_REASONS_SHOWN])
        text = f"batch {each.plan.sequence} of {each.plan.flow}, {each.waiting} of {each.received} records"
        said.append(f"{text} ({listed})" if listed else text)
    more = f" and {len(over) - 3} more batches" if len(over) > 3 else ""
    return "; ".join(said) + more
