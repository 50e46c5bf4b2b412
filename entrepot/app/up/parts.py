"""The parts of the running platform: each a thread that is started again after trouble, and says how it fares."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from entrepot.kernel.errors import EntrepotError
from entrepot.kernel.events import Emit, Event
from entrepot.runner.execute import say_trace

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0


class Part(Protocol):
    """One part. `run` is called in a thread of its own."""

    name: str

    def run(self) -> None:
        """Work until `stop` was called."""
        ...

    def stop(self) -> None:
        """End `run` soon, at a point where nothing is half done. From any thread; repeatable."""
        ...

    def trouble(self) -> str | None:
        """What keeps it from its work, in words; None when nothing does."""
        ...


class Loop:
    """A part that does one turn after the other.

    Args: turn: does what is due and returns how many seconds may pass until the next; a `wake` ends the waiting early.
    """

    def __init__(self, name: str, turn: Callable[[], float], emit: Emit) -> None:
        self.name = name
        self._turn = turn
        self._emit = emit
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._trouble: str | None = None

    @property
    def is_stopping(self) -> bool:
        """True once `stop` was called."""
        return self._stop.is_set()

    def run(self) -> None:
        """Turn until stopped. Trouble is told once, and the turn tried again, ever more slowly."""
        pause = _FIRST_PAUSE_S
        while not self._stop.is_set():
            self._wake.clear()
            try:
                wait_s = self._turn()
            except EntrepotError as error:
                self._note(str(error), {"code": error.code})
                wait_s, pause = pause, min(2 * pause, _LONGEST_PAUSE_S)
            except Exception as error:  # a bug of ours: the other parts go on
                self._note(f"unexpected error, {type(error).__name__}", {"traceback": say_trace(error)})
                wait_s, pause = pause, min(2 * pause, _LONGEST_PAUSE_S)
            else:
                self._trouble, pause = None, _FIRST_PAUSE_S
            if wait_s > 0 and not self._stop.is_set():
                self._wake.wait(wait_s)

    def wake(self) -> None:
        """Something came."""
        self._wake.set()

    def stop(self) -> None:
        """As `Part`."""
        self._stop.set()
        self._wake.set()

    def trouble(self) -> str | None:
        """As `Part`."""
        return self._trouble

    def _note(self, said: str, data: Mapping[str, str]) -> None:
        if said != self._trouble:
            self._trouble = said
            self._emit(Event("part_troubled", self.name, {"error": said, **data}))


class Supervisor:
    """Starts parts, and ends them together."""

    def __init__(self, parts: Sequence[Part], emit: Emit) -> None:
        self.parts = parts
        self._emit = emit
        self._threads = [threading.Thread(target=part.run, name=part.name, daemon=True) for part in parts]

    def start(self) -> None:
        """Start all threads."""
        for thread in self._threads:
            thread.start()

    def stop(self, seconds: float) -> list[str]:
        """Ask all to end and wait; return the names of those that did not end in time: what they do now is done again at the next start."""
        for part in self.parts:
            part.stop()
        deadline = threading.Event()
        timer = threading.Timer(seconds, deadline.set)
        timer.start()
        try:
            for thread in self._threads:
                while thread.is_alive() and not deadline.is_set():
                    thread.join(0.05)
        finally:
            timer.cancel()
        return [thread.name for thread in self._threads if thread.is_alive()]

    def troubles(self) -> dict[str, str]:
        """Part → what is wrong with it."""
        found = {part.name: part.trouble() for part in self.parts}
        found |= {thread.name: "it has ended" for thread in self._threads if not thread.is_alive()}
        return {name: said for name, said in found.items() if said is not None}
