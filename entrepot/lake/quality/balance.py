"""The balance of a dataset at a closed point: received = live + rejected + duplicate + superseded (+ voided: nothing)."""

from __future__ import annotations

from dataclasses import dataclass

from entrepot.ports.state import Totals


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


def balance(dataset: str, totals: Totals, live: int) -> Balance:
    """Hold what came against what is there; `live` is the number of rows counted in the table."""
    return Balance(dataset, totals.received, live, totals.rejected, totals.duplicate, totals.superseded)
