"""From what a handler raised to the error of its record: for the sender what the author said, for the author where it was."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from entrepot.adapters.handlers.frames import Fault
from entrepot.adapters.handlers.rendering import TooLarge, WrongResult
from entrepot.handlers import Reject

MOST_SAID = 2_000
MOST_DETAILS = 100


def describe(error: BaseException, texts: dict[str, str]) -> Fault:
    """The record's error. Args: texts: file shown to people → its text, of all files that the project brought."""
    if isinstance(error, Reject):
        return _rejected(error)
    if isinstance(error, MemoryError):
        return Fault("out_of_memory", "The handler needed more memory for this record than memory_mb allows.")
    if isinstance(error, TooLarge):
        return Fault("too_large", f"The handler gave too much: {error}")
    if isinstance(error, WrongResult):
        return Fault("handler_failed", _cut(str(error)), [_detail(None, "result", str(error))])
    path, line = find_place(error, texts)
    kind, said = type(error).__name__, str(error)
    place = f"{path}:{line}" if path else None
    code = _line_of(texts.get(path or "", ""), line)
    what = f"{kind}: {said}" if said else kind
    at = f" at {place}" if place else ""
    return Fault(
        "handler_failed",
        _cut(f"The handler failed with {kind}{at}."),
        [_detail(place, kind, f"{what} — at: {code}" if code else what)],
    )


def find_place(error: BaseException, texts: dict[str, str]) -> tuple[str | None, int | None]:
    """The last line of the project's own code that an exception went through."""
    if isinstance(error, SyntaxError) and error.filename in texts:
        return error.filename, error.lineno
    path = line = None
    step: TracebackType | None = error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename in texts:
            path, line = step.tb_frame.f_code.co_filename, step.tb_lineno
        step = step.tb_next
    return path, line


def _rejected(error: Reject) -> Fault:
    details = [_detail(path, error.code, message) for path, message in list(error.faults.items())[:MOST_DETAILS]]
    if error.path is not None or not details:
        details.insert(0, _detail(error.path, error.code, error.message))
    return Fault(error.code, _cut(error.message), details)


def _detail(path: str | None, rule: str, message: str) -> dict[str, Any]:
    return {"path": path, "rule": rule, "message": _cut(message)}


def _cut(text: object) -> str:
    said = str(text)
    said = said if len(said) <= MOST_SAID else said[: MOST_SAID - 1] + "…"
    return said.encode(errors="replace").decode()


def _line_of(text: str, line: int | None) -> str | None:
    lines = text.splitlines()
    if line is None or not 0 < line <= len(lines):
        return None
    return lines[line - 1].strip()[:160]
