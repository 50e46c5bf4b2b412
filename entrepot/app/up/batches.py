"""Micro-batches: whatever came is taken to bronze and on to the KPIs, a few seconds later at most.

A source of a stream (inbox, topic) is asked each round, `incoming/` folders every few seconds, and what says `every:` at its time.
Sources that triggers run are left to them. The round is an ordinary run of the sources with what descends from them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from entrepot.app.session import RunReport, run_project
from entrepot.app.sources import Source
from entrepot.app.up.busy import BusyNodes
from entrepot.app.wiring import Platform
from entrepot.connectors import load_connector
from entrepot.intake.sources.spec import Capability
from entrepot.kernel.errors import EntrepotError, UsageError
from entrepot.ports.state import PlanStatus
from entrepot.runner.execute import Verdict
from entrepot.runner.graph import NodeKind
from entrepot.runner.selection import select

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0


@dataclass(slots=True)
class _Trouble:
    """A source or a model that failed: how long it is left alone."""

    pause_s: float
    until: float


class LiveBatches:
    """One thread's work: `turn` does a round and says when the next is due.

    Args:
        platform: the present project, with a holder of its own; another object once its files have changed.
        told: hears of each round that did something.
    """

    def __init__(
        self,
        platform: Callable[[], Platform],
        busy: BusyNodes,
        told: Callable[[RunReport], None] = lambda report: None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._platform = platform
        self._busy = busy
        self._told = told
        self._monotonic = monotonic
        self._known: Platform | None = None
        self._next: dict[str, float] = {}
        """Source → when it is looked at next."""
        self._troubles: dict[str, _Trouble] = {}

    def turn(self) -> float:
        """Run what is due; return the seconds until the next round."""
        started = self._monotonic()
        platform = self._platform()
        if platform is not self._known:
            self._known = platform
            self._next.clear()
            # what a crash left open is finished, and models of another text are computed
            due = self._of_a_start(platform)
        else:
            due = [f"{name}+" for name in (*self._due(platform, started), *self._stale(platform, started))]
        if due:
            self._run(platform, due)
        took = self._monotonic() - started
        # at most four fifths of the time are spent on rounds: requests are answered meanwhile
        return max(platform.project.live.interval_s - took, took / 4 if due else 0.0)

    def _run(self, platform: Platform, patterns: Sequence[str]) -> None:
        nodes = select(platform.nodes, patterns)
        with self._busy.using([node.target for node in nodes]):
            report = run_project(platform, [node.name for node in nodes], is_micro=True)
        failed = {result.node.name for result in report.results if result.verdict is Verdict.FAILED}
        for result in report.results:
            node = result.node
            self._note(
                node.group or node.name if node.kind is NodeKind.SOURCE else node.name, failed=node.name in failed
            )
        if any(result.plans for result in report.results) or not report.succeeded:
            self._told(report)

    def _note(self, name: str, *, failed: bool) -> None:
        if not failed:
            self._troubles.pop(name, None)
            return
        known = self._troubles.get(name)
        pause = min(2 * known.pause_s, _LONGEST_PAUSE_S) if known else _FIRST_PAUSE_S
        self._troubles[name] = _Trouble(pause, self._monotonic() + pause)

    def _stale(self, platform: Platform, now: float) -> list[str]:
        """Models that failed when they were run last: nothing new need come for them to be tried again."""
        models = {node.name for node in platform.nodes if node.kind is not NodeKind.SOURCE}
        return [name for name, trouble in self._troubles.items() if name in models and now >= trouble.until]

    def _of_a_start(self, platform: Platform) -> list[str]:
        triggered = set(triggered_sources(platform))
        return [node.name for node in platform.nodes if (node.group or node.name) not in triggered]

    def _due(self, platform: Platform, now: float) -> Iterator[str]:
        triggered = set(triggered_sources(platform))
        for source in platform.project.sources:
            name = source.group or source.name
            trouble = self._troubles.get(name)
            if name in triggered or (trouble is not None and now < trouble.until):
                continue
            if trouble is not None or self._is_due(platform, source, now):
                yield name

    def _is_due(self, platform: Platform, source: Source, now: float) -> bool:
        capabilities = load_connector(source.connector).capabilities
        if Capability.STREAM in capabilities:
            return _has_new(platform, source)
        if source.every_s is not None:
            return self._comes_round(source.name, source.every_s, now)
        if Capability.FILES in capabilities and self._comes_round(
            source.name, platform.project.live.files_every_s, now
        ):
            return _has_arrivals(platform.project.root / str(source.options.get("path", "")))
        return False

    def _comes_round(self, name: str, every_s: float, now: float) -> bool:
        if now < self._next.setdefault(name, now + every_s):
            return False
        self._next[name] = now + every_s
        return True


def triggered_sources(platform: Platform) -> Iterator[str]:
    """Sources that a trigger names in `run`: these are not taken at other times. One that runs everything, or nothing, names none."""
    for trigger in platform.project.schedule.triggers:
        if not trigger.run or not trigger.runs:
            continue
        with suppress(UsageError):  # what names nothing is told by `entrepot check`, and when the trigger fires
            for node in select(platform.nodes, trigger.run):
                if node.kind is NodeKind.SOURCE:
                    yield node.group or node.name


def _has_new(platform: Platform, source: Source) -> bool:
    """True when the stream goes on after what was taken, or the last batch is not finished."""
    state = platform.state
    if state.plans(flow=source.name, status=PlanStatus.OPEN) or state.unacknowledged(source.name):
        return True
    try:
        return platform.flows.reader(source).find_next(state.last_position(source.name)) is not None
    except EntrepotError:
        return True  # the run says what is wrong, and the source is left alone for a while


def _has_arrivals(area: Path) -> bool:
    try:
        return any(not entry.name.startswith(".") for entry in (area / "incoming").iterdir())
    except OSError:
        return False
