"""Which key of a record goes to which column: keys may differ from record to record, the columns of a stream may not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from entrepot.contracts.model import Column

_FILLERS = re.compile(r"[\s_\-]+")
_MOST_HELD = 200_000
"""Keys of layouts that are remembered: records may all be different."""


@dataclass(frozen=True, slots=True)
class Layout:
    """For each column the key that brings it (None: none does), and columns that two keys claim alike."""

    keys: tuple[str | None, ...]
    ambiguous: tuple[str, ...] = ()


class Names:
    """The columns of a stream: those of the contract, then other keys in the order in which they were seen.

    A contract's column takes, as in a file with a header, the key of its own name before its other names in their order, before what differs
    from them in case, blanks, `_` and `-` only; but here record by record.
    """

    def __init__(self, columns: Sequence[Column], others: Iterable[str]) -> None:
        self._exact: dict[str, tuple[int, int]] = {}
        self._plain: dict[str, tuple[int, int]] = {}
        for slot, column in enumerate(columns):
            names = (column.name, *column.headers)
            for rank, name in enumerate(names):
                self._exact.setdefault(name, (rank, slot))
                self._plain.setdefault(_plain(name), (len(names), slot))
        own = [column.name for column in columns]
        beside = [key for key in dict.fromkeys(others) if not self.knows(key)]
        self.columns: tuple[str, ...] = (*own, *beside)
        self._beside = {key: (0, len(own) + place) for place, key in enumerate(beside)}
        self._layouts: dict[tuple[str, ...], Layout] = {}
        self._held = 0

    def knows(self, key: str) -> bool:
        """True when the key belongs to a column of the contract."""
        return key in self._exact or _plain(key) in self._plain

    def layout(self, keys: tuple[str, ...]) -> Layout:
        """How a record with these keys is laid into the columns."""
        found = self._layouts.get(keys)
        if found is None:
            self._held += len(keys) + 1
            if self._held > _MOST_HELD:
                self._layouts.clear()
                self._held = len(keys)
            found = self._layouts[keys] = self._lay(keys)
        return found

    def _lay(self, keys: tuple[str, ...]) -> Layout:
        best: dict[int, tuple[int, list[str]]] = {}
        for key in keys:
            claim = self._exact.get(key) or self._plain.get(_plain(key)) or self._beside.get(key)
            if claim is None:
                continue
            rank, slot = claim
            if slot not in best or rank < best[slot][0]:
                best[slot] = (rank, [key])
            elif rank == best[slot][0]:
                best[slot][1].append(key)
        chosen = tuple(best[slot][1][0] if slot in best else None for slot in range(len(self.columns)))
        return Layout(chosen, tuple(self.columns[slot] for slot, (_, claimants) in best.items() if len(claimants) > 1))


def _plain(name: str) -> str:
    return _FILLERS.sub("", name).casefold()
