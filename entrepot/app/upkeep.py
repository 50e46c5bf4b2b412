"""Upkeep after a run: checkpoints, small files joined, files that no one needs removed; each under its table's lease."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from entrepot.app.clock import is_alive
from entrepot.app.wiring import Platform
from entrepot.flow.lease import held
from entrepot.flow.plan import last_plan_of_source
from entrepot.kernel.errors import BusyError, ConflictError
from entrepot.kernel.events import Event
from entrepot.lake.maintenance.policy import (
    Uses,
    find_kept,
    find_retention_hours,
    is_checkpoint_due,
    is_compaction_due,
)
from entrepot.ports.state import PlanStatus

KEEP_RELEASES_FOR = timedelta(days=30)
KEEP_RELEASES = 50
KEEP_MICRO_FOR = timedelta(hours=1)
VACUUM_EVERY = timedelta(minutes=10)
"""Within one process: micro-batches make checkpoints every minute, and files go a day later at the earliest."""


def tend(platform: Platform, names: Iterable[str]) -> None:
    """Keep up the tables that a run changed. A table that somebody else is writing is left for next time."""
    from entrepot.adapters.embedded.cache.views import sweep

    state = platform.state
    sweep(platform.project.runtime / "tmp" / "views", is_alive)
    now = platform.clock.now()
    if platform.tended_at is None or not platform.tended_at <= now < platform.tended_at + VACUUM_EVERY:
        platform.tended_at = now
        state.expire_micro(now - KEEP_MICRO_FOR)
        state.expire_releases(now - KEEP_RELEASES_FOR, KEEP_RELEASES)
    for name in names:
        if platform.tables.exists(name) and _is_due(platform, name):
            try:
                with held(f"table:{name.removeprefix('quarantine.')}", platform.services):
                    _tend_table(platform, name)
            except (BusyError, ConflictError):
                continue


def _is_due(platform: Platform, name: str) -> bool:
    """Cheap enough to ask after every run."""
    shape = platform.tables.shape(name)
    return is_checkpoint_due(shape.version, shape.checkpoint) or is_compaction_due(shape.sizes_bytes)


def _tend_table(platform: Platform, name: str) -> None:
    shape = platform.tables.shape(name)
    joined = removed = 0
    if is_compaction_due(shape.sizes_bytes):
        joined = platform.tables.compact(name)
    if is_checkpoint_due(shape.version, shape.checkpoint):
        platform.tables.checkpoint(name)
        removed = _vacuum(platform, name)
    platform.announce(Event("table_tended", name, {"files_joined": joined, "files_removed": removed}))


def _vacuum(platform: Platform, name: str) -> int:
    now = platform.clock.now()
    before = platform.vacuumed_at.get(name)
    if before is not None and before <= now < before + VACUUM_EVERY:
        return 0
    platform.vacuumed_at[name] = now
    kept = find_kept(name, platform.tables.version(name), _uses(platform))
    return platform.tables.vacuum(name, kept.versions, find_retention_hours())


def _uses(platform: Platform) -> Uses:
    state = platform.state
    plans = list(state.plans(status=PlanStatus.OPEN))
    for node in platform.nodes:
        last = last_plan_of_source(node.name, platform.state)
        if last is not None:
            plans.append(last)
    return Uses(state.releases(10_000), state.pinned(), plans)
