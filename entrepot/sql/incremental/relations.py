"""What a derivation gives: a SELECT of the touched keys, and the versions of tables that it reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from entrepot.kernel.names import Dataset


class Side(StrEnum):
    """One of four relations that a changed table gives; all have the same columns in the same order.

    Rows are compared by content, as multisets: a correction is one row removed and one added, also when it keeps its record id.
    """

    NEW = "new"
    """The table at its present version."""
    OLD = "old"
    """The table at the version of the last build."""
    ADDED = "added"
    """Rows of NEW that are not in OLD."""
    REMOVED = "removed"
    """Rows of OLD that are not in NEW."""


@dataclass(frozen=True, slots=True, order=True)
class Relation:
    """A table as one side sees it. `str()` gives `new.silver.sales`; in the SQL it is written `"new"."silver.sales"`."""

    dataset: Dataset
    side: Side

    def __str__(self) -> str:
        return f"{self.side}.{self.dataset}"


@dataclass(frozen=True, slots=True)
class Touched:
    """The keys of which rows may be others than at the last build."""

    sql: str
    """A SELECT DISTINCT of the key columns, named as the keys are. A key may be NULL. May hold too many keys, never too few."""
    relations: Mapping[str, Relation]
    """What the SQL reads: `str(relation)` to relation. Each is a view `"<dataset>"` in a schema named as its side."""
    everything: bool
    """True when every key is touched as soon as anything is: a full refresh costs less and is as right."""
    reason: str | None = None
    """With `everything`: why, in words for people."""
