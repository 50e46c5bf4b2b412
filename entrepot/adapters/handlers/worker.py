"""A thread that feeds one process of a handler at a time, and says what became of each record."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from entrepot.adapters.handlers.chunks import ChunkSize
from entrepot.adapters.handlers.frames import Done, Given
from entrepot.adapters.handlers.process import Ended, HandlerProcess
from entrepot.adapters.handlers.verdict import is_no_fault, judge_death, to_error
from entrepot.intake.gateway.processing.runner import Handled
from entrepot.intake.gateway.processing.settings import ProcessingSettings
from entrepot.kernel.errors import EntrepotError, RunError, SystemError_
from entrepot.ports.inbox import InboxRecord

if TYPE_CHECKING:
    from entrepot.adapters.handlers.pool import HandlerPool

_MOST_STRANGE_ENDS = 3
"""How often in a row a process may end without a record to blame before the handler counts as broken."""


class HandlerWorker(threading.Thread):
    """Feeds one process at a time."""

    def __init__(self, pool: HandlerPool, settings: ProcessingSettings) -> None:
        super().__init__(name=f"handler {settings.integration}", daemon=True)
        self._pool = pool
        self._settings = settings
        self._process: HandlerProcess | None = None
        self._size = ChunkSize()
        self._strange_ends = 0

    def run(self) -> None:
        """Until there is nothing more to do."""
        try:
            while (taken := self._pool.take(self, self._size.records, self._size.most_bytes)) is not None:
                turn, records = taken
                try:
                    self._handle(turn, records)
                except EntrepotError as error:
                    self._pool.fail(turn, error)
                except Exception as error:  # a bug of ours must not leave records in flight for ever
                    self._pool.fail(turn, SystemError_(f"the worker of a handler failed: {type(error).__name__}."))
        finally:
            self._end()

    def stop(self) -> None:
        """End what is under way; called from another thread."""
        process = self._process
        if process is not None:
            process.kill()

    def _handle(self, turn: int, records: Sequence[InboxRecord]) -> None:
        left = list(records)
        while left and self._pool.is_current(turn):
            # a record over which a process died goes alone: so there is no doubt about it
            first, left = (left[:1], left[1:]) if self._is_suspect(left[0]) else (left, [])
            left = self._ask(turn, first) + left

    def _is_suspect(self, record: InboxRecord) -> bool:
        return self._pool.deaths_of(record) > 0

    def _ask(self, turn: int, records: list[InboxRecord]) -> list[InboxRecord]:
        """Have records handled; those that are still to be, in order."""
        process, begin = self._ready(), time.monotonic()
        if not self._pool.is_current(turn):  # asked after the process is known to `stop`
            return []
        done: set[int] = set()

        def give(answer: Done) -> None:
            done.add(answer.number)
            self._pool.give(turn, _handled(records[answer.number], answer))

        ended = process.ask([_given(record) for record in records], self._settings.timeout_s, give)
        self._size.note(len(done), time.monotonic() - begin)
        if ended is None:
            self._strange_ends = 0
            return []
        self._end()
        if not self._pool.is_current(turn):
            return []
        guilty = self._blame(turn, records, ended)
        return [record for number, record in enumerate(records) if number not in done and number != guilty]

    def _blame(self, turn: int, records: Sequence[InboxRecord], ended: Ended) -> int | None:
        """The place of a record that gets an error now, if any."""
        if ended.guilty is None:
            self._count_strange_end(ended)
            return None
        record = records[ended.guilty]
        deaths = self._pool.note_death(record)
        error = judge_death(ended, deaths, self._settings)
        if error is None:
            return None
        self._pool.give(turn, Handled(record.seq, record.revision, error=error, attempts=deaths))
        return ended.guilty

    def _count_strange_end(self, ended: Ended) -> None:
        self._strange_ends = 0 if is_no_fault(ended) else self._strange_ends + 1
        if self._strange_ends >= _MOST_STRANGE_ENDS:
            self._strange_ends = 0
            raise RunError(
                f"the process of the handler {self._settings.handler} ended {_MOST_STRANGE_ENDS} times without having begun a record.",
                hint="Does its file start threads or end the process while it is loaded? Its records wait.",
            )

    def _ready(self) -> HandlerProcess:
        """A process that runs the newest text."""
        code = self._pool.load()
        process = self._process
        if process is not None and (process.code.hash != code.hash or not process.is_alive()):
            self._end()
            process = None
        if process is None:
            process = self._process = HandlerProcess(code, self._settings.memory_mb, self._pool.folder)
        return process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with suppress(OSError):
                process.end()


def _given(record: InboxRecord) -> Given:
    return (
        record.id,
        record.integration,
        record.reference,
        record.received_us,
        record.content_type,
        record.headers,
        record.body,
    )


def _handled(record: InboxRecord, done: Done) -> Handled:
    return Handled(record.seq, record.revision, done.rows, to_error(done.fault))
