"""What one SELECT becomes: its own text, with the carried columns after its projections."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from entrepot.kernel.names import Dataset
from entrepot.sql.explain.inputs import carried_name
from entrepot.sql.explain.reach import Scope
from entrepot.sql.explain.shapes import (
    ADDING,
    best_of,
    called,
    clauses,
    deciding,
    function_name,
    groups,
    is_aggregate,
    own_nodes,
    queries_in,
)
from entrepot.sql.explain.sources import SourceWriter, row_of, row_terms
from entrepot.sql.explain.subqueries import SubqueryWriter
from entrepot.sql.explain.windows import window_terms
from entrepot.sql.query import DIALECT

if TYPE_CHECKING:
    from entrepot.sql.explain.rewrite import QueryWriter


class SelectWriter:
    """Looks at the SELECT as it stands, writes into a copy of it."""

    def __init__(self, writer: QueryWriter, select: exp.Select, scope: Scope) -> None:
        self._writer = writer
        self._select = select
        self._scope = scope
        self._from = SourceWriter(writer, scope)
        self._subqueries = SubqueryWriter(writer, scope)
        self._groups = groups(select)

    def write(self, wanted: Sequence[Dataset], *, bare: bool = False) -> str:
        """The text. `bare`: without DISTINCT, ORDER BY and LIMIT, which the caller puts around it."""
        found = self._select.copy()
        for key in ("with_", *(("distinct", "order", "limit", "offset") if bare else ())):
            found.set(key, None)
        if found.args.get("limit") is not None or found.args.get("offset") is not None:
            self._writer.remarks.wins(wanted, "LIMIT", self._select)
        self._replace_sources(found)
        self._exclude(found)
        self._subqueries.read_rows(self._row_queries())
        if self._groups:
            self._subqueries.read_groups(self._group_queries())
            self._remark_aggregates()
        terms = {table: self._carried(table) for table in wanted}
        for table in wanted:
            text = terms[table] or self._writer.carrier.empty(self._writer.inputs[table])
            found.append("expressions", exp.Var(this=f"{text} AS {carried_name(table)}"))
        return found.sql(DIALECT)

    def _replace_sources(self, found: exp.Select) -> None:
        start = self._select.args.get("from_")
        if start is not None:
            found.set("from_", exp.From(this=exp.Var(this=self._from.write(start.this))))
        joins = [self._from.join(join) for join in self._select.args.get("joins") or ()]
        laterals = [exp.Var(this=lateral.sql(DIALECT)) for lateral in self._select.args.get("laterals") or ()]
        found.set("joins", joins)
        if laterals:
            found.set("laterals", laterals)

    def _exclude(self, found: exp.Select) -> None:
        """Take the carried columns out of every star."""
        for projection in found.expressions:
            qualified = isinstance(projection, exp.Column) and isinstance(projection.this, exp.Star)
            star = projection.this if qualified else projection
            if not isinstance(star, exp.Star):
                continue
            of = projection.table.lower() if qualified else None
            names = {
                carried_name(table): None
                for source in self._from.sources
                if of is None or source.alias.lower() == of
                for table in source.tables
            }
            if names:
                star.set("except_", [*(star.args.get("except_") or ()), *map(exp.column, names)])

    def _carried(self, table: Dataset) -> str | None:
        """What the SELECT's row carries of a table; None when nothing."""
        writer = self._writer
        given, carrier = writer.inputs[table], writer.carrier
        row, single = self._row(table)
        if not self._groups:
            terms = [row] if row else []
        elif row:
            terms = self._decided(table, row) or [carrier.collected(given, row, single, str)]
            single = None
        else:
            terms = []
        if terms:
            inner = carrier.joined(given, terms)
            terms += window_terms(writer, self._select, table, inner, single)
        terms += self._subqueries.of_groups(table)
        return carrier.joined(given, terms) if terms else None

    def _decided(self, table: Dataset, row: str) -> list[str]:
        """Where aggregates are decided by one row each (max, min): what these rows carry; one row keeps a group that has no value."""
        empty = self._writer.carrier.empty(self._writer.inputs[table])
        found: dict[str, None] = {}
        for node in deciding(self._select) or ():
            best = best_of(node)
            assert best is not None
            call: exp.Expr = exp.Var(this=f"{best[0]}({row}, {best[1].sql(DIALECT)})")
            if isinstance(node.parent, exp.Filter):
                call = exp.Filter(this=call, expression=node.parent.expression.copy())
            found[f"coalesce({call.sql(DIALECT)}, any_value({row}), {empty})"] = None
        return list(found)

    def _row(self, table: Dataset) -> tuple[str | None, str | None]:
        """What one row of the FROM carries of the table, with what its conditions looked at."""
        terms = list(row_terms(self._writer, self._from.sources, table))
        single = row_of(self._writer, self._from.sources, table)[1]
        decided = [
            f"coalesce(({text} WHERE {condition}), {self._writer.carrier.empty(self._writer.inputs[table])})"
            for tables, text, condition in self._from.decided
            if table in tables
        ]
        more = [*decided, *self._subqueries.of_rows(table)]
        terms += more
        if not terms:
            return None, None
        return self._writer.carrier.joined(self._writer.inputs[table], terms), None if more else single

    def _row_queries(self) -> Iterable[exp.Expr]:
        """Queries in expressions that are computed for each row of the FROM."""
        for join in self._select.args.get("joins") or ():
            if join.args.get("on") is not None:
                yield from queries_in(join.args["on"])
            if not isinstance(join.this, exp.Query | exp.Lateral):
                yield from queries_in(join.this)
        start = self._select.args.get("from_")
        if start is not None and not isinstance(start.this, exp.Query | exp.Lateral):
            yield from queries_in(start.this)
        for clause in clauses(self._select):
            for node in queries_in(clause):
                if not self._groups or isinstance(clause, exp.Where | exp.Group) or _is_inside_aggregate(node):
                    yield node

    def _group_queries(self) -> Iterable[exp.Expr]:
        for clause in clauses(self._select):
            for node in queries_in(clause):
                if not isinstance(clause, exp.Where | exp.Group) and not _is_inside_aggregate(node):
                    yield node

    def _remark_aggregates(self) -> None:
        tables = {table for source in self._from.sources for table in source.tables}
        if deciding(self._select) is not None:
            return
        # what HAVING and ORDER BY aggregate alone does not make a row need more
        nodes = [
            node for projection in self._select.expressions for node in own_nodes(projection) if is_aggregate(node)
        ]
        reasons = [(node, _why_longer(node)) for node in nodes]
        outer = any(join.side for join in self._select.args.get("joins") or ())
        if any(why is None for _, why in reasons) and not outer:
            return  # a plain sum or count needs every row of the group, whatever the others do
        for node, why in reasons:
            if why is not None:
                self._writer.remarks.longer_by(tables, f"{why}: every row of the group is listed", node)
        if not nodes:
            self._writer.remarks.longer_by(
                tables, "groups without an aggregate: every row of the group is listed", self._select
            )


def _is_inside_aggregate(node: exp.Expr) -> bool:
    outer = node.parent
    while outer is not None and not isinstance(outer, exp.Select):
        if is_aggregate(outer) or isinstance(outer, exp.Filter):
            return True
        outer = outer.parent
    return False


def _why_longer(node: exp.Expr) -> str | None:
    """Why not every row of a group has a part in an aggregate; None when every row has."""
    name = function_name(called(node))
    if any(isinstance(part, exp.Distinct) for part in node.iter_expressions()):
        return f"{name}(DISTINCT …)"
    if name not in ADDING:
        return f"{name}()"
    if isinstance(node.parent, exp.Filter):
        return f"{name}() FILTER"
    if node.find(exp.Case, exp.If, exp.Query) is not None:
        return f"{name}() of CASE or of a query"
    return None
