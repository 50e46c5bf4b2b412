"""Runs that triggers and people ask for: with a platform of their own, in turns with the micro-batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from entrepot.app.scheduling.announce import keep_hook_calls
from entrepot.app.session import RunReport, run_project
from entrepot.app.up.busy import BusyNodes
from entrepot.app.wiring import Platform
from entrepot.ports.schedule import Firing
from entrepot.runner.cancel import CancelToken
from entrepot.runner.selection import select


class Runs:
    """Called from several threads. Args: platform: the present project with a holder of its own; told: hears of each run that ended."""

    def __init__(
        self, platform: Callable[[], Platform], busy: BusyNodes, told: Callable[[RunReport], None], *, workers: int = 2
    ) -> None:
        self._platform = platform
        self._busy = busy
        self._told = told
        self._workers = workers

    def __call__(self, selection: Sequence[str], reason: str, firing: Firing, cancel: CancelToken) -> RunReport:
        """Carry out a firing: `app.scheduling.running.Run`."""
        return self._run(selection, cancel)

    def run_now(self, selection: Sequence[str], reason: str) -> Mapping[str, Any]:
        """What the API asks for."""
        return self._run(selection, CancelToken(), by_hand=True).to_json()

    def _run(self, selection: Sequence[str], cancel: CancelToken, *, by_hand: bool = False) -> RunReport:
        platform = self._platform()
        platform.cancel = cancel
        nodes = select(platform.nodes, selection)
        with self._busy.using([node.target for node in nodes]):
            report = run_project(platform, selection, workers=self._workers)
        if by_hand:  # the schedule keeps the calls of what it fired itself
            keep_hook_calls(platform, report)
        self._told(report)
        return report
