"""What is handed on beside each row: lists of identities, their number, or whether a wanted one is among them.

The three are one calculation with other operations: what one row of a base table is, how two sides of a join are put together, how a
group or a window is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from entrepot.sql.explain.inputs import Input, carried_name
from entrepot.sql.expressions import quote_name

Over = Callable[[str], str]
"""Turns an aggregate's call into that over a window; for a group it stays as it is."""


class Carrier(Protocol):
    """All methods give SQL."""

    def relation(self, given: Input) -> str:
        """The base table with its carried column."""
        ...

    def empty(self, given: Input) -> str:
        """No row of that table."""
        ...

    def single(self, given: Input, column: str) -> str:
        """One row of the table, whose carried column is null on the missing side of an outer join."""
        ...

    def joined(self, given: Input, terms: Sequence[str]) -> str:
        """Several together; never none."""
        ...

    def collected(self, given: Input, row: str, single: str | None, over: Over) -> str:
        """All rows of a group or window. `single` is the carried column where `row` is but that."""
        ...

    def lists_window(self, *, is_partitioned: bool) -> bool:
        """False where the rows of such a window are not to be collected."""
        ...


@dataclass(frozen=True, slots=True)
class IdLists:
    """Lists of identities: all of them, or of each group and each window at most so many."""

    most: int | None = None
    """None: all. With 1, every list holds one element at most, whatever the SELECT does."""
    unpartitioned: bool = True
    """False: rows of windows without PARTITION BY are left out, as there is a list of all before for each."""
    partitioned: bool = True
    """False: the same for all other windows."""

    def relation(self, given: Input) -> str:
        """As `Carrier.relation`."""
        return f"(SELECT *, {given.element('_b')} AS {carried_name(given.dataset)} FROM {given.relation} AS _b)"

    def empty(self, given: Input) -> str:
        """As `Carrier.empty`."""
        return f"CAST([] AS {given.element_type}[])"

    def single(self, given: Input, column: str) -> str:
        """As `Carrier.single`."""
        return f"CASE WHEN {column} IS NULL THEN {self.empty(given)} ELSE [{column}] END"

    def joined(self, given: Input, terms: Sequence[str]) -> str:
        """As `Carrier.joined`."""
        text = terms[0]
        for term in terms[1:]:
            text = f"list_concat({text}, {term})"
        return text if self.most is None or len(terms) == 1 else f"list_slice({text}, 1, {self.most})"

    def collected(self, given: Input, row: str, single: str | None, over: Over) -> str:
        """As `Carrier.collected`. With a bound the smallest ids, of which the engine keeps no more than these."""
        if self.most == 1:
            first = single or f"list_first({row})"
            return f"list_filter([{over(f'min({first})')}], lambda _e: _e IS NOT NULL)"
        if single is not None and self.most is not None:
            return f"coalesce({over(f'min({single}, {self.most})')}, {self.empty(given)})"
        if single is not None:
            return f"coalesce(list_filter({over(f'list({single})')}, lambda _e: _e IS NOT NULL), {self.empty(given)})"
        flat = f"coalesce(flatten({over(f'list({row})')}), {self.empty(given)})"
        return flat if self.most is None else f"list_slice({flat}, 1, {self.most})"

    def lists_window(self, *, is_partitioned: bool) -> bool:
        """As `Carrier.lists_window`."""
        return self.partitioned if is_partitioned else self.unpartitioned


@dataclass(frozen=True, slots=True)
class Counts:
    """How often rows of the table stand in it: a row that is used twice counts twice."""

    def relation(self, given: Input) -> str:
        """As `Carrier.relation`."""
        return f"(SELECT *, 1::DOUBLE AS {carried_name(given.dataset)} FROM {given.relation} AS _b)"

    def empty(self, given: Input) -> str:
        """As `Carrier.empty`."""
        return "0::DOUBLE"

    def single(self, given: Input, column: str) -> str:
        """As `Carrier.single`."""
        return f"coalesce({column}, 0::DOUBLE)"

    def joined(self, given: Input, terms: Sequence[str]) -> str:
        """As `Carrier.joined`."""
        return f"({' + '.join(terms)})"

    def collected(self, given: Input, row: str, single: str | None, over: Over) -> str:
        """As `Carrier.collected`."""
        return f"coalesce({over(f'sum({row})')}, 0::DOUBLE)"

    def lists_window(self, *, is_partitioned: bool) -> bool:
        """As `Carrier.lists_window`."""
        return True


@dataclass(frozen=True, slots=True)
class Marks:
    """Whether one of the looked-for rows is in it: needs no more memory than the SELECT itself."""

    def relation(self, given: Input) -> str:
        """As `Carrier.relation`. The looked-for identities must be distinct."""
        name = carried_name(given.dataset)
        if given.hits is None:
            return f"(SELECT *, false AS {name} FROM {given.relation} AS _b)"
        same = " AND ".join(
            f"_b.{quote_name(column)} IS NOT DISTINCT FROM _h.{quote_name(column)}" for column, _ in given.identity
        )
        return (
            f"(SELECT _b.*, _h._hit IS NOT NULL AS {name} FROM {given.relation} AS _b "
            f"LEFT JOIN (SELECT *, true AS _hit FROM {given.hits}) AS _h ON {same})"
        )

    def empty(self, given: Input) -> str:
        """As `Carrier.empty`."""
        return "false"

    def single(self, given: Input, column: str) -> str:
        """As `Carrier.single`."""
        return f"coalesce({column}, false)"

    def joined(self, given: Input, terms: Sequence[str]) -> str:
        """As `Carrier.joined`."""
        return f"({' OR '.join(terms)})"

    def collected(self, given: Input, row: str, single: str | None, over: Over) -> str:
        """As `Carrier.collected`."""
        return f"coalesce({over(f'bool_or({row})')}, false)"

    def lists_window(self, *, is_partitioned: bool) -> bool:
        """As `Carrier.lists_window`."""
        return True
