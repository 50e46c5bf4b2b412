"""What a crash or a power loss can leave in a table, and how it is put right at start, under the table's lease.

Our own commits are whole once they can be seen; torn ones come from delta-rs, which never fsyncs. A torn newest entry
above the durable mark was told to nobody, so it is put aside and its batch done again. Anything else is damage: refused.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from urllib.parse import unquote

from entrepot.adapters.embedded.delta.actions import Commit
from entrepot.adapters.embedded.delta.checkpoint import repair_checkpoints
from entrepot.adapters.embedded.delta.handle import TableHandle
from entrepot.adapters.embedded.delta.layout import LOG, encode_flow, fsync_dir, json_path, split_data_file_name
from entrepot.adapters.embedded.delta.log import Snapshot, TornCommit, list_log, read_commit, read_lines
from entrepot.adapters.embedded.delta.scan import NotPlain, check_files, local_path
from entrepot.kernel.errors import DamageError
from entrepot.kernel.ids import new_token

_OLD_S = 3600.0
_MAGIC = b"PAR1"


def repair_table(handle: TableHandle, durable_version: int) -> list[str]:
    """Put a table right; return what was done, in words.

    Raises: DamageError for damage at or below `durable_version`, or that cannot be told from loss.
    """
    with handle.committing:
        if list_log(handle.path).newest < 0 and durable_version >= 0:
            raise DamageError(
                f"table {handle.name} is gone or empty; version {durable_version} was known to be durable.",
                hint="Restore the lake from a backup, or give the table up with its plans.",
            )
        done = _drop_asides(handle.path)
        done += _put_aside_torn(handle, durable_version)
        done += repair_checkpoints(handle.name, handle.path)
        handle.forget()
        newest = handle.newest()
        if newest is None:
            return done
        if newest.version < durable_version:
            raise DamageError(
                f"table {handle.name} stands at version {newest.version}; version {durable_version} was known to be durable.",
                hint="The lake is older than the state: restore both from the same backup.",
            )
        check_files(handle.path, newest.files.values())
        handle.ensure_durable(newest)
        return done + _drop_orphans(handle, newest)


def _put_aside_torn(handle: TableHandle, durable_version: int) -> list[str]:
    """Rename torn entries above the mark, newest first; they are kept as evidence."""
    done: list[str] = []
    removed: set[str] = set()
    intact_above: int | None = None
    for version in sorted(list_log(handle.path).commits, reverse=True):
        if version < durable_version:
            break
        commit, reason = _judge(handle.path, version, removed)
        if reason is None and commit is not None:
            removed.update(remove.path for remove in commit.removes)
            intact_above = intact_above if intact_above is not None else version
            continue
        if version <= durable_version or intact_above is not None:
            raise DamageError(
                f"table {handle.name}, version {version}: {reason} "
                + (
                    f"Version {intact_above} after it is whole."
                    if intact_above is not None
                    else "It was known to be durable."
                ),
                hint="Restore the table from a backup; nothing was changed.",
            )
        evidence = f"torn-{version:020d}-{new_token()}"
        json_path(handle.path, version).rename(handle.path / LOG / evidence)
        fsync_dir(handle.path / LOG)
        done.append(f"table {handle.name}: put aside the torn version {version} as {evidence}: {reason}")
    return done


def _judge(table: Path, version: int, removed_later: set[str]) -> tuple[Commit | None, str | None]:
    try:
        commit = read_commit(table, version)
    except TornCommit as error:
        return None, error.message
    if commit.is_own and not json_path(table, version).read_bytes().endswith(b"\n"):
        return commit, "the last line is not whole."
    for add in commit.adds:
        if add.path in removed_later:
            continue
        try:
            reason = _why_damaged(local_path(table, add), add.size)
        except NotPlain:
            continue
        if reason:
            return commit, reason
    for path in commit.changes:
        if reason := _why_damaged(table / unquote(path), None):
            return commit, reason
    return commit, None


def _why_damaged(path: Path, size: int | None) -> str | None:
    try:
        found = path.stat().st_size
        if size is not None and found != size:
            return f"its data file {path.name} has {found} bytes instead of {size}."
        if not _has_magic(path, found):
            return f"its data file {path.name} is not whole Parquet."
    except FileNotFoundError:
        return f"its data file {path.name} is missing."
    return None


def _has_magic(path: Path, size: int) -> bool:
    if size < 12:
        return False
    with path.open("rb") as file:
        if file.read(4) != _MAGIC:
            return False
        file.seek(-4, os.SEEK_END)
        return file.read(4) == _MAGIC


def _drop_asides(table: Path) -> list[str]:
    """Delete log entries that were written aside by processes that no longer live, and copies of data files."""
    done = []
    for path in [*(table / LOG).glob("*.tmp"), *(table / LOG).glob(".*.tmp"), *table.glob(".*.tmp")]:
        if _is_abandoned(path):
            path.unlink(missing_ok=True)
            done.append(f"deleted {path.name}, which a crash left")
    return done


def _is_abandoned(path: Path) -> bool:
    """True when the process in the name is gone, or when the file is old."""
    parts = path.name.split("-")
    if len(parts) >= 3 and parts[0] == ".entrepot" and parts[1].isdigit():
        try:
            os.kill(int(parts[1]), 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass
    try:
        return path.stat().st_mtime < time.time() - _OLD_S
    except FileNotFoundError:
        return False


def _drop_orphans(handle: TableHandle, snapshot: Snapshot) -> list[str]:
    """Delete data files of committed batches that the log does not know: leftovers of attempts that came to nothing."""
    sequences: dict[str, int] = {}
    for app, sequence in snapshot.txns.items():
        encoded = encode_flow(app)
        sequences[encoded] = min(sequence, sequences.get(encoded, sequence))
    suspects = set()
    known = {unquote(key.split("\0")[0]) for key in (*snapshot.files, *snapshot.tombstones)}
    for entry in os.scandir(handle.path):
        parts = split_data_file_name(entry.name)
        if parts is not None and parts[1] <= sequences.get(parts[0], -1) and entry.name not in known:
            suspects.add(entry.name)
    if suspects:
        listing = list_log(handle.path)
        if not listing.commits.issuperset(range(snapshot.version + 1)):
            return []  # older versions may need them, and the log no longer says so
        suspects -= _ever_mentioned(handle.path)
    for name in suspects:
        (handle.path / name).unlink(missing_ok=True)
    return (
        [f"table {handle.name}: deleted {len(suspects)} data files of attempts that came to nothing"]
        if suspects
        else []
    )


def _ever_mentioned(table: Path) -> set[str]:
    """Names of all files that any log entry or checkpoint speaks of: older versions still need them."""
    names: set[str] = set()
    for version in list_log(table).commits:
        for action in read_lines(json_path(table, version)):
            for kind in ("add", "remove"):
                if kind in action:
                    names.add(unquote(action[kind]["path"]))
    return names
