"""Counting what stands in columns, to draft a contract from data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from entrepot.contracts.infer.profile import TableProfile
from entrepot.ports.relations import Part, QueryScan


class Profiler(Protocol):
    """Called once for a file or a table, by the command that drafts a contract."""

    def profile(self, rows: Sequence[Part] | QueryScan, *, most_rows: int | None = None) -> TableProfile:
        """Count the forms, lengths, distinct values and ranges of every column.

        Args: most_rows: look at no more than the first so many.
        Raises: DataError when the parts cannot be read or differ in their columns.
        """
        ...
