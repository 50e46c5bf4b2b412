"""The project as it stands on the disk: opened again when its files change; platforms over it, each with a holder of its own.

A holder names who has a lease or a pin. Requests that share one would give back each other's pins, and two writers would share a
lease: so each gets its own, over the same state and tables.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from entrepot.app.project import PROJECT_FILE, Project, open_project
from entrepot.app.wiring import Platform
from entrepot.kernel.errors import EntrepotError
from entrepot.kernel.events import Emit, Event, ignore
from entrepot.ports.schedule import ScheduleStore

FOLDERS = ("contracts", "sources", "models", "kpis", "handlers", "publish", "triggers", "tests")
LOOK_EVERY_S = 1.0
_SHARED = ("state", "tables", "stores")
"""What all platforms of a process share: they know no holder, and of the inbox there may be but one writer."""

Print = tuple[tuple[str, int, int], ...]


class Projects:
    """Called from several threads."""

    def __init__(
        self,
        root: Path,
        emit: Emit = ignore,
        *,
        base: Platform | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Opens the folder, or takes over what another part of the process has opened.

        Raises: ManyErrors when it cannot be opened at all.
        """
        self.root = root.resolve()
        self._emit = emit
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._print = self._look()
        self._looked = monotonic()
        self._base = base or Platform(open_project(self.root), emit)
        self._faults: tuple[str, ...] = ()
        self._given: dict[str, object] = {}

    @property
    def print_of_files(self) -> Print:
        """Names, times and sizes of the files that the project was opened from."""
        return self._print

    def announce(self, event: Event) -> None:
        """Tell whoever listens to the platform."""
        self._emit(event)

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong with the files now; then the project as it was before is served."""
        self.project()
        return self._faults

    def project(self) -> Project:
        """The project, opened again if its files changed."""
        with self._lock:
            self._refresh()
            return self._base.project

    def share(self, **parts: object) -> None:
        """Give all platforms a part that is open already."""
        with self._lock:
            self._given |= parts
            self._base.__dict__.update(parts)

    def platform(self, emit: Emit | None = None) -> Platform:
        """A platform with a holder of its own, for work that writes."""
        with self._lock:
            self._refresh()
            base = self._base
            found = Platform(base.project, emit or self._emit, threads=base.threads, memory_mb=base.memory_mb)
            found.__dict__.update(self._given)
            if base.lake_exists():
                for name in _SHARED:
                    found.__dict__[name] = getattr(base, name)
            if "schedule" in base.__dict__:
                found.__dict__["schedule"] = base.schedule
            return found

    def schedule(self) -> ScheduleStore:
        """What triggers remember: one connection for all requests."""
        with self._lock:
            return self._base.schedule

    @contextmanager
    def reading(self) -> Iterator[Platform]:
        """A platform for one request; what it pinned is given back."""
        platform = self.platform()
        try:
            yield platform
        finally:
            if platform.lake_exists():
                platform.state.unpin(platform.holder)

    def _refresh(self) -> None:
        if self._monotonic() - self._looked < LOOK_EVERY_S:
            return
        self._looked = self._monotonic()
        found = self._look()
        if found == self._print:
            return
        self._print = found
        try:
            project = open_project(self.root)
        except EntrepotError as error:
            self._faults = tuple(str(each) for each in getattr(error, "errors", (error,)))
            said = {"faults": len(self._faults), "first": self._faults[0], "then": "the project as it was goes on"}
            self._emit(Event("project_refused", self._base.project.name, said))
            return
        self._faults = ()
        fresh = Platform(project, self._emit, threads=self._base.threads, memory_mb=self._base.memory_mb)
        fresh.__dict__.update(self._given)
        fresh.__dict__.update(
            {name: self._base.__dict__[name] for name in (*_SHARED, "schedule") if name in self._base.__dict__}
        )
        self._base = fresh

    def _look(self) -> Print:
        files = [self.root / PROJECT_FILE]
        for name in FOLDERS:
            files += sorted((self.root / name).rglob("*.*"))
        found = []
        for path in files:
            if path.suffix == ".pyc":
                continue
            try:
                at = path.stat()
            except OSError:  # taken away while we look
                continue
            found.append((str(path), at.st_mtime_ns, at.st_size))
        return tuple(found)
