"""Group commit: one thread stores what waits, all of it in one transaction, and then tells those who wait."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from entrepot.kernel.errors import FullError, SystemError_
from entrepot.ports.inbox import Accepted, Arrival

GROUP_RECORDS = 4_000
GROUP_BYTES = 16_000_000
"""A transaction holds up everybody else who writes: it is kept short."""

Done = Callable[[Sequence[Accepted] | Exception], None]
Store = Callable[[Sequence[Arrival]], Sequence[Accepted]]

_log = logging.getLogger("entrepot.inbox")


@dataclass(frozen=True, slots=True)
class Submission:
    """What was handed over at once, and whom to tell."""

    arrivals: Sequence[Arrival]
    done: Done
    size: int


class GroupWriter:
    """Takes submissions from any thread; `store` runs in one thread of its own, which starts with the first submission."""

    def __init__(self, store: Store, *, most_records: int, most_bytes: int) -> None:
        self._store = store
        self._most_records = most_records
        self._most_bytes = most_bytes
        self._queue: SimpleQueue[Submission | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._records = 0
        self._bytes = 0
        self._thread: threading.Thread | None = None
        self._closed = False

    def submit(self, arrivals: Sequence[Arrival], done: Done) -> None:
        """Hand over.

        Raises: FullError at once when too much waits; a single submission that is larger than all that may wait is taken when nothing waits.
        """
        size = sum([len(arrival.body) for arrival in arrivals])
        with self._lock:
            if self._closed:
                raise SystemError_("the inbox is closed.", hint="Send the record again.")
            if self._records and self._is_too_much(len(arrivals), size):
                raise FullError(
                    f"{self._records} records wait to be stored; more may not.",
                    hint="Send the record again a second later.",
                )
            self._records += len(arrivals)
            self._bytes += size
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="inbox-writer", daemon=True)
                self._thread.start()
            # Under the lock, so that nothing is put behind the end that `close` puts.
            self._queue.put(Submission(arrivals, done, size))

    def is_idle(self) -> bool:
        """True when nothing waits."""
        return self._records == 0

    def close(self) -> None:
        """Store what waits, then stop; what is handed over later is refused."""
        with self._lock:
            self._closed = True
            thread = self._thread
            self._queue.put(None)
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _is_too_much(self, records: int, size: int) -> bool:
        return self._records + records > self._most_records or self._bytes + size > self._most_bytes

    def _run(self) -> None:
        while True:
            first = self._queue.get()
            if first is None:
                return
            group, ended = self._gather(first)
            self._write(group)
            if ended:
                return

    def _gather(self, first: Submission) -> tuple[list[Submission], bool]:
        group = [first]
        records, size = len(first.arrivals), first.size
        while records < GROUP_RECORDS and size < GROUP_BYTES:
            try:
                following = self._queue.get_nowait()
            except Empty:
                break
            if following is None:
                return group, True
            group.append(following)
            records += len(following.arrivals)
            size += following.size
        return group, False

    def _write(self, group: Sequence[Submission]) -> None:
        try:
            answers = self._store([arrival for one in group for arrival in one.arrivals])
        except Exception as error:
            if len(group) > 1 and not isinstance(error, SystemError_):
                # Something in one of them cannot be stored; the others must not suffer.
                for one in group:
                    self._write([one])
                return
            self._settle(group)
            for one in group:
                _tell(one.done, error)
            return
        self._settle(group)
        start = 0
        for one in group:
            end = start + len(one.arrivals)
            _tell(one.done, answers[start:end])
            start = end

    def _settle(self, group: Sequence[Submission]) -> None:
        with self._lock:
            self._records -= sum([len(one.arrivals) for one in group])
            self._bytes -= sum([one.size for one in group])


def _tell(done: Done, answer: Sequence[Accepted] | Exception) -> None:
    try:
        done(answer)
    except Exception:
        # Who asked is gone (its event loop was closed); the record is stored all the same, and the thread must go on.
        _log.exception("the answer of the inbox could not be told")
