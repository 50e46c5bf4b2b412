"""Reading a body: never more than is allowed, and not for longer than a sender in earnest needs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from entrepot.intake.gateway.asgi import Receive
from entrepot.intake.gateway.door_encodings import Decoder
from entrepot.intake.gateway.door_refusals import BodyRefused, SenderGone
from entrepot.intake.gateway.problems import Problem

GRACE_S = 10.0
"""A body may take so long, however small it is …"""
LEAST_BYTES_PER_SECOND = 10_000
"""… and as much longer as it has come at this rate."""
LINGER_BYTES = 4_000_000
LINGER_S = 2.0


@dataclass(slots=True, eq=False)
class _Watch:
    """A task that waits for bytes, and until when it may."""

    task: asyncio.Task[object]
    until: float
    is_late: bool = False


class Watchman:
    """Ends waits for bytes that do not come: one timer for all, because most bodies come with their headers."""

    def __init__(self, every_s: float = 0.5) -> None:
        self._every_s = every_s
        self._watches: set[_Watch] = set()
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, until: float) -> _Watch:
        """Begin to watch the running task."""
        task = asyncio.current_task()
        assert task is not None
        watch = _Watch(task, until)
        self._watches.add(watch)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._every_s, self._look)
        return watch

    def leave(self, watch: _Watch) -> None:
        """End."""
        self._watches.discard(watch)

    def _look(self) -> None:
        now = time.monotonic()
        for watch in list(self._watches):
            if now > watch.until:
                watch.is_late = True
                self._watches.discard(watch)
                watch.task.cancel()
        self._timer = asyncio.get_running_loop().call_later(self._every_s, self._look) if self._watches else None


class Body:
    """The body of one request, in pieces; what came is counted against `most`."""

    def __init__(self, receive: Receive, headers: list[tuple[bytes, bytes]], most: int, watchman: Watchman) -> None:
        self._receive = receive
        self._most = most
        self._watchman = watchman
        self._started = time.monotonic()
        self.taken = 0
        self.is_whole = False
        """False: bytes may still be on their way."""
        self.announced = _announced(headers)

    def check_length(self) -> None:
        """Refuse by the announced length, before anything is read. Raises: BodyRefused."""
        if self.announced is not None and self.announced > self._most:
            raise BodyRefused(_too_large(self._most, self.announced))

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises: BodyRefused, SenderGone."""
        while not self.is_whole:
            piece = await self._next()
            self.taken += len(piece)
            if self.taken > self._most:
                raise BodyRefused(_too_large(self._most, None))
            yield piece

    async def whole(self) -> bytes:
        """The body at once. Raises: BodyRefused, SenderGone."""
        first = await self._next()
        self.taken = len(first)
        if self.is_whole and self.taken <= self._most:
            return first
        if self.taken > self._most:
            raise BodyRefused(_too_large(self._most, None))
        rest = bytearray(first)
        async for piece in self.pieces():
            rest += piece
        return bytes(rest)

    def lower(self, most: int) -> None:
        """Allow less than was allowed at first."""
        self._most = min(self._most, most)

    async def stream(self, raw: bytes | None, encoding: str) -> AsyncIterator[bytes]:
        """The body with its encoding undone, in pieces; `raw` is the whole of it when it is here already. Raises: BodyRefused, SenderGone."""
        pieces = self.pieces() if raw is None else _one(raw)
        if not encoding:
            async for piece in pieces:
                yield piece
            return
        decoder = Decoder(encoding, self._most)
        async for piece in pieces:
            for out in decoder.feed(piece):
                yield out
        decoder.end()

    async def discard(self) -> None:
        """Let some of the rest come, and drop it."""
        end = time.monotonic() + LINGER_S
        dropped = 0
        try:
            async with asyncio.timeout(LINGER_S):
                while not self.is_whole and dropped < LINGER_BYTES and time.monotonic() < end:
                    dropped += len(await self._take())
        except (TimeoutError, SenderGone):
            pass

    async def _next(self) -> bytes:
        until = self._started + GRACE_S + self.taken / LEAST_BYTES_PER_SECOND
        watch = self._watchman.watch(until)
        try:
            return await self._take()
        except asyncio.CancelledError:
            if not watch.is_late:
                raise
            watch.task.uncancel()
            raise BodyRefused(_too_slow(self.taken)) from None
        finally:
            self._watchman.leave(watch)

    async def _take(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.is_whole = True
            raise SenderGone
        self.is_whole = not message.get("more_body", False)
        piece: bytes = message.get("body", b"")
        return piece


def _announced(headers: list[tuple[bytes, bytes]]) -> int | None:
    for name, value in headers:
        if name == b"content-length":
            # The server has checked it: a number, and only one.
            return int(value) if value.isdigit() else None
    return None


def _too_large(most: int, came: int | None) -> Problem:
    return Problem(
        413,
        "body.too_large",
        "The body is too large.",
        f"{came:,} bytes were announced; {most:,} are allowed."
        if came
        else f"More than {most:,} bytes came; that many are allowed.",
        "Send smaller records, or have limits.body_mb of the integration raised.",
    )


def _too_slow(taken: int) -> Problem:
    return Problem(
        408,
        "body.too_slow",
        "The body came too slowly.",
        f"{taken:,} bytes came; at least {LEAST_BYTES_PER_SECOND:,} bytes a second are expected.",
        "Send the record again.",
        headers=((b"connection", b"close"),),
    )


async def _one(raw: bytes) -> AsyncIterator[bytes]:
    yield raw
