"""Group commit without a thread of its own: who comes first writes for all who wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from entrepot.adapters.embedded.bus.producing import Request
from entrepot.ports.bus import Placed

GROUP_MESSAGES = 4_000
GROUP_BYTES = 16_000_000
"""A transaction holds up everybody else who writes: it is kept short."""

Answer = Sequence[Placed] | Exception
Store = Callable[[Sequence[Request]], Sequence[Answer]]


@dataclass(slots=True)
class _Waiting:
    request: Request
    answer: Answer | None = None


class Grouping:
    """Args: turn: held by whoever writes; store: writes several requests in one transaction, called while the turn is held."""

    def __init__(self, turn: AbstractContextManager[object], store: Store) -> None:
        self._turn = turn
        self._store = store
        self._queue: list[_Waiting] = []
        self._changed = threading.Condition()
        self._is_writing = False

    def put(self, request: Request) -> Sequence[Placed]:
        """Write the request, with others that wait; return when it is durable."""
        mine = _Waiting(request)
        with self._changed:
            self._queue.append(mine)
            self._changed.wait_for(lambda: mine.answer is not None or not self._is_writing)
            self._is_writing = self._is_writing or mine.answer is None
            leads = mine.answer is None
        if leads:
            self._lead(mine)
        assert mine.answer is not None
        if isinstance(mine.answer, Exception):
            raise mine.answer
        return mine.answer

    def _lead(self, mine: _Waiting) -> None:
        try:
            with self._turn:
                while mine.answer is None:
                    self._write(self._take())
        finally:
            with self._changed:
                self._is_writing = False
                self._changed.notify_all()

    def _take(self) -> list[_Waiting]:
        with self._changed:
            count = messages = size = 0
            for one in self._queue:
                messages += len(one.request.messages)
                size += one.request.size
                if count and (messages > GROUP_MESSAGES or size > GROUP_BYTES):
                    break
                count += 1
            group, self._queue = self._queue[:count], self._queue[count:]
        return group

    def _write(self, group: Sequence[_Waiting]) -> None:
        try:
            answers = self._store([one.request for one in group])
        except Exception as error:
            for one in group:
                one.answer = error
            return
        except BaseException as error:  # this thread is asked to end: the others must hear of it
            for one in group:
                one.answer = RuntimeError(f"the thread that wrote for others was ended: {type(error).__name__}")
            raise
        for one, answer in zip(group, answers, strict=True):
            one.answer = answer
