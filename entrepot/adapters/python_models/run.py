"""Run a Python model over its inputs and hand out its rows."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from entrepot.adapters.python_models.alike import find_difference, fingerprint
from entrepot.adapters.python_models.prints import Log
from entrepot.adapters.python_models.process import Call, Inputs
from entrepot.adapters.python_models.spool import Spool
from entrepot.kernel.errors import ProjectError
from entrepot.lake.models.python_body import PythonBody
from entrepot.ports.relations import Stream

_SEED, _OTHER_SEED = 0, 1


@dataclass(frozen=True, slots=True)
class PythonRun:
    """A model's rows and what they cost. `stream` can be opened again and again; its rows are on disk as long as it lives."""

    stream: Stream
    rows: int
    peak_mb: int
    """The most memory that the process held, libraries included."""
    seconds: float
    was_checked: bool
    """True when a second run gave the same rows."""


def _ignore(line: str) -> None:
    """The log that keeps nothing."""


def open_python_model(
    body: PythonBody, inputs: Inputs, *, scratch: Path, check: bool = False, log: Log = _ignore
) -> Stream:
    """Run the model and give its rows. Args and errors as `run_python_model`."""
    return run_python_model(body, inputs, scratch=scratch, check=check, log=log).stream


def run_python_model(
    body: PythonBody, inputs: Inputs, *, scratch: Path, check: bool = False, log: Log = _ignore
) -> PythonRun:
    """Run the model's function to its end, in a process of its own.

    Args:
        inputs: parameter → opens its rows; called in a thread of its own, once for each run.
        check: run a model that calls itself deterministic a second time, and refuse it when it gives other rows.
        log: gets what the function prints, from another thread.

    Raises:
        ProjectError: the function raised, gave no table, or gave two different ones; with file and line.
        RunError: it took more memory or time than it may, or its process was killed.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    spool, peak = _compute(body, inputs, scratch, log, _SEED)
    is_checked = check and body.deterministic
    if is_checked:
        _check_again(body, inputs, scratch, spool)
    stream = Stream(spool.schema, spool.batches)
    return PythonRun(stream, spool.rows, peak, time.monotonic() - begin, is_checked)


def _compute(body: PythonBody, inputs: Inputs, scratch: Path, log: Log, seed: int) -> tuple[Spool, int]:
    spool = Spool(scratch)
    answer = Call(body, inputs, scratch, log, seed).run(spool.descriptor)
    spool.rows = answer.rows
    return spool, answer.peak_mb


def _check_again(body: PythonBody, inputs: Inputs, scratch: Path, first: Spool) -> None:
    second, _ = _compute(body, inputs, scratch, _ignore, _OTHER_SEED)
    difference = find_difference(fingerprint(first), fingerprint(second))
    if difference is not None:
        raise ProjectError(
            f"{body.function}() gave another result when it ran again over the same rows: {difference}.",
            place=body.place,
            hint="Give random numbers a seed, sort what comes from a set, and do not ask the clock. "
            "Where it must be so, say deterministic=False in @model.",
        )
