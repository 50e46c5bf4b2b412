"""Moving messages on: read, hand in, remove. A crash in between reads them again, and the outbox knows them by their ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from entrepot.kernel.errors import DataError
from entrepot.kernel.points import reached
from entrepot.ports.outbox import Draft, Enqueueing, Outbox

AT_ONCE = 200
COLUMNS = "seq, id, integration, reference, key, type, content_type, body"


@dataclass(frozen=True, slots=True)
class Waiting:
    """One row of the table."""

    seq: int
    draft: Draft


class Table(Protocol):
    """A table in an application's database, as `entrepot.client.Outbox` makes it. Called from one thread."""

    def read(self, after: int, limit: int) -> Sequence[Waiting]:
        """Rows with seq > after, oldest first. Raises: SystemError_ when the database cannot be reached; DataError without the table."""
        ...

    def remove(self, rows: Sequence[Waiting]) -> None:
        """Delete them. Repeatable."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


@dataclass(frozen=True, slots=True)
class Moved:
    """What one turn did."""

    messages: int
    stuck: int = 0
    """Messages for integrations that are not in `publish/`: they stay in the table."""
    conflicts: int = 0
    """Known references with another content: kept in the outbox as dead messages."""


class Relay:
    """Moves what waits in one table."""

    def __init__(self, name: str, table: Table, outbox: Outbox, integrations: frozenset[str]) -> None:
        self.name = name
        self._table = table
        self._outbox = outbox
        self._integrations = integrations

    def turn(self) -> Moved:
        """Move everything that waits now, in the order of the table.

        Raises: SystemError_ when the database cannot be reached: nothing is lost, call again later. DataError without the table,
        or when an id comes again with another content.
        """
        moved = stuck = conflicts = after = 0
        while rows := self._table.read(after, AT_ONCE):
            after = rows[-1].seq
            known = [row for row in rows if row.draft.integration in self._integrations]
            stuck += len(rows) - len(known)
            conflicts += self._hand_in(known)
            reached("relay.handed_in")
            self._table.remove(known)
            moved += len(known)
        return Moved(moved, stuck, conflicts)

    def close(self) -> None:
        """Close the connection."""
        self._table.close()

    def _hand_in(self, rows: Sequence[Waiting]) -> int:
        answers = self._outbox.enqueue([row.draft for row in rows], who=f"relay {self.name}")
        for answer in answers:
            if answer.outcome is Enqueueing.CONFLICT and answer.id == answer.first:
                # nothing of it is kept anywhere else, so it must stay where it is
                raise DataError(
                    f"relay {self.name}: message {answer.id} is known with another content.",
                    hint="Its id was given twice, or its row was changed: correct the row in the application's table.",
                )
        return sum(answer.outcome is Enqueueing.CONFLICT for answer in answers)
