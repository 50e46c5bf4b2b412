"""Compact and vacuum."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote

from entrepot.adapters.embedded.delta.actions import Add
from entrepot.adapters.embedded.delta.checkpoint import drop_old_checkpoints
from entrepot.adapters.embedded.delta.committer import Draft, Reads, write_commit
from entrepot.adapters.embedded.delta.handle import TableHandle
from entrepot.adapters.embedded.delta.layout import encode_flow, split_data_file_name
from entrepot.adapters.embedded.delta.log import Snapshot, read_commit
from entrepot.adapters.embedded.delta.protocol import why_not_read, why_not_written
from entrepot.adapters.embedded.delta.rewrite import Rewritten, open_rewriter
from entrepot.adapters.embedded.delta.scan import NotPlain, local_path
from entrepot.adapters.embedded.delta.staging import Intake
from entrepot.kernel.errors import ConflictError, RunError

MAINTENANCE = "maint"
"""Application id of upkeep's own transactions."""
_UNTRACKED_HOURS = 24.0


def compact(handle: TableHandle, scratch: Path, memory_mb: int) -> int:
    """Join small files without changing rows; return how many files went. Raises: ConflictError."""
    snapshot = handle.require_newest()
    handle.ensure_durable(snapshot)
    if why_not_written(snapshot) is not None:
        from entrepot.adapters.embedded.delta import deltars

        return deltars.compact(handle)
    with open_rewriter(handle.path, snapshot, scratch, memory_mb) as rewriter:
        joined = rewriter.join_small()
        if not joined.removed:
            return 0
        before = sum(rewriter.rows_in(add) for add in joined.removed)
        if before != sum(file.rows for file in joined.files):
            raise RunError(f"table {handle.name}: compaction would change the number of rows; nothing was committed.")
        _commit(handle, snapshot, joined)
    return len(joined.removed)


def _commit(handle: TableHandle, snapshot: Snapshot, joined: Rewritten) -> None:
    number = snapshot.txns.get(MAINTENANCE, 0) + 1
    intake = Intake(handle.path, snapshot, MAINTENANCE, number, data_change=False)
    adds = intake.take(joined.files)
    now = time.time_ns() // 1_000_000
    removes = joined.removes(now, data_change=False)
    draft = Draft("OPTIMIZE", now, Reads.FILES, (MAINTENANCE, number), tuple(adds), removes)
    try:
        handle.note_durable(write_commit(handle.path, draft, snapshot.version))
    except ConflictError:
        intake.put_back(adds)
        raise


def vacuum(handle: TableHandle, keep: Iterable[int], retention_hours: float, *, now: float) -> int:
    """Delete data files that no kept version needs and that went longer ago than the retention; return how many.

    Files that the log does not know are kept for a day at least, those of open plans for ever: a running writer may be
    about to commit them.
    """
    if retention_hours < 0:
        raise ValueError(f"retention of {retention_hours} hours; allowed is 0 or more")
    newest = handle.require_newest()
    versions = sorted({*keep, newest.version})
    found = _find_needed(handle, versions)
    if found is None:
        from entrepot.adapters.embedded.delta import deltars

        return deltars.vacuum(handle, versions, retention_hours)
    needed = set(_paths(handle.path, found))
    removed_at = {unquote(key.split("\0")[0]): at / 1000 for key, at in newest.tombstones.items()}
    deleted = 0
    for file in _data_files(handle.path):
        if file in needed:
            continue
        removed = removed_at.get(str(file.relative_to(handle.path)))
        if _is_expired(file, removed, newest, retention_hours, now):
            file.unlink(missing_ok=True)
            deleted += 1
    drop_old_checkpoints(handle.path, versions)
    return deleted


def _find_needed(handle: TableHandle, versions: list[int]) -> list[Add] | None:
    """The files of all these versions, the newest among them; None when one of them cannot be read here.

    One walk along the log: micro-batches leave thousands of versions, too many for a snapshot of each.
    """
    first, newest = handle.at(versions[0]), handle.at(versions[-1])
    if why_not_read(first) or why_not_read(newest):
        return None
    alive = {key: (add, first.version) for key, add in first.files.items()}
    needed = []
    for version in range(first.version + 1, newest.version + 1):
        commit = read_commit(handle.path, version)
        if (commit.protocol or commit.metadata) is not None and why_not_read(handle.at(version)):
            return None
        for remove in commit.removes:
            add, since = alive.pop(remove.key, (None, version))
            if add is not None and bisect_left(versions, since) < bisect_left(versions, version):
                needed.append(add)
        for add in commit.adds:
            alive[add.key] = (add, alive.get(add.key, (add, version))[1])
    return [*needed, *(add for add, _ in alive.values())]


def _paths(table: Path, adds: Iterable[Add]) -> Iterator[Path]:
    for add in adds:
        try:
            yield local_path(table, add)
        except NotPlain:  # on another system: not ours to delete
            continue


def _data_files(folder: Path) -> Iterator[Path]:
    for entry in folder.iterdir():
        if entry.name.startswith(("_", ".")):
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from _data_files(entry)
        elif entry.suffix == ".parquet":
            yield entry


def _is_expired(file: Path, removed_at: float | None, newest: Snapshot, retention_hours: float, now: float) -> bool:
    if removed_at is not None:
        return removed_at <= now - retention_hours * 3600
    parts = split_data_file_name(file.name)
    if parts is not None and parts[1] > _sequence_of(newest, parts[0]):
        return False
    try:
        written = file.stat().st_mtime
    except FileNotFoundError:
        return False
    return written <= now - max(retention_hours, _UNTRACKED_HOURS) * 3600


def _sequence_of(snapshot: Snapshot, encoded: str) -> int:
    return max((number for app, number in snapshot.txns.items() if encode_flow(app) == encoded), default=0)
