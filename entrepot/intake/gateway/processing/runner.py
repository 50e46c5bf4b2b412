"""What the processor asks of whoever turns records into rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from entrepot.ports.inbox import InboxRecord, RecordError


@dataclass(frozen=True, slots=True)
class Handled:
    """One record's outcome, before its rows are judged."""

    seq: int
    revision: int
    rows: tuple[str, ...] = ()
    """JSON objects."""
    error: RecordError | None = None
    attempts: int = 1


class Runner(Protocol):
    """Runs one integration's handler. Called by one thread."""

    def submit(self, records: Sequence[InboxRecord]) -> None:
        """Begin to turn records into rows; returns at once."""
        ...

    def collect(self, seconds: float) -> Sequence[Handled]:
        """What is done, in any order, each record once; waits for something, but not longer than this.

        Raises: ProjectError when the handler cannot be loaded: what was submitted is forgotten, no record is to blame.
        """
        ...

    def forget(self) -> None:
        """Drop what was submitted and not collected; what comes of it later is never given out."""
        ...

    def close(self) -> None:
        """Stop; what is under way is forgotten."""
        ...
