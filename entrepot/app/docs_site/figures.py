"""How the datasets and KPIs of a project stand: versions, counts, judgements. Counts and names of rules only."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from entrepot.app.docs_site.facts import BatchFigures, Figures, PastJudgement, PeriodFigures, RuleFigures
from entrepot.app.docs_site.kpi_values import read_periods
from entrepot.app.quality_desk import QualityDesk, RuleStanding
from entrepot.app.wiring import Platform, read_pins
from entrepot.contracts.row_rules import Severity
from entrepot.kernel.errors import EntrepotError
from entrepot.kernel.positions import RejectSet
from entrepot.lake.quality.balance import balance
from entrepot.ports.quality import Judgement, RuleResult
from entrepot.ports.relations import QueryScan, TableVersion
from entrepot.ports.state import Plan, PlanStatus, Release

BATCHES = 10
"""How many are shown."""
JUDGEMENTS = 20

_HOLDS = (
    (re.compile(r"rolled back to release (\d+)"), "readers were set back to release {0}"),
    (re.compile(r"it is made from ([a-z_]+\.[a-z0-9_]+), which is held"), "it is made from {0}, which is held"),
    (re.compile(r"version (\d+) broke the rule ([^\s()]+) \("), "version {0} broke the rule {1}"),
    (re.compile(r"its counts do not close"), "its counts do not close"),
    (re.compile(r"batch (\d+) of (\S+) is not finished\Z"), "batch {0} of {1} is not finished"),
    (re.compile(r"not judged yet"), "its newest version waits to be judged"),
)
_ELSE = "its last run failed; `entrepot status` says why"


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything that came of running; empty before the first run."""

    release: Release | None = None
    figures: Mapping[str, Figures] = field(default_factory=dict)
    held: Mapping[str, str] = field(default_factory=dict)
    schemas: Mapping[str, pa.Schema] = field(default_factory=dict)
    periods: Mapping[str, tuple[PeriodFigures, ...]] = field(default_factory=dict)
    newest: Mapping[str, PeriodFigures] = field(default_factory=dict)
    plans: Mapping[str, Sequence[Plan]] = field(default_factory=dict)
    """dataset → its batches, oldest first."""


def read_standing(platform: Platform) -> Standing:
    """Read the newest release and the state; the versions that are read are pinned meanwhile."""
    release, versions = platform.state.latest_release(), platform.flows.versions()
    released = dict(release.tables) if release is not None else {}
    read_pins(platform, versions | released)
    try:
        desk = QualityDesk(platform)
        rules: dict[str, list[RuleStanding]] = {}
        for each in desk.standings():
            rules.setdefault(each.dataset, []).append(each)
        plans = {name: platform.state.plans(target=name) for name in versions}
        periods, newest = read_periods(platform, release)
        return Standing(
            release,
            {
                name: _figures(platform, name, version, released.get(name), plans[name], rules.get(name, []))
                for name, version in versions.items()
            },
            _held(desk, release),
            _schemas(platform, release, versions | released),
            periods,
            newest,
            plans,
        )
    finally:
        platform.state.unpin(platform.holder)


def _held(desk: QualityDesk, release: Release | None) -> dict[str, str]:
    """Why datasets are held, in words of our own: messages of failed queries may quote values."""
    why = dict(release.held) if release is not None else {}
    return {name: say_hold(text) for name, text in sorted((why | desk.holds()).items())}


def say_hold(why: str) -> str:
    """What of a reason may be given away."""
    for pattern, said in _HOLDS:
        if found := pattern.match(why):
            return said.format(*found.groups())
    return _ELSE


def _figures(
    platform: Platform,
    name: str,
    version: int,
    released: int | None,
    plans: Sequence[Plan],
    rules: Iterable[RuleStanding],
) -> Figures:
    live = _count(platform, name, version)
    settled = [plan.settled_at for plan in plans if plan.settled_at is not None]
    sizes = platform.tables.shape(name).sizes_bytes
    return Figures(
        version=version,
        released=released,
        rows=live if released in (None, version) else _count(platform, name, released),
        files=len(sizes),
        size_bytes=sum(sizes),
        balance=None if live is None else balance(name, platform.state.totals(name), live),
        batches=tuple(batch_figures(plan) for plan in reversed(plans[-BATCHES:])),
        batches_in_all=len(plans),
        reasons=count_reasons(plans),
        rules=tuple(_rule(each) for each in rules),
        history=tuple(_past(each) for each in platform.state.quality.history(name, JUDGEMENTS)),
        last_change=max(settled, default=None),
    )


def _count(platform: Platform, name: str, version: int | None) -> int | None:
    try:
        return platform.tables.rows(name, version)
    except KeyError:  # upkeep has taken that version away
        return None


def batch_figures(plan: Plan) -> BatchFigures:
    """A batch for people."""
    counts, at = plan.counts, plan.settled_at or plan.planned_at or plan.draft.received_at
    done = BatchFigures(
        plan.flow, plan.sequence, at, plan.status.value, superseded=plan.superseded_rows, version=plan.version
    )
    if counts is None:
        return done
    figures = (counts.received, counts.accepted, counts.rejected, counts.duplicate)
    return BatchFigures(plan.flow, plan.sequence, at, plan.status.value, *figures, plan.superseded_rows, plan.version)


def count_reasons(plans: Iterable[Plan]) -> dict[str, int]:
    """rule id → records that broke it when they came; those that were taken again are not counted twice."""
    found: Counter[str] = Counter()
    for plan in plans:
        if plan.status is PlanStatus.SETTLED and not isinstance(plan.draft.position, RejectSet):
            found.update({str(rule): int(rows) for rule, rows in (plan.details.get("reasons") or {}).items()})
    return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))


def _rule(standing: RuleStanding) -> RuleFigures:
    result = standing.result
    return RuleFigures(
        result.rule,
        f"{result.limit} {result.unit or ''}".strip(),
        _measured(result),
        standing.verdict,
        standing.version,
        standing.judgement.at,
        standing.is_current,
        result.severity is Severity.ERROR,
    )


def _measured(result: RuleResult) -> str:
    """The number, where it counts rows; any other may be a value of a row, and why there is none may quote one."""
    if result.error is not None or result.measured is None:
        return "could not be evaluated"
    if result.bad_rows is None and result.unit is None:
        return "not shown here"
    of = f" ({result.bad_rows:,} of {result.rows:,})" if result.bad_rows is not None and result.rows is not None else ""
    return f"{result.measured} {result.unit or ''}".strip() + of


def _past(judgement: Judgement) -> PastJudgement:
    failed = tuple(result.rule for result in judgement.results if result.holds_release)
    warned = tuple(result.rule for result in judgement.results if not result.passed and not result.holds_release)
    return PastJudgement(judgement.at, judgement.version, len(judgement.results), failed, warned)


def _schemas(platform: Platform, release: Release | None, versions: Mapping[str, int]) -> dict[str, pa.Schema]:
    """Columns of tables as they are stored, and of views as the release's text gives them."""
    found = {name: platform.tables.schema(name, version) for name, version in versions.items()}
    if release is None:
        return found
    tables = {name: TableVersion(name, version) for name, version in release.tables.items()}
    for view in release.views:
        scan = QueryScan(f"SELECT * FROM {view} LIMIT 0", tables, release.views)
        try:
            found[view] = platform.engine.query(scan).batches().schema
        except EntrepotError:  # what a view cannot say is told by its text
            continue
    return found
