"""Limits at the door: how many records a second, and how many may wait to be processed."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from concurrent.futures import Executor

from entrepot.intake.gateway.integration import Limits

REFRESH_S = 1.0


class TokenBucket:
    """Records a second in the long run, with bursts. By the monotonic clock: one that jumps does no harm."""

    __slots__ = ("_at", "_most", "_now", "_rate", "_tokens")

    def __init__(self, limits: Limits, now: Callable[[], float] = time.monotonic) -> None:
        self._rate = limits.per_second
        rate = limits.per_second or 0.0
        self._most = max(1.0, rate + limits.burst)
        self._tokens = self._most
        self._now = now
        self._at = now()

    def wait_s(self) -> int:
        """0 when a record may come; else how many seconds to wait."""
        if self._rate is None:
            return 0
        self._fill(self._rate)
        if self._tokens >= 1:
            return 0
        return max(1, math.ceil((1 - self._tokens) / self._rate)) if self._rate > 0 else 3600

    def take(self, records: int) -> None:
        """Note records that came. A batch may leave a debt, which those that follow wait for."""
        if self._rate is not None:
            self._tokens -= records

    def _fill(self, rate: float) -> None:
        now = self._now()
        self._tokens = min(self._most, self._tokens + (now - self._at) * rate)
        self._at = now


class Waiting:
    """How many records of an integration wait to be processed: counted once a second, in between added up."""

    __slots__ = ("_at", "_busy", "_count", "_counted", "_executor", "_most", "_since", "_since_before")

    def __init__(self, limits: Limits, count: Callable[[], int], executor: Executor) -> None:
        self._most = limits.waiting
        self._count = count
        self._executor = executor
        self._counted = count()
        self._since = 0
        self._since_before = 0
        self._at = -math.inf
        self._busy = False

    def is_full(self) -> bool:
        """True when no more may come. Called on the event loop; counting happens aside."""
        if not self._busy and time.monotonic() - self._at > REFRESH_S:
            self._busy = True
            self._since_before = self._since
            future = asyncio.get_running_loop().run_in_executor(self._executor, self._count)
            future.add_done_callback(self._note)
        return self._counted + self._since >= self._most

    def add(self, records: int) -> None:
        """Note records that came."""
        self._since += records

    def _note(self, future: asyncio.Future[int]) -> None:
        self._busy = False
        self._at = time.monotonic()
        if not future.cancelled() and future.exception() is None:
            # What came while it was counted may be counted twice until the next time: refused a little early, never late.
            self._counted = future.result()
            self._since -= self._since_before
