"""Runs of one process take turns where they would touch the same flows; others go on side by side."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager


class BusyNodes:
    """Which flows are being run. Called from several threads. Whoever waits longest goes first among those that want the same."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._busy: set[str] = set()
        self._queue: list[frozenset[str]] = []

    @contextmanager
    def using(self, names: Collection[str]) -> Iterator[None]:
        """Wait until none of these is being run, and nobody before us waits for one of them."""
        wanted = frozenset(names)
        with self._changed:
            self._queue.append(wanted)
            self._changed.wait_for(lambda: self._is_next(wanted))
            self._take_out(wanted)
            self._busy |= wanted
        try:
            yield
        finally:
            with self._changed:
                self._busy -= wanted
                self._changed.notify_all()

    def _is_next(self, wanted: frozenset[str]) -> bool:
        for other in self._queue:
            if other is wanted:
                return not wanted & self._busy
            if other & wanted:
                return False
        return False

    def _take_out(self, wanted: frozenset[str]) -> None:
        for place, other in enumerate(self._queue):
            if other is wanted:
                del self._queue[place]
                self._changed.notify_all()
                return
