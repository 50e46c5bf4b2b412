"""The rewriting itself: queries, their WITH, set operations, DISTINCT. `selects` has what one SELECT becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from entrepot.kernel.names import Dataset
from entrepot.sql.explain.carriers import Carrier
from entrepot.sql.explain.inputs import Input, NotExplainable, Remark, carried_name
from entrepot.sql.explain.prepare import prepare
from entrepot.sql.explain.reach import Scope, reach
from entrepot.sql.explain.remarks import Remarks
from entrepot.sql.explain.selects import SelectWriter
from entrepot.sql.query import DIALECT, Query


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A SELECT that gives the same rows, each with what it is made of."""

    sql: str
    """Its last columns are `carried_name` of each of `tables`."""
    tables: tuple[Dataset, ...]
    longer: Mapping[Dataset, tuple[Remark, ...]]
    """Why a table's list may hold rows that the result does not need; a table that is missing here has exact lists."""
    absences: Mapping[Dataset, tuple[Remark, ...]]
    """Where the row also depends on rows of the table that are not there: no list can hold these."""
    unlisted: tuple[Remark, ...]
    """Windows whose rows were left out, as the carrier wished."""


def rewrite(
    query: Query,
    inputs: Mapping[Dataset, Input],
    carrier: Carrier,
    views: Mapping[Dataset, Query] | None = None,
    line_of: Callable[[int], int | None] | None = None,
) -> Rewritten:
    """Rewrite a SELECT so that each row carries what it is made of.

    Args:
        inputs: the base tables that it reads, looking through views.
        views: those that it reads, directly or below another.
        line_of: the line in the model's file of a character of the text.

    Raises: NotExplainable naming what stands in the way, and its line.
    """
    remarks = Remarks(query, views or {}, line_of)
    try:
        tree = prepare(query, views or {}, inputs)
        writer = QueryWriter(inputs, carrier, remarks)
        tables = reach(tree, Scope())
        sql = writer.write(tree, Scope(), tables)
    except NotExplainable as error:
        raise NotExplainable(f"{remarks.at(error.message, error.node)} cannot be followed to records.") from error
    return Rewritten(sql, tables, remarks.longer(), remarks.absences(), remarks.unlisted())


class QueryWriter:
    """Writes queries of every shape. `wanted` are the tables whose columns must come out, in this order."""

    def __init__(self, inputs: Mapping[Dataset, Input], carrier: Carrier, remarks: Remarks) -> None:
        self.inputs = inputs
        self.carrier = carrier
        self.remarks = remarks

    def write(self, query: exp.Expr, scope: Scope, wanted: Sequence[Dataset]) -> str:
        """The text of a query with its carried columns. Raises: NotExplainable."""
        head, inner = self._write_with(query, scope)
        match query:
            case exp.Select():
                body = self._write_select(query, inner, wanted)
            case exp.SetOperation():
                body = self._write_set(query, inner, wanted)
            case exp.Subquery() if isinstance(query.this, exp.Query):
                body = f"SELECT * FROM ({self.write(query.this, inner, wanted)}){self._tail(query)}"
            case exp.Values():
                body = f"SELECT *{self.columns(wanted, {})} FROM ({query.sql(DIALECT)})"
            case _:
                raise NotExplainable(f"{type(query).__name__.upper()}", node=query)
        return head + body

    def columns(self, wanted: Sequence[Dataset], terms: Mapping[Dataset, str]) -> str:
        """`, expression AS name` for each wanted table; empty where there is no term."""
        texts = (f", {terms.get(t) or self.carrier.empty(self.inputs[t])} AS {carried_name(t)}" for t in wanted)
        return "".join(texts)

    def merged(self, body: str, wanted: Sequence[Dataset], more: str = "") -> str:
        """Equal rows of a query become one, which carries what all of them carry."""
        if not wanted:
            return f"SELECT DISTINCT * FROM ({body})"
        carrier = self.carrier
        names = ", ".join([*map(carried_name, wanted), *([more] if more else [])])
        terms = {t: carrier.collected(self.inputs[t], carried_name(t), None, str) for t in wanted}
        return f"SELECT * EXCLUDE ({names}){self.columns(wanted, terms)} FROM ({body}) GROUP BY ALL"

    def _write_with(self, query: exp.Expr, scope: Scope) -> tuple[str, Scope]:
        """The WITH, each of its queries plain (for expressions) and carrying (for FROM)."""
        given = query.args.get("with_")
        if given is None:
            return "", scope
        texts = []
        for cte in given.expressions:
            tables = scope.reach_cte(cte, is_recursive=bool(given.args.get("recursive")))
            inner = scope.with_cte(cte, tables)
            recursive = bool(given.args.get("recursive")) and _reads(cte.this, cte.alias)
            self._check_recursion(cte, recursive)
            body = self.write(cte.this, inner if recursive else scope, tables)
            hint = {True: " MATERIALIZED", False: " NOT MATERIALIZED"}.get(cte.args.get("materialized"), "")
            plain = [f'"{column.name}"' for column in cte.args["alias"].columns]
            both = [*plain, *map(carried_name, tables)] if plain else []
            texts.append(f"{_cte_head(cte.alias, plain)} AS{hint} ({cte.this.sql(DIALECT)})")
            texts.append(f"{_cte_head(cte.alias + '+', both)} AS{hint} ({body})")
            scope = inner
            if recursive:
                self.remarks.longer_by(tables, "recursion: every row on the way is listed", cte)
        return f"WITH {'RECURSIVE ' if given.args.get('recursive') else ''}{', '.join(texts)} ", scope

    def _check_recursion(self, cte: exp.CTE, recursive: bool) -> None:
        if recursive and not (isinstance(cte.this, exp.Union) and cte.this.args.get("distinct") is False):
            raise NotExplainable("recursion without UNION ALL", node=cte)
        if recursive and cte.args.get("key_expressions"):
            raise NotExplainable("recursion with USING KEY", node=cte)

    def _write_select(self, select: exp.Select, scope: Scope, wanted: Sequence[Dataset]) -> str:
        distinct = select.args.get("distinct")
        if distinct is None or distinct.args.get("on") is not None:
            if distinct is not None:
                self.remarks.wins(reach(select, scope), "DISTINCT ON", select)
            return SelectWriter(self, select, scope).write(wanted)
        self.remarks.longer_by(reach(select, scope), "DISTINCT: every row that gives the value is listed", select)
        return self.merged(SelectWriter(self, select, scope).write(wanted, bare=True), wanted) + self._tail(select)

    def _write_set(self, query: exp.SetOperation, scope: Scope, wanted: Sequence[Dataset]) -> str:
        left, right = (self.write(side, scope, wanted) for side in (query.this, query.expression))
        by_name = " BY NAME" if query.args.get("by_name") else ""
        if isinstance(query, exp.Union):
            body = f"({left}) UNION ALL{by_name} ({right})"
            if query.args.get("distinct") is not False:
                self.remarks.longer_by(reach(query, scope), "UNION: every row that gives the value is listed", query)
                body = self.merged(body, wanted)
            elif by_name and wanted:  # what only the right side has would come after the carried columns
                names = ", ".join(map(carried_name, wanted))
                body = f"SELECT * EXCLUDE ({names}), {names} FROM ({body})"
            elif self._tail(query):
                body = f"SELECT * FROM ({body})"
            return body + self._tail(query)
        name = type(query).__name__.upper()
        sides = f"SELECT *, 1 AS _side FROM ({left}) UNION ALL{by_name} SELECT *, 2 AS _side FROM ({right})"
        second = "bool_or(_side = 2)"
        if isinstance(query, exp.Except):
            second = f"NOT {second}"
            self.remarks.absent(reach(query.expression, scope), "EXCEPT: the row is not among these", query)
        self.remarks.longer_by(reach(query, scope), f"{name}: every row that gives the value is listed", query)
        grouped = (
            self.merged(sides, wanted, "_side") if wanted else f"SELECT * EXCLUDE (_side) FROM ({sides}) GROUP BY ALL"
        )
        return f"{grouped} HAVING bool_or(_side = 1) AND {second}{self._tail(query)}"

    def _tail(self, query: exp.Expr) -> str:
        """ORDER BY and LIMIT, moved outside a query; names of tables in front of columns are gone there."""
        if query.args.get("limit") is None and query.args.get("offset") is None:
            return ""
        self.remarks.wins((), "LIMIT", query)
        texts = []
        for key in ("order", "limit", "offset"):
            if query.args.get(key) is not None:
                part = query.args[key].copy()
                for column in part.find_all(exp.Column):
                    column.set("table", None)
                texts.append(part.sql(DIALECT))
        return " " + " ".join(texts)


def _cte_head(name: str, columns: Sequence[str]) -> str:
    quoted = '"' + name.replace('"', '""') + '"'
    return f"{quoted}({', '.join(columns)})" if columns else quoted


def _reads(tree: exp.Expr, name: str) -> bool:
    return any(not table.db and table.name.lower() == name.lower() for table in tree.find_all(exp.Table))
