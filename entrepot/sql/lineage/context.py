"""What the resolver carries along: the query, the columns of its inputs, what it could not resolve, what it has looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from entrepot.kernel.names import Dataset
from entrepot.sql.lineage.flows import Flow
from entrepot.sql.lineage.scopes import Relation, Scope
from entrepot.sql.lineage.values import ANY, ColumnName, Doubt, How, Schema
from entrepot.sql.query import Query, find_offset

NO_SCHEMA = Schema((), is_open=True)


@dataclass(slots=True)
class Context:
    """One resolution of one query."""

    query: Query
    schemas: Mapping[Dataset, Schema]
    read: Callable[[Context, exp.Expr, Scope], Relation]
    """Reads a subquery; given from outside, as expressions hold queries and queries hold expressions."""
    doubts: dict[Doubt, None] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    """Ids of the columns and tables of the tree that have been looked at."""

    def doubt(self, reason: str, node: exp.Expr | None, tables: Iterable[Dataset]) -> Flow:
        """Note what cannot be resolved. Returns: the flow that stands in its place, all columns of these tables."""
        self.doubts[Doubt(self.line(node), reason)] = None
        return self.everything(tables)

    def line(self, node: exp.Expr | None) -> int:
        """The line of the text on which a node begins; 0 when the parser has not noted it."""
        offset = find_offset(node)
        return 0 if offset is None else self.query.text.count("\n", 0, offset) + 1

    def everything(self, tables: Iterable[Dataset]) -> Flow:
        """A flow from all columns of these tables, marked approximate."""
        names = (ColumnName(table, column) for table in tables for column in self._columns(table))
        return Flow(dict.fromkeys(names, How.EXPRESSION), is_approximate=True)

    def _columns(self, table: Dataset) -> tuple[str, ...]:
        schema = self.schemas.get(table, NO_SCHEMA)
        return (*schema.columns, *schema.hidden, *((ANY,) if schema.is_open else ()))
