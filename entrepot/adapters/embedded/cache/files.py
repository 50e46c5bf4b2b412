"""A cache of files, one for each entry, bounded by bytes; the least recently used go first.

Entries are written aside and renamed, so that readers see whole ones. They are not flushed to the disk: what a power cut tears is known
by its hash and taken for absent. Several processes may share the folder; none of them holds a lock.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from entrepot.adapters.embedded.cache.entry import decode, encode
from entrepot.kernel.ids import new_token
from entrepot.ports.cache import CacheKey, CacheUse, RoomUse

BLOCK_BYTES = 4096
"""An entry counts as so much at least, as it does on the disk: small ones are bounded too."""
SHARE = 8
"""One entry may take this part of the whole."""
EMPTIED = 0.9
"""When the limit is reached entries go until this share of it is left, so that not every entry sweeps."""
ABANDONED_S = 3600.0
"""A file that was never renamed for so long belongs to a process that died."""


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    size_bytes: int
    used_ns: int

    @property
    def is_aside(self) -> bool:
        return self.path.name.endswith(".tmp")


@dataclass(frozen=True, slots=True)
class FileCache:
    """Implements `ports.cache.Cache` below `folder`, which is made when first needed. A limit of 0 switches it off."""

    folder: Path
    limit_bytes: int

    @property
    def most_bytes(self) -> int:
        """As `Cache.most_bytes`."""
        return self.limit_bytes // SHARE

    def get(self, key: CacheKey) -> pa.Table | None:
        """As `Cache.get`. A damaged entry is deleted."""
        if self.limit_bytes <= 0:
            return None
        path = self._path(key)
        try:
            found = path.read_bytes()
        except OSError:
            return None
        rows = decode(key, found)
        with contextlib.suppress(OSError):  # another process may have dropped it meanwhile
            if rows is None:
                path.unlink()
            else:
                os.utime(path)
        return rows

    def put(self, key: CacheKey, rows: pa.Table) -> bool:
        """As `Cache.put`."""
        if rows.nbytes > self.most_bytes or self.limit_bytes <= 0:
            return False
        content = encode(key, rows)
        if content is None or _on_disk(len(content)) > self.most_bytes:
            return False
        path = self._path(key)
        aside = path.with_name(f"{path.name}.{new_token()}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._make_room(_on_disk(len(content)))
            aside.write_bytes(content)
            aside.replace(path)
        except OSError:  # a full disk, a folder that may not be written: then nothing is kept
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)
            return False
        return True

    def use(self) -> CacheUse:
        """As `Cache.use`."""
        rooms: dict[str, RoomUse] = {}
        for file in self._files():
            room = file.path.parent.name
            known = rooms.get(room, RoomUse(0, 0))
            rooms[room] = RoomUse(known.entries + 1, known.size_bytes + file.size_bytes)
        return CacheUse(self.limit_bytes, dict(sorted(rooms.items())))

    def clear(self) -> int:
        """As `Cache.clear`. What another process is just writing stays."""
        return sum(_drop(file) for file in self._files() if not file.is_aside)

    def _path(self, key: CacheKey) -> Path:
        return self.folder / key.room / f"{key.digest}.arrow"

    def _make_room(self, needed: int) -> None:
        """Drop what was left behind, then the least recently used, until `needed` bytes fit."""
        files = sorted(self._files(), key=lambda file: file.used_ns)
        held = sum(file.size_bytes for file in files)
        wanted = self.limit_bytes * EMPTIED if held + needed > self.limit_bytes else self.limit_bytes
        abandoned_ns = time.time_ns() - int(ABANDONED_S * 1e9)
        for file in files:
            if file.used_ns < abandoned_ns if file.is_aside else held + needed > wanted:
                held -= _drop(file)

    def _files(self) -> Iterator[_File]:
        try:
            rooms = [Path(entry.path) for entry in os.scandir(self.folder) if entry.is_dir(follow_symlinks=False)]
        except OSError:
            return
        for room in rooms:
            with contextlib.suppress(OSError):
                for entry in os.scandir(room):
                    with contextlib.suppress(OSError):  # gone since the folder was read
                        found = entry.stat(follow_symlinks=False)
                        yield _File(Path(entry.path), _on_disk(found.st_size), found.st_mtime_ns)


def _on_disk(size: int) -> int:
    return -(-size // BLOCK_BYTES) * BLOCK_BYTES


def _drop(file: _File) -> int:
    """Delete an entry; return the bytes that went."""
    try:
        file.path.unlink()
    except OSError:
        return 0
    return file.size_bytes
