"""What ended a model's process, in words for the person who wrote the model: place, limit, and what to do."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path

from entrepot.adapters.python_models.request import Answer, Fault, read_answer
from entrepot.kernel.errors import EntrepotError, Place, ProjectError, RunError, SystemError_
from entrepot.lake.models.python_body import PythonBody

_NO_MEMORY = ("memory allocation of", "bad_alloc", "out of memory")
"""What libraries say that end the process when there is no memory."""


def judge(body: PythonBody, code: int, text: bytes, last_lines: Sequence[str]) -> Answer:
    """Read the answer of a process that ended by itself or was killed by others.

    Raises: ProjectError for what is wrong in the function's code, RunError where it took too much or was killed.
    """
    try:
        answer = read_answer(text)
    except ValueError:
        raise _ended(body, code, last_lines) from None
    if answer.fault is not None:
        raise _failed(body, answer.fault)
    return answer


def too_long(body: PythonBody) -> RunError:
    """The error of a process that was ended because its time was over."""
    return RunError(
        f"{body.place} — {body.function}() was ended after the {body.timeout_s:g} s that timeout_s allows.",
        hint="Give it less to do, or raise timeout_s in @model.",
    )


def _too_much(body: PythonBody, place: Place, at: str) -> RunError:
    return RunError(
        f"{place} — {body.function}() needed more memory than the {body.memory_mb:,} MB that memory_mb allows{at}.",
        hint="Take inputs as pa.RecordBatchReader and yield batches, or raise memory_mb in @model.",
    )


def _failed(body: PythonBody, fault: Fault) -> EntrepotError:
    place = Place(Path(fault.path), fault.line) if fault.path else body.place
    at = f", at: {fault.code}" if fault.code else ""
    if fault.kind == "memory":
        return _too_much(body, place, at or ", while its inputs were read")
    if fault.kind == "result":
        return ProjectError(f"{body.function}() gave no table: {fault.said}.", place=place, hint=fault.hint)
    return ProjectError(
        f"{body.function}() raised {fault.said}{at}",
        place=place,
        hint=fault.hint
        or "Its text is kept back where it could hold values of records; to see it, call the function in a test.",
    )


def _ended(body: PythonBody, code: int, last_lines: Sequence[str]) -> EntrepotError:
    name, last = body.function, last_lines[-1] if last_lines else ""
    if "No module named 'entrepot" in last:
        return SystemError_(f"models in Python cannot run here: {last}.", hint="Install it with: pip install entrepot")
    if code == -signal.SIGABRT and any(sign in line for sign in _NO_MEMORY for line in last_lines):
        return _too_much(body, body.place, "")
    if code == -signal.SIGKILL:
        return RunError(
            f"{body.place} — the process of {name}() was killed (signal 9): the machine had no memory left, or somebody ended it.",
            hint=f"Look at the machine's free memory; the model may take {body.memory_mb:,} MB (memory_mb).",
        )
    if code < 0:
        return RunError(
            f"{body.place} — the process of {name}() crashed with signal {-code} ({signal.Signals(-code).name}).",
            hint="A library that it calls may be at fault; what was printed is in the run's log.",
        )
    return RunError(
        f"{body.place} — the process of {name}() ended without an answer, with exit code {code}.",
        hint="A model's function must not end its process; what was printed is in the run's log.",
    )
