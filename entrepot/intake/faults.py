"""What a reader knows to be wrong with the rows of a batch."""

from __future__ import annotations

import pyarrow as pa

from entrepot.ports.relations import FAULT_TYPE


class Faults:
    """Faults by the row's place in the batch."""

    def __init__(self) -> None:
        self._found: dict[int, list[dict[str, str | None]]] = {}

    def add(self, place: int, column: str | None, *, at: str, reason: str, text: str | None) -> None:
        """Remember one; `column` None: of the whole row."""
        self._found.setdefault(place, []).append({"column": column, "at": at, "reason": reason, "text": text})

    def array(self, rows: int) -> pa.Array:
        """The column of faults of a batch with so many rows."""
        if not self._found:
            return pa.nulls(rows, FAULT_TYPE)
        return pa.array([self._found.get(place) for place in range(rows)], FAULT_TYPE)
