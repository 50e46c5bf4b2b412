"""The event loop's way into the inbox: many records that became durable together wake the loop once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from entrepot.ports.inbox import Accepted, Arrival, Inbox

_Told = tuple["asyncio.Future[Sequence[Accepted]]", Sequence[Accepted] | Exception]


class LoopInbox:
    """Of one event loop; called on it."""

    def __init__(self, inbox: Inbox, loop: asyncio.AbstractEventLoop) -> None:
        self._inbox = inbox
        self._loop = loop
        self._told: deque[_Told] = deque()
        self._is_called = False

    def submit(self, arrivals: Sequence[Arrival]) -> asyncio.Future[Sequence[Accepted]]:
        """Hand over; the future tells once they are durable. Raises: FullError at once."""
        future: asyncio.Future[Sequence[Accepted]] = self._loop.create_future()

        def done(answer: Sequence[Accepted] | Exception) -> None:
            self._told.append((future, answer))
            # The flag is put down before the queue is emptied: what is appended meanwhile calls again.
            if not self._is_called:
                self._is_called = True
                self._loop.call_soon_threadsafe(self._tell)

        self._inbox.submit(arrivals, done)
        return future

    def _tell(self) -> None:
        self._is_called = False
        while self._told:
            future, answer = self._told.popleft()
            if future.done():
                continue  # The sender went away.
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
