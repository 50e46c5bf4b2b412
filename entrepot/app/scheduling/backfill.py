"""Taking a range again: files of a source that came within it, batch by batch, then everything that is made from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path

from entrepot.app.again import bring_back
from entrepot.app.session import RunReport, run_project
from entrepot.app.sources import Source
from entrepot.app.wiring import Platform
from entrepot.intake.sources.files import FilesReader
from entrepot.kernel.errors import BlockedError, DataError, UsageError
from entrepot.kernel.ids import hash_file
from entrepot.kernel.positions import FileItem, FileSet
from entrepot.ports.state import Plan, PlanStatus
from entrepot.runner.backfill import Order, Refusal, Subject, decide_order
from entrepot.runner.execute import Verdict, execute


@dataclass(frozen=True, slots=True)
class Backfill:
    """What will be taken again."""

    source: Source
    order: Order
    batches: tuple[tuple[int, tuple[Path, ...]], ...]
    """(batch, its files as they lie in processed/ or archive/), in the order in which they came."""

    @property
    def files(self) -> int:
        """How many."""
        return sum(len(paths) for _, paths in self.batches)


def plan_backfill(platform: Platform, name: str, start: datetime, end: datetime | None) -> Backfill:
    """What came within [start, end).

    Raises: UsageError where the source cannot be taken again soundly, or nothing came; DataError where a file is gone.
    """
    source = _find_source(platform, name)
    plans = [
        plan
        for plan in platform.state.plans(flow=source.name, status=PlanStatus.SETTLED)
        if isinstance(plan.draft.position, FileSet) and plan.draft.received_at >= start
    ]
    within = [plan for plan in plans if end is None or plan.draft.received_at < end]
    reader = platform.flows.source_flow(source).reader if source.connector == "files" else None
    subject = Subject(
        source.name, source.connector, source.write, source.supersedes.by, bool(source.members),
        reader is not None and not isinstance(reader, FilesReader),
    )  # fmt: skip
    order = decide_order(subject, to_the_newest=len(within) == len(plans))
    if isinstance(order, Refusal):
        raise UsageError(order.why, hint=order.hint)
    assert isinstance(reader, FilesReader)
    if not within:
        raise UsageError(f"nothing came to {name} in that time.", hint="See its batches: entrepot docs")
    only_live = order is Order.ANY
    batches = ((plan.sequence, tuple(_find_files(platform, reader, plan, only_live=only_live))) for plan in within)
    return Backfill(source, order, tuple(batches))


def _find_source(platform: Platform, name: str) -> Source:
    sources = {source.name: source for source in platform.project.sources}
    sources |= {source.dataset: source for source in platform.project.sources}
    if name in sources:
        return sources[name]
    if any(node.target == name for node in platform.nodes):
        raise UsageError(
            f"{name} is made from other datasets, and holds what they give at any time: there is no range to bring back.",
            hint=f"Compute all of it anew with: entrepot run {name} --rebuild {name}",
        )
    near = get_close_matches(name, sources, n=2)
    raise UsageError(
        f"there is no source {name!r}.",
        hint=f"Did you mean {' or '.join(near)}?"
        if near
        else f"There are: {', '.join(s.name for s in platform.project.sources)}.",
    )


def _find_files(platform: Platform, reader: FilesReader, plan: Plan, *, only_live: bool) -> Iterator[Path]:
    """Where the files of a batch lie now. Args: only_live: what a later file of its name has replaced stays away."""
    assert isinstance(plan.draft.position, FileSet)
    for item in plan.draft.position.files:
        live = platform.state.live_content(plan.flow, item.sha256)
        if not only_live or (live is not None and live.sequence == plan.sequence):
            yield _find_file(reader, item)


def _find_file(reader: FilesReader, item: FileItem) -> Path:
    area = reader.area
    stem, suffix = Path(item.name).stem, Path(item.name).suffix
    for folder in (area.processed, area.archive):
        for path in sorted(folder.rglob(f"{_escape(stem)}*{_escape(suffix)}")) if folder.is_dir() else ():
            if path.is_file() and path.stat().st_size == item.size_bytes and hash_file(path) == item.sha256:
                return path
    raise DataError(
        f"{item.name} is neither in processed/ nor in archive/ any more.",
        hint="Put it into processed/ again, or begin with a later --from.",
    )


def _escape(name: str) -> str:
    from glob import escape

    return escape(name)


def carry_out(platform: Platform, backfill: Backfill, reason: str) -> RunReport:
    """Take the batches again, then run what is made from them, and release once at the end.

    Raises: BlockedError when a batch could not be taken: nothing is released, and the same command goes on where it stopped.
    """
    source = backfill.source
    groups = [paths for _, paths in backfill.batches if paths]
    if backfill.order is Order.ANY:
        groups = [tuple(path for group in groups for path in group)]
    for paths in groups:
        for path in paths:
            bring_back(platform, path, reason)
        if paths is not groups[-1]:
            _take(platform, source.name, paths)
    return run_project(platform, [f"{source.name}+"])


def _take(platform: Platform, name: str, paths: Sequence[Path]) -> None:
    node = next(node for node in platform.nodes if node.name == name)
    (result,) = execute([node], platform.services)
    if result.error is not None:
        raise result.error
    if result.verdict is not Verdict.ADVANCED or result.refused:
        names = ", ".join(path.name for path in paths)
        raise BlockedError(f"{name}: {names} could not be taken again.", hint="Look into rejected/, then: entrepot run")
