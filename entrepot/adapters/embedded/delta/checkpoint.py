"""Checkpoints: written by delta-rs, made durable and checked here; damaged ones go while the log is whole."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from entrepot.adapters.embedded.delta.handle import TableHandle
from entrepot.adapters.embedded.delta.layout import LOG, fsync_dir, fsync_file
from entrepot.adapters.embedded.delta.log import Listing, UnreadableLog, list_log, load_checkpoint
from entrepot.kernel.errors import DamageError, MissingExtra

_HINT = "_last_checkpoint"


def write_checkpoint(handle: TableHandle) -> None:
    """Write a checkpoint of the newest version, durable and read back; nothing when there is one.

    Log entries are never deleted here: a pinned release may need them, and a damaged checkpoint is healed from them.
    """
    snapshot = handle.require_newest()
    handle.ensure_durable(snapshot)
    if snapshot.version in list_log(handle.path).checkpoints:
        return
    try:
        from deltalake import DeltaTable
    except ImportError as error:
        raise MissingExtra("deltalake", "delta") from error
    DeltaTable(str(handle.path), version=snapshot.version).create_checkpoint()
    parts = list_log(handle.path).checkpoints.get(snapshot.version, ())
    for part in parts:
        fsync_file(part)
    fsync_dir(handle.path / LOG)
    if (handle.path / LOG / _HINT).exists():
        fsync_file(handle.path / LOG / _HINT)
    fsync_dir(handle.path / LOG)
    if not parts or dict(load_checkpoint(snapshot.version, parts).files) != dict(snapshot.files):
        _delete(handle.path, snapshot.version, parts)
        raise DamageError(f"table {handle.name}: the checkpoint of version {snapshot.version} differs from the log.")


def repair_checkpoints(name: str, table: Path) -> list[str]:
    """Delete the newest checkpoint while it is damaged and the log can do without it; return what was done.

    Raises: DamageError when log entries before a damaged checkpoint are missing.
    """
    done = []
    listing = list_log(table)
    for version in sorted(listing.checkpoints, reverse=True):
        if _is_good(version, listing):
            break
        if not _is_dispensable(version, listing):
            raise DamageError(
                f"table {name}: the checkpoint of version {version} is damaged, and log entries before it are missing.",
                hint="Restore the table from a backup.",
            )
        _delete(table, version, listing.checkpoints[version])
        done.append(f"table {name}: deleted the damaged checkpoint of version {version}")
        listing = list_log(table)
    if _drop_wrong_hint(table, listing):
        done.append(f"table {name}: deleted {_HINT}, which named no checkpoint")
    return done


def _is_good(version: int, listing: Listing) -> bool:
    try:
        load_checkpoint(version, listing.checkpoints[version])
    except UnreadableLog:
        return True  # a kind that other readers know
    except (OSError, pa.ArrowException, KeyError, TypeError):
        return False
    return True


def _is_dispensable(version: int, listing: Listing) -> bool:
    """True when an older good checkpoint, or version 0, leads to the newest version through whole log entries."""
    starts = [older for older in listing.checkpoints if older < version and _is_good(older, listing)]
    start = max(starts, default=-1)
    return listing.commits.issuperset(range(start + 1, listing.newest + 1))


def _delete(table: Path, version: int, parts: Iterable[Path]) -> None:
    # The hint first: a hint that names a missing checkpoint makes other readers fail.
    if hinted_checkpoint(table) == version:
        (table / LOG / _HINT).unlink(missing_ok=True)
        fsync_dir(table / LOG)
    for part in parts:
        part.unlink(missing_ok=True)
    fsync_dir(table / LOG)


def hinted_checkpoint(table: Path) -> int | None:
    """The checkpoint that was written last, as its writer noted it; None where there is no note."""
    try:
        version = json.loads((table / LOG / _HINT).read_bytes())["version"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return version if isinstance(version, int) else None


def _drop_wrong_hint(table: Path, listing: Listing) -> bool:
    hint = table / LOG / _HINT
    if not hint.exists() or hinted_checkpoint(table) in (*listing.checkpoints, *listing.newer_kind):
        return False
    hint.unlink()
    fsync_dir(table / LOG)
    return True


def drop_old_checkpoints(table: Path, keep: Iterable[int]) -> None:
    """Delete checkpoints but the two newest and, for each version to be kept, the newest one not after it.

    Only where all log entries are there, so that nothing rests on the deleted ones.
    """
    listing = list_log(table)
    if not listing.commits.issuperset(range(listing.newest + 1)):
        return
    versions = sorted(listing.checkpoints)
    needed = set(versions[-2:])
    for version in keep:
        needed.add(max((each for each in versions if each <= version), default=-1))
    for version in versions:
        if version not in needed and version != hinted_checkpoint(table):
            _delete(table, version, listing.checkpoints[version])
