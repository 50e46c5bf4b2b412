"""Queries inside expressions: EXISTS, IN, a single value. What they read is collected by the same query, carrying, beside them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sqlglot import exp

from entrepot.kernel.names import Dataset
from entrepot.sql.explain.inputs import carried_name
from entrepot.sql.explain.reach import Scope, reach
from entrepot.sql.explain.shapes import must_be_false, query_of
from entrepot.sql.query import DIALECT

if TYPE_CHECKING:
    from entrepot.sql.explain.rewrite import QueryWriter

Terms = dict[Dataset, list[str]]


class SubqueryWriter:
    """Collects terms by table: those that belong to each row of the FROM, and those of a whole group."""

    def __init__(self, writer: QueryWriter, scope: Scope) -> None:
        self._writer = writer
        self._scope = scope
        self._rows: Terms = {}
        self._groups: Terms = {}

    def read_rows(self, nodes: Iterable[exp.Expr]) -> None:
        """Queries that are computed for each row."""
        for node in nodes:
            self._read(node, self._rows, may_compare=True)

    def read_groups(self, nodes: Iterable[exp.Expr]) -> None:
        """Queries that are computed for each group: what they are compared with may be an aggregate."""
        for node in nodes:
            self._read(node, self._groups, may_compare=False)

    def of_rows(self, table: Dataset) -> list[str]:
        """What `read_rows` found of a table."""
        return self._rows.get(table, [])

    def of_groups(self, table: Dataset) -> list[str]:
        """What `read_groups` found of a table."""
        return self._groups.get(table, [])

    def _read(self, node: exp.Expr, into: Terms, *, may_compare: bool) -> None:
        query = query_of(node)
        tables = reach(query, self._scope)
        if not tables:
            return
        if isinstance(node, exp.Exists | exp.In) and must_be_false(node):
            what = "NOT EXISTS" if isinstance(node, exp.Exists) else "NOT IN"
            self._writer.remarks.absent(tables, f"{what}: the row has no match among these", node)
            return
        self._remark(node, tables)
        for table, text in self._collect(node, query, tables, may_compare=may_compare).items():
            into.setdefault(table, []).append(text)

    def _collect(
        self, node: exp.Expr, query: exp.Expr, tables: tuple[Dataset, ...], *, may_compare: bool
    ) -> dict[Dataset, str]:
        carrier = self._writer.carrier
        inner = query.this if isinstance(query, exp.Subquery) and query.args.get("limit") is None else query
        text = self._writer.write(inner, self._scope, tables)
        head, where = self._compared(node, inner, tables) if may_compare and isinstance(node, exp.In) else ("_s", "")
        found = {}
        for table in tables:
            given = self._writer.inputs[table]
            collected = carrier.collected(given, f"_s.{carried_name(table)}", None, str)
            found[table] = f"coalesce((SELECT {collected} FROM ({text}) AS {head}{where}), {carrier.empty(given)})"
        return found

    def _compared(self, node: exp.In, query: exp.Expr, tables: tuple[Dataset, ...]) -> tuple[str, str]:
        """The rows of `x IN (query)` that are equal to x; the columns get names that can mean nothing else."""
        width = len(node.this.expressions) if isinstance(node.this, exp.Tuple) else 1
        if query.is_star if isinstance(query, exp.Query) else True:
            return "_s", ""
        names = [f"_c{index}" for index in range(width)]
        left = ", ".join(f"_s.{name}" for name in names)
        right = node.this.sql(DIALECT)
        equal = f"({left}) = {right}" if isinstance(node.this, exp.Tuple) else f"{left} = ({right})"
        return f"_s({', '.join([*names, *map(carried_name, tables)])})", f" WHERE {equal}"

    def _remark(self, node: exp.Expr, tables: tuple[Dataset, ...]) -> None:
        remarks = self._writer.remarks
        match node:
            case exp.Exists():
                remarks.longer_by(tables, "EXISTS: every row that matches is listed", node)
            case exp.In():
                remarks.longer_by(tables, "IN: every row that matches is listed", node)
            case exp.Any() | exp.All():
                remarks.longer_by(tables, "ANY, ALL: every row that is compared with is listed", node)
            case _:
                remarks.longer_by(tables, "a value computed from other rows: all of them are listed", node)
