"""What a target does: commit rows and position together, and say afterwards what it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from entrepot.ports.engine import Staged


@dataclass(frozen=True, slots=True)
class Append:
    """Add rows."""


@dataclass(frozen=True, slots=True)
class Replace:
    """Remove the rows that match `where` (SQL over the table's columns; None: all rows), add the new ones, in one commit."""

    where: str | None
    redefines: bool = False
    """All rows go, and with them columns, or their types: the target has those of the writer's schema from then on."""


@dataclass(frozen=True, slots=True)
class Merge:
    """Update rows by key, add those that are new."""

    key: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReplaceKeys:
    """Remove the rows whose key stands in the batch's `keys` (null equals null), add the new ones, in one commit."""

    key: tuple[str, ...]


WriteMode = Append | Replace | Merge | ReplaceKeys


@dataclass(frozen=True, slots=True)
class Batch:
    """One planned batch, ready to be committed."""

    flow: str
    sequence: int
    rows: Staged
    mode: WriteMode
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """The plan, as JSON: kept with the commit so that the state can be rebuilt from the target."""
    keys: Staged | None = None
    """With `ReplaceKeys`: the keys whose rows go."""


@dataclass(frozen=True, slots=True)
class Committed:
    """What a commit left: the target's version, rows added and removed by it."""

    version: int
    added: int
    removed: int = 0
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """The `Batch.metadata` that the commit carried."""


class Writer(Protocol):
    """One target of a flow. Called by one thread at a time, under the flow's lease."""

    name: str

    def prepare(self) -> None:
        """Create the target if it is not there; repair what a crash left; fit the schema to the contract.

        Raises: DamageError when the target's history contradicts what is known to be durable.
        """
        ...

    def last_sequence(self, flow: str) -> int:
        """The highest sequence of this flow that the target holds; 0 when none."""
        ...

    def find_commit(self, flow: str, sequence: int) -> Committed | None:
        """What the commit of that sequence did, from the target's own history; None when it cannot be found."""
        ...

    def commit(self, batch: Batch) -> Committed:
        """Write rows and (flow, sequence) in one durable commit; do nothing when the target has it already.

        Raises: ConflictError when somebody else's commit came between; ask again, then do it again.
        """
        ...

    def version(self) -> int:
        """The newest version; -1 when the target does not exist."""
        ...

    def identity(self) -> str:
        """What the target was created with: differs when somebody deleted it and made it anew."""
        ...
