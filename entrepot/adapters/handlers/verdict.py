"""What ended a handler's process, as the error of the record that it was at."""

from __future__ import annotations

import signal

from entrepot.adapters.handlers.frames import RETIRED, Fault
from entrepot.adapters.handlers.process import Ended
from entrepot.intake.gateway.processing.settings import ProcessingSettings
from entrepot.ports.inbox import RecordError

MOST_DEATHS = 2
"""A record over which so many processes died is parked."""
_NO_MEMORY = ("memory allocation of", "bad_alloc", "out of memory")
"""What libraries say that end the process when there is no memory."""


def to_error(fault: Fault | None) -> RecordError | None:
    """What the process told of a record."""
    return None if fault is None else RecordError(fault.code, fault.message, tuple(fault.details))


def is_no_fault(ended: Ended) -> bool:
    """True when the process ended as it should: it had run out of memory and told so."""
    return ended.code == RETIRED


def judge_death(ended: Ended, deaths: int, settings: ProcessingSettings) -> RecordError | None:
    """The error of the record that a process died over; None: it is tried once more."""
    if ended.timed_out:
        text = f"The handler was ended after the {settings.timeout_s:g} s that timeout_s allows for a record."
        return RecordError("timeout", text, ({"path": None, "rule": "timeout", "message": text},))
    if ended.code == -signal.SIGABRT and any(sign in line for sign in _NO_MEMORY for line in ended.last_lines):
        return RecordError(
            "out_of_memory", f"The handler needed more than the {settings.memory_mb:,} MB that memory_mb allows."
        )
    if deaths < MOST_DEATHS:
        return None
    text = f"The handler's process {_say_end(ended.code)} {deaths} times over this record, so it is put aside."
    return RecordError("parked", text, ({"path": None, "rule": "parked", "message": text},))


def _say_end(code: int) -> str:
    if code == -signal.SIGKILL:
        return "was killed (signal 9: no memory left on the machine, or somebody ended it)"
    if code < 0:
        return f"crashed with signal {-code} ({signal.Signals(-code).name})"
    return f"ended itself with exit code {code}"
