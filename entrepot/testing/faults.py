"""Faults on demand: kill, stop or fail a real process at a named point of the commit protocol, or at any instant.

Two environment variables say what is to happen; a program that calls `install_from_environment` obeys them:

- `ENTREPOT_FAULT="main.linked:2:kill"` — at the second time the process reaches the point `main.linked`;
  `kill` is SIGKILL, `stop` is SIGSTOP (SIGCONT lets it go on), `raise` raises `InjectedFault`.
- `ENTREPOT_FAULT_RANDOM="7:500"` — SIGKILL after a random time of at most 500 ms, drawn with the seed 7.

`python -m entrepot.testing.faults entrepot.app.cli run` does it for a program that knows nothing of faults.
"""

from __future__ import annotations

import os
import random
import runpy
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from entrepot.kernel.errors import UsageError
from entrepot.kernel.points import GATEWAY_POINTS, POINTS, install_hook

FAULT = "ENTREPOT_FAULT"
FAULT_RANDOM = "ENTREPOT_FAULT_RANDOM"
FAULT_REPORT = "ENTREPOT_FAULT_REPORT"
"""A file to which the fault is written just before it strikes, so that the harness knows where the process died."""


class Action(StrEnum):
    """What happens at the point."""

    KILL = "kill"
    STOP = "stop"
    RAISE = "raise"


class InjectedFault(Exception):
    """Raised at the point; derives from no error that the product handles."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Strike when `point` is reached for the `nth` time. `str()` gives the variable's text."""

    point: str
    nth: int = 1
    action: Action = Action.KILL

    def __str__(self) -> str:
        return f"{self.point}:{self.nth}:{self.action}"


@dataclass(frozen=True, slots=True)
class RandomFault:
    """Kill at a random instant of the next `max_ms` milliseconds. `str()` gives the variable's text."""

    seed: int
    max_ms: int

    def __str__(self) -> str:
        return f"{self.seed}:{self.max_ms}"

    def delay_s(self) -> float:
        """The instant, in seconds from installation: the same for the same seed."""
        return random.Random(self.seed).uniform(0, self.max_ms) / 1000


def parse_fault(text: str) -> Fault:
    """Read `point:nth:action`.

    Raises: UsageError with what is allowed.
    """
    point, nth, action = _cut(text, 3, FAULT, "point:nth:action, for example main.linked:1:kill")
    known = (*POINTS, *GATEWAY_POINTS)
    if point not in known:
        raise UsageError(f"{FAULT}: {point!r} is no point of the protocol; allowed are {', '.join(known)}.")
    if action not in tuple(Action):
        raise UsageError(f"{FAULT}: {action!r} is no action; allowed are {', '.join(Action)}.")
    return Fault(point, _number(nth, FAULT, at_least=1), Action(action))


def parse_random_fault(text: str) -> RandomFault:
    """Read `seed:max_ms`.

    Raises: UsageError with what is allowed.
    """
    seed, max_ms = _cut(text, 2, FAULT_RANDOM, "seed:max_ms, for example 7:500")
    return RandomFault(_number(seed, FAULT_RANDOM, at_least=0), _number(max_ms, FAULT_RANDOM, at_least=1))


def install_from_environment(environment: Mapping[str, str] | None = None) -> None:
    """Do what the variables say; nothing when they are not set.

    Raises: UsageError when one of them cannot be read.
    """
    variables = os.environ if environment is None else environment
    fault, at_random = variables.get(FAULT), variables.get(FAULT_RANDOM)
    report = variables.get(FAULT_REPORT)
    if fault:
        install(parse_fault(fault), report)
    if at_random:
        install_random(parse_random_fault(at_random), report)


def install(fault: Fault, report: str | None = None) -> None:
    """Strike from now on at the fault's point."""
    lock = threading.Lock()
    seen = 0

    def strike(name: str) -> None:
        nonlocal seen
        if name != fault.point:
            return
        with lock:
            seen += 1
            due = seen == fault.nth
        if due:
            _note(report, str(fault))
            _act(fault)

    install_hook(strike)


def install_random(fault: RandomFault, report: str | None = None) -> None:
    """Start the thread that kills the process."""

    def wait_and_kill() -> None:
        time.sleep(fault.delay_s())
        _note(report, str(fault))
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=wait_and_kill, name="random fault", daemon=True).start()


def main(arguments: Sequence[str]) -> None:
    """Run a module as a program, with the faults of the environment: `MODULE [ARGUMENT …]`."""
    if not arguments:
        raise SystemExit("usage: python -m entrepot.testing.faults MODULE [ARGUMENT …]")
    install_from_environment()
    sys.argv = list(arguments)
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


def _act(fault: Fault) -> None:
    match fault.action:
        case Action.KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        case Action.STOP:
            os.kill(os.getpid(), signal.SIGSTOP)
        case Action.RAISE:
            raise InjectedFault(str(fault))


def _note(report: str | None, text: str) -> None:
    if report is not None:
        descriptor = os.open(report, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, f"{text}\n".encode())
        finally:
            os.close(descriptor)


def _cut(text: str, parts: int, variable: str, form: str) -> list[str]:
    found = text.split(":")
    if len(found) != parts:
        raise UsageError(f"{variable} is {text!r}; allowed is {form}.")
    return found


def _number(text: str, variable: str, *, at_least: int) -> int:
    if not text.isdecimal() or int(text) < at_least:
        raise UsageError(f"{variable}: {text!r} is no whole number from {at_least} on.")
    return int(text)


if __name__ == "__main__":
    main(sys.argv[1:])
