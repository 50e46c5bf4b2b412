"""The processes of one integration's handler: started when there is work, ended when there is none, replaced when one dies or the handler changes."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from entrepot.adapters.handlers.code import HandlerCode
from entrepot.adapters.handlers.worker import HandlerWorker
from entrepot.intake.gateway.processing.runner import Handled
from entrepot.intake.gateway.processing.settings import ProcessingSettings
from entrepot.kernel.errors import EntrepotError
from entrepot.ports.inbox import InboxRecord

IDLE_S = 60.0


class HandlerPool:
    """Implements `intake.gateway.processing.runner.Runner`.

    Args:
        load: the handler's newest text; called by each worker before it takes records, one at a time.
        folder: where the processes stand; made when the first one starts.
        idle_s: after so long without work a process is ended.
    """

    def __init__(
        self, settings: ProcessingSettings, load: Callable[[], HandlerCode], folder: Path, *, idle_s: float = IDLE_S
    ) -> None:
        self.folder = folder
        self._settings = settings
        self._load = load
        self._idle_s = idle_s
        self._lock = threading.Condition()
        self._waiting: deque[InboxRecord] = deque()
        self._done: deque[Handled] = deque()
        self._workers: set[HandlerWorker] = set()
        self._resting = 0
        self._turn = 0
        """Grows when everything is forgotten: results of an earlier turn are nobody's."""
        self._fault: EntrepotError | None = None
        self._closed = False
        self._deaths: dict[tuple[int, int], int] = {}

    @property
    def processes(self) -> int:
        """How many workers there are now."""
        with self._lock:
            return len(self._workers)

    def submit(self, records: Sequence[InboxRecord]) -> None:
        """As `Runner.submit`."""
        with self._lock:
            self._waiting.extend(records)
            self._lock.notify_all()
            wanted = min(self._settings.workers - len(self._workers), len(self._waiting) - self._resting)
            for _ in range(wanted if not self._closed else 0):
                worker = HandlerWorker(self, self._settings)
                self._workers.add(worker)
                worker.start()

    def collect(self, seconds: float) -> Sequence[Handled]:
        """As `Runner.collect`."""
        with self._lock:
            self._lock.wait_for(lambda: self._done or self._fault is not None, seconds)
            if self._fault is not None:
                fault, self._fault = self._fault, None
                raise fault
            found = tuple(self._done)
            self._done.clear()
            return found

    def forget(self) -> None:
        """As `Runner.forget`."""
        with self._lock:
            self._forget()

    def close(self) -> None:
        """As `Runner.close`."""
        with self._lock:
            self._closed = True
            self._forget()
            workers = tuple(self._workers)
            self._lock.notify_all()
        for worker in workers:
            worker.stop()
        for worker in workers:
            worker.join(10)

    # for the workers
    def take(self, worker: HandlerWorker, most: int, most_bytes: int) -> tuple[int, list[InboxRecord]] | None:
        """Records to handle, with the turn that they belong to; None when there is nothing more to do: the worker counts no more then."""
        with self._lock:
            self._resting += 1
            came = self._lock.wait_for(lambda: self._waiting or self._closed, self._idle_s)
            self._resting -= 1
            if self._closed or not came:
                self._workers.discard(worker)
                return None
            share = -(-len(self._waiting) // self._settings.workers)
            found: list[InboxRecord] = []
            size = 0
            while self._waiting and len(found) < max(1, min(most, share)):
                size += len(self._waiting[0].body)
                if found and size > most_bytes:
                    break
                found.append(self._waiting.popleft())
            return self._turn, found

    def is_current(self, turn: int) -> bool:
        """False when the records of that turn are forgotten."""
        with self._lock:
            return turn == self._turn

    def load(self) -> HandlerCode:
        """The handler's newest text."""
        with self._lock:
            return self._load()

    def give(self, turn: int, handled: Handled) -> None:
        """One record is done."""
        with self._lock:
            self._deaths.pop((handled.seq, handled.revision), None)
            if turn == self._turn:
                self._done.append(handled)
                self._lock.notify_all()

    def note_death(self, record: InboxRecord) -> int:
        """A process died over this record; how often it did."""
        with self._lock:
            key = (record.seq, record.revision)
            self._deaths[key] = self._deaths.get(key, 0) + 1
            return self._deaths[key]

    def deaths_of(self, record: InboxRecord) -> int:
        """How often a process died over this record."""
        with self._lock:
            return self._deaths.get((record.seq, record.revision), 0)

    def fail(self, turn: int, error: EntrepotError) -> None:
        """No record can be handled at all."""
        with self._lock:
            if turn == self._turn and not self._closed:
                self._forget()
                self._fault = error
                self._lock.notify_all()

    def _forget(self) -> None:
        self._turn += 1
        self._waiting.clear()
        self._done.clear()
        self._deaths.clear()
        self._fault = None
