"""Collects, while a query is rewritten, what its reader must know of the lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from sqlglot import exp

from entrepot.kernel.names import Dataset
from entrepot.sql.explain.inputs import Remark
from entrepot.sql.explain.prepare import view_of
from entrepot.sql.query import Query, find_offset

Noted = dict[Dataset, dict[Remark, None]]


class Remarks:
    """Each remark once, in the order in which it was met."""

    def __init__(
        self, query: Query, views: Mapping[Dataset, Query], line_of: Callable[[int], int | None] | None
    ) -> None:
        self._texts = {str(name): view.text for name, view in views.items()}
        self._text = query.text
        self._line_of = line_of
        self._longer: Noted = {}
        self._absent: Noted = {}
        self._unlisted: dict[Remark, None] = {}

    def longer_by(self, tables: Iterable[Dataset], text: str, node: exp.Expr) -> None:
        """The lists of these tables hold more than the row needs."""
        self._note(self._longer, tables, text, node)

    def absent(self, tables: Iterable[Dataset], text: str, node: exp.Expr) -> None:
        """The row depends on there being no such row in these tables."""
        self._note(self._absent, tables, text, node)

    def wins(self, tables: Iterable[Dataset], what: str, node: exp.Expr) -> None:
        """Of several rows the query keeps some; those it left out are not listed."""
        self._note(self._absent, tables, f"{what}: rows that lost against this one are not listed", node)

    def leaves_out(self, text: str, node: exp.Expr) -> None:
        """Rows of a window are not collected."""
        self._unlisted[self.at(text, node)] = None

    def at(self, text: str, node: exp.Expr | None) -> Remark:
        """The remark with its line."""
        if node is None:
            return Remark(text)
        view, offset = view_of(node), find_offset(node)
        if offset is None:
            return Remark(text, None, view)
        if view is not None:
            return Remark(text, self._texts[view].count("\n", 0, offset) + 1, view)
        line = self._line_of(offset) if self._line_of else self._text.count("\n", 0, offset) + 1
        return Remark(text, line)

    def longer(self) -> dict[Dataset, tuple[Remark, ...]]:
        """By table."""
        return {dataset: tuple(found) for dataset, found in self._longer.items()}

    def absences(self) -> dict[Dataset, tuple[Remark, ...]]:
        """By table."""
        return {dataset: tuple(found) for dataset, found in self._absent.items()}

    def unlisted(self) -> tuple[Remark, ...]:
        """Windows that were left out."""
        return tuple(self._unlisted)

    def _note(self, into: Noted, tables: Iterable[Dataset], text: str, node: exp.Expr) -> None:
        remark = self.at(text, node)
        for dataset in tables:
            into.setdefault(dataset, {})[remark] = None
