"""One table of this process: its kept snapshots, and which of its versions are known to be durable."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path
from urllib.parse import unquote

from entrepot.adapters.embedded.delta.layout import LOG, fsync_dir, fsync_dirs, fsync_file, json_path
from entrepot.adapters.embedded.delta.log import (
    Replay,
    Snapshot,
    entry_identity,
    list_log,
    load_snapshot,
    read_commit,
)
from entrepot.kernel.errors import DamageError

_KEPT_SNAPSHOTS = 16


class TableHandle:
    """Called from several threads. Refreshing costs two `stat` calls when nothing new was committed."""

    def __init__(self, name: str, path: Path, root: Path) -> None:
        self.name = name
        self.path = path
        self.root = root
        self.committing = threading.RLock()
        """Held during a commit: flows of one process wait for each other instead of conflicting."""
        self._lock = threading.Lock()
        self._latest: Snapshot | None = None
        self._kept: OrderedDict[int, Snapshot] = OrderedDict()
        self._durable = -1

    def newest(self) -> Snapshot | None:
        """The newest version; None when there is no table. Raises: DamageError."""
        with self._lock:
            latest = self._latest
            if latest is not None:
                if entry_identity(self.path, latest.version) == latest.identity:
                    self._latest = self._follow(latest)
                    if self._latest is not latest:
                        self._keep(latest)  # what models read last time is asked for again
                    return self._latest
                self._forget()
            listing = list_log(self.path)
            if listing.newest < 0:
                return None
            self._latest = load_snapshot(self.path, None, listing)
            return self._latest

    def require_newest(self) -> Snapshot:
        """The newest version. Raises: KeyError when there is no such table."""
        found = self.newest()
        if found is None:
            raise KeyError(f"there is no table {self.name}")
        return found

    def at(self, version: int | None) -> Snapshot:
        """The table as of a version. Raises: KeyError when there is no such table or version; DamageError."""
        latest = self.require_newest()
        if version is None or version == latest.version:
            return latest
        if not 0 <= version <= latest.version:
            raise KeyError(f"table {self.name} has no version {version}; the newest is {latest.version}")
        with self._lock:
            kept = self._kept.get(version)
            if kept is None or entry_identity(self.path, version) not in (kept.identity, None):
                kept = load_snapshot(self.path, version)
            self._keep(kept)
            return kept

    def _keep(self, snapshot: Snapshot) -> None:
        self._kept[snapshot.version] = snapshot
        self._kept.move_to_end(snapshot.version)
        while len(self._kept) > _KEPT_SNAPSHOTS:
            self._kept.popitem(last=False)

    def forget(self) -> None:
        """Read everything anew next time (after a repair)."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        self._latest = None
        self._kept.clear()
        self._durable = -1

    def _follow(self, snapshot: Snapshot) -> Snapshot:
        replay: Replay | None = None
        version = snapshot.version
        while json_path(self.path, version + 1).exists():
            replay = replay or Replay.continuing(snapshot)
            version += 1
            replay.apply(read_commit(self.path, version))
        if replay is None:
            return snapshot
        identity = entry_identity(self.path, version)
        if identity is None:
            raise DamageError(f"table {self.name}: the log entry {version} vanished while it was read.")
        return replay.snapshot(identity)

    def note_durable(self, version: int) -> None:
        """A version, and all before it, that this process made durable."""
        self._durable = max(self._durable, version)

    def ensure_durable(self, snapshot: Snapshot) -> None:
        """Make versions durable that another process wrote, before anything is built on them or said about them.

        The other one may have been killed between its commit and its fsync: what it left is visible, but not yet safe.
        Of our own commits only the name can be unsafe; their content was durable before it was linked.
        """
        if snapshot.version <= self._durable:
            return
        for version in snapshot.unsure:
            if version > self._durable:
                self._sync(version)
        fsync_dir(self.path / LOG)
        self._durable = snapshot.version

    def _sync(self, version: int) -> None:
        for part in list_log(self.path).checkpoints.get(version, ()):
            fsync_file(part)
        entry = json_path(self.path, version)
        if entry.exists():
            fsync_file(entry)
            self._sync_files_of(version)

    def _sync_files_of(self, version: int) -> None:
        commit = read_commit(self.path, version)
        if commit.is_own:  # our committer links the log entry after the files are durable
            return
        relative = (unquote(path) for path in (*(add.path for add in commit.adds), *commit.changes) if ":" not in path)
        files = [file for file in (self.path / each for each in relative) if file.exists()]
        for file in files:
            fsync_file(file)
        fsync_dirs(files, self.path)
