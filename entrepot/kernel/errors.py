"""The one tree of errors.

Every error says what failed and where, what came, what is allowed, and what to do next::

    EntrepotError
    ├── ProjectError        exit 2   the user's files are wrong: carries file, line, column
    │   ├── ContractError            … a contract is
    │   └── ManyErrors               … all that is wrong with a folder's files, at once
    ├── UsageError          exit 2   the command was called wrongly
    ├── DataError           exit 1   a batch cannot be taken as it is (unreadable file, header missing)
    ├── RunError            exit 1   a step failed
    │   ├── BusyError                somebody else holds the lease                      (retryable)
    │   ├── FencedError              our lease was taken over; stop, write nothing more
    │   ├── ConflictError            another commit came first: load again, ask again   (retryable)
    │   ├── BlockedError             a flow waits for a person; says for what
    │   └── UnexpectedError          an error that is not of this tree ended a flow: a bug of ours
    ├── DamageError         exit 1   lake and state contradict each other, or a log is damaged
    ├── FullError           exit 1   so much waits that more would have to be dropped   (retryable)
    └── SystemError_        exit 3   something outside is missing or not reachable
        └── MissingExtra             an optional library is not installed; names the extra
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a user's file something stands: path, and 1-based line and column when known."""

    path: Path
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        parts = [str(self.path)]
        if self.line is not None:
            parts.append(str(self.line))
            if self.column is not None:
                parts.append(str(self.column))
        return ":".join(parts)


class EntrepotError(Exception):
    """Root of all errors; `code` is stable for programs, `hint` names the next command."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message} {self.hint}"


class ProjectError(EntrepotError):
    """A file of the project is wrong; `place` says where."""

    code = "project.invalid"
    exit_code = 2
    http_status = 422

    def __init__(self, message: str, *, place: Place | None = None, hint: str | None = None) -> None:
        super().__init__(f"{place} — {message}" if place else message, hint=hint)
        self.place = place


class ContractError(ProjectError):
    """A contract is wrong."""

    code = "contract.invalid"


class ManyErrors(ProjectError):
    """All that is wrong with a folder's files; `errors` has them one by one."""

    def __init__(self, errors: Sequence[EntrepotError]) -> None:
        super().__init__("\n".join(str(error) for error in errors))
        self.errors = tuple(errors)


def raise_all(errors: Iterable[EntrepotError]) -> None:
    """Raise what there is: nothing, the one error, or all of them as one. Raises: ProjectError."""
    found = list(errors)
    if len(found) == 1:
        raise found[0]
    if found:
        raise ManyErrors(found)


class UsageError(EntrepotError):
    """A command was called wrongly."""

    code = "usage"
    exit_code = 2
    http_status = 400


class DataError(EntrepotError):
    """A whole batch cannot be taken as it is; single rows go to quarantine instead."""

    code = "data.unreadable"
    http_status = 422

    def __init__(self, message: str, *, hint: str | None = None, file: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.file = file


class RunError(EntrepotError):
    """A step of a run failed."""

    code = "run.failed"


class BusyError(RunError):
    """Somebody else holds the lease."""

    code = "lease.busy"
    http_status = 409
    retryable = True


class FencedError(RunError):
    """Our lease was taken over by another process: nothing more may be planned."""

    code = "lease.fenced"
    http_status = 409


class ConflictError(RunError):
    """Another commit came first; load the table again and ask it again what it has."""

    code = "table.conflict"
    http_status = 409
    retryable = True


class BlockedError(RunError):
    """A flow stands still until a person decides."""

    code = "flow.blocked"
    http_status = 409


class UnexpectedError(RunError):
    """An error of another kind ended a flow: a bug. It stands as `__cause__`; its text, which may hold values, is not repeated."""

    code = "run.unexpected"


class DamageError(EntrepotError):
    """State and lake contradict each other, or a log is damaged: refused, never guessed."""

    code = "lake.damaged"


class FullError(EntrepotError):
    """So much waits already that more would have to be dropped; nothing of what was handed over is kept."""

    code = "inbox.full"
    http_status = 429
    retryable = True


class SystemError_(EntrepotError):
    """Something outside is missing or cannot be reached."""

    code = "system.unreachable"
    exit_code = 3
    http_status = 503
    retryable = True


class MissingExtra(SystemError_):
    """An optional library is not installed."""

    code = "system.missing_extra"
    retryable = False

    def __init__(self, library: str, extra: str) -> None:
        super().__init__(
            f"the library {library} is not installed.",
            hint=f"Install it with: pip install 'entrepot[{extra}]'",
        )
