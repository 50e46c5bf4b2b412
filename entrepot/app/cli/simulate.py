"""`entrepot simulate`: the outside systems of an example, on this machine."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from rich.markup import escape

from entrepot.app.cli.output import say
from entrepot.examples.simulator.pusher import EXAMPLE_SECRET, Pushed, Pusher, push_forward
from entrepot.examples.simulator.retail import EVENTS_PER_VISIT, ZONE, RetailWorld
from entrepot.examples.simulator.server import PATHS, RetailApi, Simulator
from entrepot.examples.simulator.timing import SimulatedTime
from entrepot.kernel.errors import SystemError_, UsageError

EXAMPLES = ("retail",)
SECRET_VARIABLE = "ENTREPOT_SIMULATOR_SECRET"
TOKEN_VARIABLE = "ENTREPOT_SIMULATOR_TOKEN"
_WARM_UP = timedelta(minutes=25)
"""Visits take that long: before, fewer events happen."""
_OTHERS_SHARE = 0.15
"""Contacts for each visit."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command was asked for."""

    seed: int
    port: int
    rate: float | None
    trouble: float
    start: str | None
    first_day: date | None
    speed: float
    push: str | None
    most: int | None


def simulate(example: str, wish: Wish) -> None:
    """Serve (and push) until Ctrl-C.

    Raises: UsageError for an example without a simulator, or values that cannot be; SystemError_ when the port is taken.
    """
    if example not in EXAMPLES:
        raise UsageError(f"there is no simulator of {example!r}.", hint=f"There is: {', '.join(EXAMPLES)}.")
    start = _read_start(wish.start)
    world = make_world(wish, start)
    present = SimulatedTime(start, wish.speed)
    api = RetailApi(world, present, wish.trouble, wish.seed, os.environ.get(TOKEN_VARIABLE))
    try:
        simulator = Simulator(api, wish.port)
    except OSError as error:
        raise SystemError_(
            f"port {wish.port} cannot be used: {error.strerror}.", hint="Choose another one with --port."
        ) from error
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell starts what runs beside it deaf to the first
        signal.signal(number, signal.default_int_handler)
    simulator.start()
    _introduce(simulator.url, api, wish)
    try:
        _push_or_wait(world, present, start, wish)
    except KeyboardInterrupt:
        say(f"\n{api.requests:,} requests answered.")
    finally:
        simulator.stop()


def make_world(wish: Wish, start: datetime) -> RetailWorld:
    """The example's world from the day before on; with a rate, so many events a second at any hour, from now on."""
    if wish.rate is None:
        first_day = wish.first_day or start.astimezone(ZONE).date() - timedelta(days=1)
        return RetailWorld(seed=wish.seed, first_day=first_day)
    per_day = wish.rate / wish.speed * 86_400
    visits = per_day / (EVENTS_PER_VISIT + _OTHERS_SHARE * 2)
    return RetailWorld(
        seed=wish.seed,
        begins=start - _WARM_UP,
        customers=max(300, min(100_000, int(visits / 10))),
        visits_per_day=visits,
        interactions_per_day=visits * _OTHERS_SHARE,
        slot_seconds=600 if per_day < 500_000 else 10,
        is_flat=True,
    )


def read_day(text: str | None) -> date | None:
    """A day as it is written. Raises: UsageError."""
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no day.", hint="Write --first-day 2026-06-01.") from error


def _read_start(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"{text!r} is no instant.", hint="Write --start 2026-09-28 or --start 2026-09-28T08:00Z."
        ) from error
    return (found if found.tzinfo else found.replace(tzinfo=ZONE)).astimezone(UTC)


def _introduce(url: str, api: RetailApi, wish: Wish) -> None:
    say(
        f"The systems of [bold]retail[/], seed {wish.seed}, from {api.world.first:%Y-%m-%d %H:%M} to {api.time.now():%Y-%m-%d %H:%M} UTC and on:"
    )
    for path, stream in PATHS.items():
        say(f"  {stream:<14}{url}{path}")
    if api.token is not None:
        say(f"  with Authorization: Bearer and the value of {TOKEN_VARIABLE}")
    if wish.trouble:
        say(f"  {wish.trouble:.0%} of the answers are 500 or 429")
    if wish.push is not None:
        say(f"Pushes to {escape(wish.push)}, signed (Standard Webhooks).")
        if SECRET_VARIABLE not in os.environ:
            say(f"  with the example's secret {EXAMPLE_SECRET}; another one: {SECRET_VARIABLE}")
    say("Stop with Ctrl-C.")


def _push_or_wait(world: RetailWorld, present: SimulatedTime, start: datetime, wish: Wish) -> None:
    if wish.push is None:
        while True:
            time.sleep(3600)
    try:
        pusher = Pusher(wish.push, os.environ.get(SECRET_VARIABLE, EXAMPLE_SECRET))
    except ValueError as error:
        raise UsageError(
            f"--push cannot be used: {error}.", hint="For example: --push 'http://127.0.0.1:8400/api/v1/in/{stream}'"
        ) from error
    told = _Teller()
    try:
        pushed = push_forward(world, pusher, present, start, most=wish.most, told=told.tell)
    finally:
        pusher.close()
        told.tell(pusher.pushed, always=True)
    if pushed.refused:
        raise SystemError_(f"{pushed.refused:,} of the events were refused.", hint="See the integration's receipts.")


class _Teller:
    """Says how far it is, not too often."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def tell(self, pushed: Pushed, *, always: bool = False) -> None:
        """One line every ten seconds."""
        if always or time.monotonic() - self._last >= 10:
            self._last = time.monotonic()
            say(f"{pushed.accepted:,} accepted, {pushed.refused:,} refused, {pushed.repeated:,} tried again")
