"""The balance of a dataset at a closed point: received = live + rejected + duplicate + superseded (+ voided: nothing)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from entrepot.kernel.positions import RejectSet
from entrepot.ports.state import Plan, PlanStatus


@dataclass(frozen=True, slots=True)
class Balance:
    """Figures of all settled batches of one dataset against the rows that its table holds."""

    dataset: str
    received: int
    """Records that came from sources; a retry brings none."""
    live: int
    rejected: int
    """Rejects that were not taken again."""
    duplicate: int
    superseded: int

    @property
    def closes(self) -> bool:
        """True when no record is missing and none is there twice."""
        return self.received == self.live + self.rejected + self.duplicate + self.superseded

    def __str__(self) -> str:
        return (
            f"{self.dataset}: received {self.received:,} = live {self.live:,} + rejected {self.rejected:,} "
            f"+ duplicate {self.duplicate:,} + superseded {self.superseded:,}"
        )


def balance(dataset: str, plans: Sequence[Plan], live: int) -> Balance:
    """Add up a dataset's plans; `live` is the number of rows counted in its table."""
    received = rejected = duplicate = superseded = 0
    for plan in plans:
        if plan.status is not PlanStatus.SETTLED or plan.counts is None:
            continue
        superseded += plan.superseded_rows
        rejected += plan.counts.rejected
        duplicate += plan.counts.duplicate
        if isinstance(plan.draft.position, RejectSet):
            rejected -= plan.counts.received
        else:
            received += plan.counts.received
    return Balance(dataset, received, live, rejected, duplicate, superseded)
