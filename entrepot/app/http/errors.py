"""Errors that only a server knows: nothing there, nothing running, too many at once."""

from __future__ import annotations

from typing import TypeVar

from entrepot.kernel.errors import EntrepotError, UsageError

T = TypeVar("T")


class NotThere(UsageError):
    """What the address names does not exist."""

    code = "not_found"
    http_status = 404


class NotRunning(EntrepotError):
    """The part of the platform that would answer is not running in this process."""

    code = "not_running"
    http_status = 503
    retryable = True


class TooBusy(EntrepotError):
    """So much is asked at once that this must wait."""

    code = "busy"
    http_status = 429
    retryable = True


class NoSuchMark(UsageError):
    """A cursor that this list did not give."""

    code = "cursor.invalid"


class PreviewGone(UsageError):
    """What was previewed can no longer be applied."""

    code = "preview.gone"
    http_status = 409


class ReferenceTaken(UsageError):
    """A reference that stands for another content already; `first` has it."""

    code = "conflict"
    http_status = 409

    def __init__(self, first: str) -> None:
        super().__init__(
            f"message {first} has that reference already, with another content.",
            hint="Use another reference, or send the same content again.",
        )
        self.first = first


def require_running(part: T | None, name: str) -> T:
    """The part, when it runs here. Raises: NotRunning."""
    if part is None:
        raise NotRunning(f"{name} is not running in this process.", hint="Start everything with: entrepot up.")
    return part
