"""The delivery loop: a lane for each integration, side by side; one that hangs delays no other."""

from __future__ import annotations

import asyncio
import random
import ssl
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from entrepot.adapters.webhooks.resolving import Lookup, look_up
from entrepot.adapters.webhooks.sending import Sender
from entrepot.adapters.webhooks.settling import Settling
from entrepot.kernel.errors import EntrepotError
from entrepot.kernel.events import Emit, Event, ignore
from entrepot.ports.clock import Clock
from entrepot.ports.outbox import Message, MessageStatus, Outbox, Take
from entrepot.ports.secrets import Secret
from entrepot.serve.publish.addresses import Network
from entrepot.serve.publish.keys import SecretName
from entrepot.serve.publish.policy import judge, judge_unacknowledged, should_pause
from entrepot.serve.publish.settings import Webhook

IDLE_S = 0.25
"""How long a message of another process may lie before it is seen."""
RATED_IDLE_S = 0.05
"""With a rate, more often: what it lets through comes in small portions."""
GATHER_S = 0.004
"""Attempts that end so close together make room for several messages at once: taking one by one costs more."""
LEASE_MARGIN_S = 30.0
"""An attempt ends after its time limit; then there is so long to write down what came of it."""
SWEEP_S = 15.0
AFTER_TROUBLE_S = 2.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Route:
    """An integration that is pushed."""

    integration: str
    settings: Webhook


@dataclass(frozen=True, slots=True)
class Deliverer:
    """Pushes what is due until it is told to stop. Several processes may run one on the same outbox.

    Args:
        holder: this process, as leases know it.
        is_alive: tells whether a holder may still be at work.
        allowed: private networks that requests may go to.
        chance: draws the jitter.
    """

    outbox: Outbox
    routes: Sequence[Route]
    clock: Clock
    holder: str
    find_secret: Callable[[SecretName], Secret]
    is_alive: Callable[[str], bool] = lambda holder: True
    allowed: Sequence[Network] = ()
    emit: Emit = ignore
    source: str = "/entrepot"
    tls: ssl.SSLContext | None = None
    lookup: Lookup = look_up
    chance: Callable[[], float] = random.random
    wakers: list[Callable[[], None]] = field(default_factory=list)
    """Of the loops that run now."""

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; what is under way then is finished, up to its time limit. Called in a thread of its own."""
        asyncio.run(_Loop(self, stop).run())

    def wake(self) -> None:
        """Look now: something was enqueued. Called from any thread."""
        for waker in list(self.wakers):
            waker()


class _Loop:
    def __init__(self, deliverer: Deliverer, stop: threading.Event) -> None:
        self._deliverer = deliverer
        self._stop = stop
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="outbox")
        self._settling = Settling(deliverer.outbox, self._threads)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        lanes = [
            _Lane(self._deliverer, route, self._settling, self._threads, self._stop) for route in self._deliverer.routes
        ]

        def wake_lanes() -> None:
            for lane in lanes:
                lane.nudge()

        def waker() -> None:
            try:
                loop.call_soon_threadsafe(wake_lanes)
            except RuntimeError:
                pass  # the loop has just ended

        self._deliverer.wakers.append(waker)
        sweeping = asyncio.create_task(self._sweep())
        try:
            await asyncio.gather(*(lane.run() for lane in lanes), self._wait_for_stop(wake_lanes))
        finally:
            self._deliverer.wakers.remove(waker)
            sweeping.cancel()
            await asyncio.gather(sweeping, return_exceptions=True)
            await self._settling.close()
            self._threads.shutdown()

    async def _wait_for_stop(self, wake_lanes: Callable[[], None]) -> None:
        while not self._stop.is_set():
            await asyncio.sleep(0.05)
        wake_lanes()

    async def _sweep(self) -> None:
        """What dead processes held is due at once."""
        while True:
            try:
                await asyncio.get_running_loop().run_in_executor(self._threads, self._release_dead)
            except EntrepotError as error:
                self._deliverer.emit(Event("delivery_stalled", "outbox", {"code": error.code}))
            await asyncio.sleep(SWEEP_S)

    def _release_dead(self) -> None:
        for holder in self._deliverer.outbox.holders():
            if holder != self._deliverer.holder and not self._deliverer.is_alive(holder):
                self._deliverer.outbox.release(holder)


class _Lane:
    """The deliveries of one integration."""

    def __init__(
        self,
        deliverer: Deliverer,
        route: Route,
        settling: Settling,
        threads: ThreadPoolExecutor,
        stop: threading.Event,
    ) -> None:
        self._deliverer = deliverer
        self._name = route.integration
        self._settings = route.settings
        self._settling = settling
        self._threads = threads
        self._stop = stop
        self._running: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()

    def nudge(self) -> None:
        """Look at once."""
        self._news.set()

    async def run(self) -> None:
        """Take and attempt until the end."""
        deliverer = self._deliverer
        sender = Sender(
            self._settings,
            clock=deliverer.clock,
            find_secret=deliverer.find_secret,
            allowed=deliverer.allowed,
            source=f"{deliverer.source}/{self._name}",
            tls=deliverer.tls,
            lookup=deliverer.lookup,
        )
        try:
            while not self._stop.is_set():
                await self._turn(sender)
            if self._running:
                await asyncio.wait(self._running, timeout=self._settings.timeout_s + 5)
        finally:
            for task in self._running:
                task.cancel()
            sender.close()

    async def _turn(self, sender: Sender) -> None:
        self._news.clear()
        if self._running:
            await asyncio.sleep(GATHER_S)
        try:
            taken = await self._ask(self._take)
        except Exception as error:  # a full disk, a lock held too long: nothing is lost, and no other lane ends by it
            self._tell_trouble(error)
            await self._rest(AFTER_TROUBLE_S)
            return
        for message in taken:
            task = asyncio.create_task(self._deliver(sender, message))
            self._running.add(task)
            task.add_done_callback(self._end)
        if not taken or len(self._running) >= self._settings.concurrency:
            await self._rest(IDLE_S if self._settings.per_second is None else RATED_IDLE_S)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._tell_trouble(error)
        self._news.set()

    async def _rest(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._news.wait(), seconds)
        except TimeoutError:
            pass

    def _take(self) -> Sequence[Message]:
        free = self._settings.concurrency - len(self._running)
        if free <= 0 or not self._is_due():
            return ()
        wanted = Take(
            self._name,
            self._deliverer.holder,
            free,
            self._settings.timeout_s + LEASE_MARGIN_S,
            ordered=self._settings.ordered,
            most_leased=self._settings.concurrency,
            per_second=self._settings.per_second,
        )
        return self._deliverer.outbox.take(wanted)

    def _is_due(self) -> bool:
        """Asked before taking, which writes."""
        due_us = self._deliverer.outbox.next_due_us(self._name)
        if due_us is None:
            return False
        now_us = self._now_us()
        return due_us <= now_us or due_us > now_us + timedelta(days=9) // timedelta(microseconds=1)

    def _now_us(self) -> int:
        return (self._deliverer.clock.now() - _EPOCH) // timedelta(microseconds=1)

    async def _deliver(self, sender: Sender, message: Message) -> None:
        given_up = judge_unacknowledged(self._settings, message)
        if given_up is not None:
            await self._settling.settle(given_up)
            self._tell_dead(message, given_up.code)
            return
        answer = await sender.attempt(message)
        verdict = judge(self._settings, message, answer, self._now_us(), self._deliverer.chance())
        if verdict.pause is not None:  # before the message is free to be taken again
            await self._ask(lambda: self._consider_pause(verdict.pause))
        await self._settling.settle(verdict.finished)
        if verdict.finished.status is MessageStatus.DEAD:
            self._tell_dead(message, verdict.finished.code)
        if verdict.finished.failed and verdict.pause is None:
            await self._ask(lambda: self._consider_pause(None))

    def _consider_pause(self, reason: str | None) -> None:
        deliverer = self._deliverer
        reason = reason or should_pause(self._settings, deliverer.outbox.integration(self._name), deliverer.clock.now())
        if reason is not None and deliverer.outbox.pause(self._name, reason=reason, who="delivery"):
            deliverer.emit(Event("integration_paused", self._name, {"reason": reason}))

    def _tell_trouble(self, error: BaseException) -> None:
        code = error.code if isinstance(error, EntrepotError) else type(error).__name__
        self._deliverer.emit(Event("delivery_stalled", self._name, {"code": code}))

    def _tell_dead(self, message: Message, code: str) -> None:
        self._deliverer.emit(Event("message_dead", self._name, {"message": message.id, "code": code}))

    async def _ask(self, question: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, question)
