"""What a source gives: ranges that can be read again, and their rows."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from entrepot.kernel.positions import Position
from entrepot.ports.relations import Part


class Reader(Protocol):
    """One source's side of a flow. It works without state and without a lake.

    The loop calls, in one thread and in this order: `find_next` → `claim` → (the plan is made durable) → `read`, perhaps
    several times, perhaps after a restart → `acknowledge`. After a crash it starts again at `read` with the planned position.
    """

    def find_next(self, previous: Position | None) -> Position | None:
        """Say what comes after `previous` (the last planned range), or None when there is nothing new.

        Raises: SystemError_ when the source cannot be reached: the run fails, the position stays.
        """
        ...

    def claim(self, position: Position) -> Position:
        """Make the range unchangeable for others and return it complete (files moved away and hashed).

        Must be repeatable: what a crashed claim left behind is found again by `find_next`.
        """
        ...

    def read(self, position: Position) -> list[Part]:
        """Open the rows of a claimed range: the same rows in the same order at every call.

        Raises: DataError when the range cannot be read as a whole; it counts as an attempt, and after a few the batch is split or blocked.
        """
        ...

    def acknowledge(self, position: Position) -> None:
        """Tell the source that the range is safe (move files, commit an offset). Repeatable; called again after a crash."""
        ...

    def refuse(self, position: Position, reason: str) -> None:
        """Tell the source that the range was given up (move files to `rejected/` with a receipt). Repeatable."""
        ...


@runtime_checkable
class ReplayingReader(Reader, Protocol):
    """A reader whose records may come again with other rows, which then stand in place of those they gave before."""

    def replaced(self, position: Position) -> tuple[str, ...]:
        """Origins (without `#` and number) of records in the range that gave rows in an earlier range."""
        ...


@runtime_checkable
class CheckedReader(Reader, Protocol):
    """A reader that can tell whether its source is still the one it was."""

    def check(self, settled: Position | None) -> None:
        """Called before anything new is planned, when the source was told of everything up to `settled`.

        Raises: DamageError when the source does not know of it: an older copy stands in its place.
        """
        ...
