"""Writing down what attempts led to: all that wait in one transaction, as each one costs a sync of the disk."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from entrepot.kernel.errors import EntrepotError
from entrepot.ports.outbox import Finished, Outbox

AGAIN_S = 1.0
TRIES = 20
"""So long a full disk is waited for; then the lease ends and the message is sent again: at least once."""


class Settling:
    """Collects results of one event loop."""

    def __init__(self, outbox: Outbox, threads: ThreadPoolExecutor) -> None:
        self._outbox = outbox
        self._threads = threads
        self._waiting: list[tuple[Finished, asyncio.Future[bool]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def settle(self, finished: Finished) -> bool:
        """True once it is durable; False when the message was somebody else's already, or nothing could be written."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((finished, future))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        return await future

    async def close(self) -> None:
        """Write what waits."""
        if self._writing is not None:
            await asyncio.gather(self._writing, return_exceptions=True)

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            results = await self._finish([finished for finished, _ in batch])
            for (_, future), counted in zip(batch, results, strict=True):
                if not future.done():
                    future.set_result(counted)

    async def _finish(self, results: list[Finished]) -> list[bool]:
        loop = asyncio.get_running_loop()
        for number in range(TRIES):
            try:
                return list(await loop.run_in_executor(self._threads, self._outbox.finish, results))
            except EntrepotError:
                if number + 1 < TRIES:
                    await asyncio.sleep(AGAIN_S)
        return [False] * len(results)
