"""Events for those who watch: numbered, kept for a while, handed to every listener.

An id is `epoch-number`. The epoch is that of the process, so that one who comes back after a restart is told to load all again
(`reset`) and never believes that nothing happened meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import fnmatch
import itertools
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from entrepot.kernel.events import Event
from entrepot.kernel.ids import new_token
from entrepot.ports.clock import Clock

KEPT = 2_000
MOST_LISTENERS = 200
MOST_WAITING = 500
"""Of one listener; one that reads more slowly is told to load all again."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One event as it is sent: what changed, not its content."""

    id: str
    topic: str
    at: datetime
    name: str
    subject: str
    data: Mapping[str, Any] = field(default_factory=dict)


class Listener:
    """One who watches. Its queue belongs to its event loop; `reset` is set when it missed something."""

    def __init__(self, topics: Sequence[str], loop: asyncio.AbstractEventLoop) -> None:
        self.topics = tuple(topics)
        self.queue: asyncio.Queue[Notice | None] = asyncio.Queue()
        self.is_behind = False
        self._loop = loop

    def wants(self, notice: Notice) -> bool:
        """True when one of its topics, which may hold `*`, is that of the notice."""
        return not self.topics or any(fnmatch.fnmatchcase(notice.topic, topic) for topic in self.topics)

    def offer(self, notice: Notice) -> None:
        """Hand a notice over from any thread; drop it where the listener is too slow."""
        try:
            self._loop.call_soon_threadsafe(self._put, notice)
        except RuntimeError:  # its loop has ended
            self.is_behind = True

    def end(self) -> None:
        """Say that nothing comes any more, from any thread."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self.queue.put_nowait, None)

    def _put(self, notice: Notice) -> None:
        if self.queue.qsize() >= MOST_WAITING:
            self.is_behind = True
        else:
            self.queue.put_nowait(notice)


class EventHub:
    """Called from any thread. `listen` is an `Emit`: the platform's facts become notices."""

    def __init__(self, clock: Clock, *, kept: int = KEPT, epoch: str | None = None) -> None:
        self._clock = clock
        self._epoch = epoch or new_token()
        self._numbers = itertools.count(1)
        self._kept: deque[tuple[int, Notice]] = deque(maxlen=kept)
        self._listeners: set[Listener] = set()
        self._lock = threading.Lock()

    def listen(self, event: Event) -> None:
        """Take a fact of the platform."""
        for topic in topics_of(event):
            shown = {name: value for name, value in event.data.items() if name != "traceback"}
            self.publish(topic, event.name, event.subject, shown)

    def publish(self, topic: str, name: str, subject: str, data: Mapping[str, Any] | None = None) -> Notice:
        """Tell everybody who watches the topic."""
        with self._lock:
            number = next(self._numbers)
            notice = Notice(f"{self._epoch}-{number}", topic, self._clock.now(), name, subject, dict(data or {}))
            self._kept.append((number, notice))
            for listener in self._listeners:
                if listener.wants(notice):
                    listener.offer(notice)
        return notice

    def join(self, listener: Listener, last_id: str | None) -> tuple[list[Notice], bool]:
        """Begin to watch; return what it missed since `last_id`, and whether more than that may be missing."""
        with self._lock:
            missed, is_reset = self._missed(listener, last_id)
            self._listeners.add(listener)
        return missed, is_reset

    def leave(self, listener: Listener) -> None:
        """Watch no more. Repeatable."""
        with self._lock:
            self._listeners.discard(listener)

    @property
    def is_full(self) -> bool:
        """True when so many watch that nobody else can."""
        return len(self._listeners) >= MOST_LISTENERS

    @property
    def last_id(self) -> str:
        """The id of the newest notice; number 0 before the first."""
        with self._lock:
            return f"{self._epoch}-{self._kept[-1][0] if self._kept else 0}"

    def close(self) -> None:
        """End all streams, so that a server can stop."""
        with self._lock:
            for listener in self._listeners:
                listener.end()

    def _missed(self, listener: Listener, last_id: str | None) -> tuple[list[Notice], bool]:
        if last_id is None:
            return [], False
        epoch, _, text = last_id.rpartition("-")
        newest = self._kept[-1][0] if self._kept else 0
        oldest = self._kept[0][0] if self._kept else 1
        if epoch != self._epoch or not text.isascii() or not text.isdigit() or len(text) > 18:
            return [], True
        last = int(text)
        if last < oldest - 1 or last > newest:
            return [], True
        return [notice for number, notice in self._kept if number > last and listener.wants(notice)], False


_TOPICS: Mapping[str, tuple[str, ...]] = {
    "release_published": ("release.published",),
    "release_held": ("promise.changed", "need.changed"),
    "dataset_judged": ("promise.changed",),
    "batch_settled": ("balance.closed", "flow.lag"),
    "node_started": ("run.changed",),
    "node_ended": ("run.changed",),
    "run_completed": ("run.changed", "need.changed"),
    "run_failed": ("run.changed", "need.changed"),
    "file_refused": ("need.changed",),
    "records_changed": ("record.changed",),
    "messages_changed": ("record.changed",),
    "rejects_changed": ("reject.changed", "need.changed"),
    "integration_paused": ("need.changed", "record.changed"),
    "deadline_at_risk": ("need.changed",),
    "deadline_missed": ("need.changed",),
}
_QUIET = frozenset({"rows_read", "node_crashed", "request_crashed", "model_said"})
"""Too many, or not for everybody's eyes."""


def topics_of(event: Event) -> tuple[str, ...]:
    """Where a fact is announced: under the topics that pages watch, else under its own name."""
    if event.name in _QUIET:
        return ()
    return _TOPICS.get(event.name) or (event.name.replace("_", ".", 1),)
