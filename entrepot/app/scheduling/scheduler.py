"""The scheduler: watches, lets triggers decide, carries out firings side by side, keeps an eye on deadlines, has hooks called.

All that counts stands in the store before it is done. A process that dies loses nothing: its firings run again, which does no harm.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from entrepot.app.clock import is_alive
from entrepot.app.scheduling.deadlines import Deadlines
from entrepot.app.scheduling.ending import Ending, end_with_error, end_with_report, end_without_run
from entrepot.app.scheduling.running import Run
from entrepot.app.scheduling.sending import Sender
from entrepot.app.scheduling.settings import ScheduleSettings
from entrepot.app.scheduling.watching import Watcher
from entrepot.app.wiring import Platform
from entrepot.kernel.errors import EntrepotError
from entrepot.kernel.events import Event
from entrepot.ports.schedule import Firing, Happening, HappeningKind, ScheduleStore
from entrepot.runner.cancel import CancelToken
from entrepot.runner.execute import say_trace
from entrepot.runner.triggers.conditions import matches
from entrepot.runner.triggers.decide import decide, find_next_time
from entrepot.runner.triggers.trigger import OnEvent, Trigger, leaves

POLL_S = 1.0
"""How often it is looked for files, releases and what other processes ask for."""
KEPT = timedelta(days=90)
_PRUNE_EVERY = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Tick:
    """What one look did."""

    started: tuple[str, ...] = ()
    """Firings that were begun."""
    next_at: datetime | None = None
    """When the next time is due; happenings may come before."""


@dataclass(slots=True)
class _Under:
    """A firing under way in this process."""

    firing: Firing
    cancel: CancelToken = field(default_factory=CancelToken)


class Scheduler:
    """One for each process; several may run at once, each firing is carried out by one of them.

    Args: platform: for its state, clock, schedule and settings; runs have platforms of their own. run: carries out a firing.
    sender: makes the calls of hooks; None: somebody else does. settings: other ones than the project's.
    """

    def __init__(
        self,
        platform: Platform,
        run: Run,
        *,
        sender: Sender | None = None,
        workers: int = 2,
        settings: ScheduleSettings | None = None,
    ) -> None:
        self._platform = platform
        self._store: ScheduleStore = platform.schedule
        self._run = run
        self._holder = platform.holder
        self._sender = sender
        self._workers = workers
        self._settings = settings or platform.project.schedule
        self._watcher = Watcher(platform, self._store)
        self._deadlines = Deadlines(self._store, platform.announce)
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="firing")
        self._under: dict[Future[None], _Under] = {}
        self._unwritten: list[Ending] = []
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._sending: threading.Thread | None = None
        self._pruned_at: datetime | None = None

    @property
    def settings(self) -> ScheduleSettings:
        """The triggers that are in force."""
        return self._settings

    def use(self, platform: Platform) -> None:
        """Go on with another state of the project's files."""
        self._platform = platform
        self._settings = platform.project.schedule
        self._watcher = Watcher(platform, self._store)

    def tell(self, event: str, *, source: str = "", why: str = "") -> bool:
        """An event came from outside or inside; True when some trigger waits for such a one, and it is kept, durably."""
        happening = Happening(
            HappeningKind.EVENT, event, self._platform.clock.now(), source=source, why=why or f"event {event}"
        )
        waits = any(
            isinstance(leaf, OnEvent) and matches(leaf, happening)
            for trigger in self._settings.triggers
            if trigger.enabled
            for _, leaf in leaves(trigger.when)
        )
        if waits:
            self._store.tell([happening])
            self._wake.set()
        return waits

    def wake(self) -> None:
        """Look now rather than at the next time."""
        self._wake.set()

    def tick(self) -> Tick:
        """Look once and begin what is due; never waits for a run."""
        now = self._platform.clock.now()
        self._collect()
        for firing in self._store.revive(is_alive):
            self._platform.announce(Event("firing_revived", firing.trigger, {"firing": firing.id}))
        triggers = self._settings.triggers
        self._watcher.watch(triggers)
        decision = self._store.turn(now, lambda snapshot: decide(triggers, snapshot, now))
        for firing in decision.firings:
            self._platform.announce(
                Event("trigger_fired", firing.trigger, {"firing": firing.id, "reason": firing.reason})
            )
        started = self._start(now)
        self._pass_on_cancels()
        self._deadlines.look(triggers, self._settings.hooks, now)
        self._send()
        self._prune(now)
        return Tick(started, self._find_next(triggers, now))

    def serve(self, stop: threading.Event, *, poll_s: float = POLL_S) -> None:
        """Look again and again until `stop` is set; then runs under way are asked to stop, and waited for."""
        while not stop.is_set():
            try:
                self.tick()
            except (
                EntrepotError
            ) as error:  # a full disk or a locked state passes: the next look does what this one left
                self._platform.announce(Event("schedule_failed", "tick", {"code": error.code}))
            self._wake.wait(poll_s)
            self._wake.clear()
        self.close("the platform was stopped")

    def drain(self) -> None:
        """Wait for what is under way in this process."""
        while self._under:
            for future in list(self._under):
                future.result()
            self._collect()

    def close(self, reason: str = "the scheduler was closed") -> None:
        """Ask runs to stop between batches and wait for them; they wait in the store to be run again."""
        with self._lock:
            under = list(self._under.values())
        for each in under:
            each.cancel.cancel(reason)
        self._pool.shutdown(wait=True)
        self._collect()
        if self._sending is not None:
            self._sending.join()

    def _start(self, now: datetime) -> tuple[str, ...]:
        started: list[str] = []
        while len(self._under) < self._workers and (firing := self._store.start(now, self._holder)) is not None:
            under = _Under(firing)
            future = self._pool.submit(self._carry_out, under)
            with self._lock:
                self._under[future] = under
            started.append(firing.id)
            future.add_done_callback(lambda _: self._wake.set())
        return tuple(started)

    def _carry_out(self, under: _Under) -> None:
        """In a thread of the pool: run, decide what follows, write it down."""
        firing = under.firing
        trigger = next((each for each in self._settings.triggers if each.name == firing.trigger), None)
        said = {"firing": firing.id, "attempt": firing.attempt}
        self._platform.announce(Event("firing_started", firing.trigger, said))
        try:
            ending = self._run_once(under, trigger)
        except EntrepotError as error:
            ending = end_with_error(firing, trigger, self._settings.hooks, error, self._platform.clock.now())
        except Exception as error:
            crashed = {"firing": firing.id, "error": type(error).__name__, "traceback": say_trace(error)}
            self._platform.announce(Event("firing_crashed", firing.trigger, crashed))
            found = _unexpected(error)
            ending = end_with_error(firing, trigger, self._settings.hooks, found, self._platform.clock.now())
        if not self._write(ending):
            with self._lock:
                self._unwritten.append(ending)

    def _run_once(self, under: _Under, trigger: Trigger | None) -> Ending:
        firing, clock = under.firing, self._platform.clock
        if trigger is not None and not trigger.runs:
            return end_without_run(firing, trigger, self._latest_release(), clock.now())
        report = self._run(firing.selection, firing.reason, firing, under.cancel)
        latest = self._latest_release()
        return end_with_report(firing, trigger, self._settings.hooks, report, under.cancel, clock.now(), latest)

    def _write(self, ending: Ending) -> bool:
        try:
            self._store.end(ending.firing, ending.calls, ending.deadline)
        except EntrepotError as error:
            self._platform.announce(Event("schedule_failed", ending.firing.trigger, {"code": error.code}))
            return False
        firing = ending.firing
        said = {"firing": firing.id, "status": firing.status.value, "attempt": firing.attempt, "run": firing.run}
        self._platform.announce(Event("firing_ended", firing.trigger, said))
        return True

    def _collect(self) -> None:
        with self._lock:
            for future in [each for each in self._under if each.done()]:
                del self._under[future]
            unwritten, self._unwritten = self._unwritten, []
        left = [ending for ending in unwritten if not self._write(ending)]
        with self._lock:
            self._unwritten += left

    def _pass_on_cancels(self) -> None:
        reasons = self._store.cancels(self._holder)
        with self._lock:
            under = list(self._under.values())
        for each in under:
            if each.firing.id in reasons:
                each.cancel.cancel(reasons[each.firing.id])

    def _latest_release(self) -> int | None:
        release = self._platform.state.latest_release()
        return None if release is None else release.id

    def _find_next(self, triggers: tuple[Trigger, ...], now: datetime) -> datetime | None:
        found = [find_next_time(triggers, now), self._store.next_waiting()]
        return min((at for at in found if at is not None), default=None)

    def _send(self) -> None:
        """Beside everything else: a receiver that hangs keeps nobody from firing."""
        if self._sender is None or (self._sending is not None and self._sending.is_alive()):
            return
        if not self._sender.has_work():
            return
        self._sending = threading.Thread(target=self._sender.work, name="hooks", daemon=True)
        self._sending.start()

    def _prune(self, now: datetime) -> None:
        if self._pruned_at is None or now - self._pruned_at > _PRUNE_EVERY:
            self._pruned_at = now
            with suppress(EntrepotError):
                self._store.prune(now - KEPT)


def _unexpected(error: Exception) -> EntrepotError:
    from entrepot.kernel.errors import UnexpectedError

    found = UnexpectedError(f"the run was ended by an unexpected error, {type(error).__name__}.")
    found.__cause__ = error
    return found
