"""Which files in a folder have arrived whole: half-written ones are left alone until they are quiet."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

from entrepot.ports.clock import Clock

DONE = ".done"
PATIENCE_S = 5.0
"""Longest wait for files that arrived a moment ago; longer windows wait for the next run."""
_TEMPORARY = (".tmp", ".part", ".partial", ".filepart", ".crdownload", "~")

Ignored = Callable[[str, str], None]
"""Told (name, reason) of each file that matches but cannot be taken."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file as it stood when the folder was listed."""

    name: str
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """When a file counts as whole: quiet for `stable_s`, or a marker `<file>.done` stands beside it."""

    stable_s: float = 2.0
    done_file: bool = False


def list_arrivals(
    folder: Path, patterns: tuple[str, ...], waiting: Waiting, ignored: Ignored, longest_name: int | None = None
) -> list[Arrival]:
    """Files that match a pattern, by name; no folders, links, hidden or temporary files. Whole or not.

    `longest_name`: bytes of the longest name that can be taken; None: any can.
    """
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_temporary(entry.name) or (waiting.done_file and entry.name.endswith(DONE)):
                continue
            if not any(fnmatchcase(entry.name, pattern) for pattern in patterns):
                continue
            if reason := _find_reason(entry) or find_name_fault(entry.name, longest_name):
                ignored(entry.name, reason)
                continue
            arrival = _look_at(Path(entry.path))
            if arrival is not None:
                found.append(arrival)
    return sorted(found, key=lambda arrival: arrival.name)


def is_temporary(name: str) -> bool:
    """True for names that programs give to files they are still writing."""
    return name.startswith((".", "~$")) or name.lower().endswith(_TEMPORARY)


def _find_reason(entry: os.DirEntry[str]) -> str | None:
    if entry.is_symlink():
        return "it is a link: what it points to could change after it was claimed"
    if not entry.is_file(follow_symlinks=False):
        return "it is not a file"
    return None


def find_name_fault(name: str, longest: int | None) -> str | None:
    """Why a file of this name cannot be taken."""
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    if longest is not None and length > longest:
        return (
            f"its name has {length} bytes; {longest} are the most, as a token and the endings of receipts are added on its way. "
            "Give it a shorter name"
        )
    return None


def _look_at(path: Path) -> Arrival | None:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None  # taken away between listing and looking
    return Arrival(path.name, stat.st_size, stat.st_mtime_ns)


class Watch:
    """Watches one folder for whole files. Remembers when each was first seen as it is: its own time may say too little."""

    def __init__(
        self,
        folder: Path,
        patterns: tuple[str, ...],
        waiting: Waiting,
        clock: Clock,
        tell: Callable[..., None],
        longest_name: Callable[[], int | None] = lambda: None,
    ) -> None:
        """`tell(event, **data)` is told of `files_waiting` and, once for each name, of `file_ignored`."""
        self._folder = folder
        self._patterns = patterns
        self._waiting = waiting
        self._clock = clock
        self._tell = tell
        self._longest_name = longest_name
        self._seen: dict[str, tuple[Arrival, datetime]] = {}
        self._ignored: dict[str, str] = {}

    @property
    def ignored(self) -> Mapping[str, str]:
        """Files that match but cannot be taken, with the reason, as far as they were met."""
        return self._ignored

    def find_whole(self, *, patient: bool = True) -> list[Arrival]:
        """Files that arrived whole, by name; when `patient`, waits a few seconds for those that came a moment ago."""
        whole, wait_s = self._look()
        if patient and not whole and wait_s is not None and wait_s <= PATIENCE_S:
            self._clock.sleep(wait_s)
            whole, _ = self._look()
        return whole

    def _look(self) -> tuple[list[Arrival], float | None]:
        """Whole files, and how long the others must stay quiet yet (None: there are none, or only a marker tells)."""
        arrivals = list_arrivals(self._folder, self._patterns, self._waiting, self._ignore, self._longest_name())
        self._seen = {arrival.name: self._seen.get(arrival.name, (arrival, self._clock.now())) for arrival in arrivals}
        remaining = [(arrival, self._remaining_s(arrival)) for arrival in arrivals]
        whole = [arrival for arrival, wait_s in remaining if wait_s == 0]
        if len(whole) < len(arrivals):
            self._tell("files_waiting", files=len(arrivals) - len(whole))
        return whole, max((wait_s for _, wait_s in remaining if wait_s), default=None)

    def _remaining_s(self, arrival: Arrival) -> float | None:
        """Seconds until the file counts as whole, 0 when it does; None when only its marker can tell."""
        if self._waiting.done_file:
            return 0.0 if self._has_marker(arrival) else None
        now = self._clock.now()
        known, since = self._seen[arrival.name]
        if known != arrival:
            since = now
            self._seen[arrival.name] = (arrival, now)
        changed = datetime.fromtimestamp(arrival.mtime_ns / 1e9, UTC)
        quiet_s = (now - min(changed, since)).total_seconds()
        return max(0.0, self._waiting.stable_s - quiet_s)

    def _has_marker(self, arrival: Arrival) -> bool:
        marker = _look_at(self._folder / (arrival.name + DONE))
        # A marker older than the file was left over from an earlier file of the same name.
        return marker is not None and marker.mtime_ns >= arrival.mtime_ns

    def _ignore(self, name: str, reason: str) -> None:
        shown = name.encode(errors="replace").decode()
        if shown not in self._ignored:
            self._ignored[shown] = reason
            self._tell("file_ignored", file=shown, reason=reason)
