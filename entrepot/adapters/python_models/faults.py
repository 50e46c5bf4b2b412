"""From an exception in a model's function to what may be told of it: where it was raised and what it was, without values."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType

from entrepot.adapters.python_models.request import Code, Fault
from entrepot.adapters.python_models.results import WrongResult

_SAFE = (ImportError, NameError, AttributeError, SyntaxError)
"""Raised by Python about names in code; the text of others could show a record's value."""
_MOST_CODE = 160
_MOST_SAID = 2_000
"""So that an answer always fits into a pipe that is read only when the process has ended."""


def describe_fault(error: BaseException, sources: Iterable[Code]) -> Fault:
    """What is told of an exception: its name, and the last line of the project's own code that it went through."""
    texts = {code.path: code.text for code in sources}
    path, line = _find_place(error, texts)
    line_text = _line_of(texts.get(path or "", ""), line)
    if isinstance(error, WrongResult):
        return Fault("result", str(error)[:_MOST_SAID], error.hint)
    if isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__:
        return Fault("memory", "", None, path, line, line_text)
    return Fault("raised", _say(error), None, path, line, line_text)


def _say(error: BaseException) -> str:
    kind = type(error)
    name = (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__.partition('.')[0]}.{kind.__qualname__}"
    )
    if isinstance(error, SyntaxError):
        return f"{name} ({error.msg})"
    if isinstance(error, OSError) and error.strerror:
        return f"{name} ({error.strerror})"
    if isinstance(error, _SAFE) and kind.__module__ == "builtins":
        return f"{name} ({str(error).splitlines()[0][:200]})" if str(error) else name
    return name


def _find_place(error: BaseException, texts: dict[str, str]) -> tuple[str | None, int | None]:
    if isinstance(error, SyntaxError) and error.filename in texts:
        return error.filename, error.lineno
    path = line = None
    step: TracebackType | None = error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename in texts:
            path, line = step.tb_frame.f_code.co_filename, step.tb_lineno
        step = step.tb_next
    return path, line


def _line_of(text: str, line: int | None) -> str | None:
    lines = text.splitlines()
    if line is None or not 0 < line <= len(lines):
        return None
    return lines[line - 1].strip()[:_MOST_CODE]
