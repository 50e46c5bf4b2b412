"""What stands in FROM and JOIN: each source is replaced by one that carries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from entrepot.kernel.names import Dataset
from entrepot.sql.explain.inputs import NotExplainable, carried_name
from entrepot.sql.explain.prepare import dataset_of
from entrepot.sql.explain.reach import Scope, reach
from entrepot.sql.expressions import quote_name
from entrepot.sql.query import DIALECT

if TYPE_CHECKING:
    from entrepot.sql.explain.rewrite import QueryWriter


@dataclass(frozen=True, slots=True)
class Source:
    """One name in FROM with the tables that it carries."""

    alias: str
    tables: tuple[Dataset, ...]
    is_base: bool = False

    def column(self, table: Dataset) -> str:
        """The carried column of one of its tables."""
        return f"{quote_name(self.alias)}.{carried_name(table)}"


class SourceWriter:
    """Writes the FROM of one SELECT; `sources` are filled on the way, and `tests` with the rows that only decide."""

    def __init__(self, writer: QueryWriter, scope: Scope) -> None:
        self._writer = writer
        self._scope = scope
        self.sources: list[Source] = []
        self.decided: list[tuple[tuple[Dataset, ...], str, str]] = []
        """SEMI JOIN: tables, the text of the source, the condition."""

    def write(self, node: exp.Expr) -> str:
        """One source. Raises: NotExplainable."""
        match node:
            case exp.Table() if dataset_of(node) is not None:
                return self._base(node)
            case exp.Table() if isinstance(node.this, exp.Identifier):
                return self._cte(node)
            case exp.Subquery() if isinstance(node.this, exp.Table | exp.Subquery) and not _is_query(node.this):
                return self._in_parentheses(node)
            case exp.Subquery():
                return self._derived(node, node)
            case exp.Lateral() if isinstance(node.this, exp.Subquery):
                return f"LATERAL {self._derived(node, node.this)}"
        return node.sql(DIALECT)

    def join(self, join: exp.Join) -> exp.Join:
        """A copy of a join with its source replaced."""
        found = join.copy()
        tables = reach(join.this, self._scope)
        if join.kind == "ANTI":
            self._writer.remarks.absent(tables, "ANTI JOIN: the row has no match among these", join)
            return found
        if join.kind == "SEMI":
            return self._semi(join, found, tables)
        if join.side and tables:
            self._writer.remarks.absent(tables, f"{join.side} JOIN: where a row has no match, that decides", join)
        found.set("this", exp.Var(this=self.write(join.this)))
        return found

    def _base(self, table: exp.Table) -> str:
        dataset = dataset_of(table)
        assert dataset is not None
        self.sources.append(Source(table.alias, (dataset,), is_base=True))
        return (
            f"{self._writer.carrier.relation(self._writer.inputs[dataset])} AS {_alias(table)}{self._joined_to(table)}"
        )

    def _cte(self, table: exp.Table) -> str:
        tables = self._scope.ctes.get(table.name.lower())
        if table.name.lower() not in self._scope.ctes:
            raise NotExplainable(f"the name {table.name}, which is not known here,", node=table)
        self.sources.append(Source(table.alias_or_name, tables or ()))
        return f"{quote_name(table.name + '+')} AS {_alias(table)}{self._joined_to(table)}"

    def _derived(self, node: exp.Expr, query: exp.Subquery) -> str:
        tables = reach(query, self._scope)
        alias = node.args.get("alias")
        name = alias.name if alias is not None and alias.this is not None else f"_s{len(self.sources)}"
        self.sources.append(Source(name, tables))
        text = self._writer.write(query if _has_tail(query) else query.this, self._scope, tables)
        return f"({text}) AS {_alias(node) or quote_name(name)}"

    def _in_parentheses(self, node: exp.Subquery) -> str:
        alias = node.args.get("alias")
        if alias is not None and alias.this is not None:
            raise NotExplainable("a join in parentheses that has a name of its own", node=node)
        return f"({self.write(node.this)}{self._joined_to(node)})"

    def _joined_to(self, node: exp.Expr) -> str:
        """Joins that the parser hangs on a source, inside parentheses."""
        return "".join(f" {self.join(join).sql(DIALECT)}" for join in node.args.get("joins") or ())

    def _semi(self, join: exp.Join, found: exp.Join, tables: tuple[Dataset, ...]) -> exp.Join:
        if not tables:
            return found
        self._writer.remarks.longer_by(tables, "SEMI JOIN: every row that matches is listed", join)
        inner = SourceWriter(self._writer, self._scope)
        text = inner.write(join.this)
        if join.args.get("on") is not None:
            self._hold(inner, text, join.args["on"].sql(DIALECT))
            return found
        # With USING the key has no name of its own on the left: each key once, with all that matches it, is joined instead.
        keys = ", ".join(identifier.sql(DIALECT) for identifier in join.args.get("using") or ())
        carried = "".join(f", {self._collect(inner.sources, t)} AS {carried_name(t)}" for t in tables)
        alias = quote_name(join.this.alias_or_name or f"_s{len(self.sources)}")
        found.set("kind", "INNER")
        found.set("this", exp.Var(this=f"(SELECT {keys}{carried} FROM {text} GROUP BY {keys}) AS {alias}"))
        self.sources.append(Source(join.this.alias_or_name or f"_s{len(self.sources)}", tables))
        return found

    def _hold(self, inner: SourceWriter, text: str, condition: str) -> None:
        for source in inner.sources:
            for table in source.tables:
                self.decided.append(((table,), f"SELECT {self._collect([source], table)} FROM {text}", condition))

    def _collect(self, sources: list[Source], table: Dataset) -> str:
        carrier, given = self._writer.carrier, self._writer.inputs[table]
        return carrier.collected(given, *row_of(self._writer, sources, table), str)


def row_of(writer: QueryWriter, sources: list[Source], table: Dataset) -> tuple[str, str | None]:
    """What one row of a FROM carries of a table, and the carried column itself where it is but one base table's."""
    terms = list(row_terms(writer, sources, table))
    only = [source for source in sources if table in source.tables]
    single = only[0].column(table) if len(only) == 1 and only[0].is_base else None
    given = writer.inputs[table]
    return (writer.carrier.joined(given, terms) if terms else writer.carrier.empty(given)), single


def row_terms(writer: QueryWriter, sources: list[Source], table: Dataset) -> Iterator[str]:
    """What each source gives of a table."""
    given = writer.inputs[table]
    for source in sources:
        if table in source.tables:
            column = source.column(table)
            empty = writer.carrier.empty(given)
            yield writer.carrier.single(given, column) if source.is_base else f"coalesce({column}, {empty})"


def _alias(node: exp.Expr) -> str:
    alias = node.args.get("alias")
    if alias is None or alias.this is None:
        return node.this.sql(DIALECT) if isinstance(node, exp.Table) else ""
    return str(alias.sql(DIALECT))


def _is_query(node: exp.Expr) -> bool:
    return isinstance(node, exp.Query) and not isinstance(node, exp.Table)


def _has_tail(query: exp.Expr) -> bool:
    return any(query.args.get(key) is not None for key in ("order", "limit", "offset", "with_"))
