"""Which base tables a query reads, and which common table expressions it sees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from entrepot.kernel.names import Dataset
from entrepot.sql.explain.prepare import dataset_of


@dataclass(frozen=True, slots=True)
class Scope:
    """Names of the common table expressions that are seen, in lower case, with the tables below each."""

    ctes: Mapping[str, tuple[Dataset, ...]] = field(default_factory=dict)

    def with_cte(self, cte: exp.CTE, tables: tuple[Dataset, ...]) -> Scope:
        """The scope in which that one is seen too."""
        return Scope({**self.ctes, cte.alias.lower(): tables})

    def reach_cte(self, cte: exp.CTE, *, is_recursive: bool) -> tuple[Dataset, ...]:
        """The tables below a common table expression, which may read itself."""
        return reach(cte.this, self.with_cte(cte, ()) if is_recursive else self)


def reach(query: exp.Expr, scope: Scope) -> tuple[Dataset, ...]:
    """The base tables whose rows a query's rows are made of, in the order of their names."""
    return tuple(sorted(_reach(query, scope)))


def inside(query: exp.Expr, scope: Scope) -> Scope:
    """The scope inside a query: with what its own WITH defines."""
    given = query.args.get("with_")
    if isinstance(given, exp.With):
        for cte in given.expressions:
            tables = scope.reach_cte(cte, is_recursive=bool(given.args.get("recursive")))
            scope = scope.with_cte(cte, tables)
    return scope


def _reach(node: exp.Expr, scope: Scope) -> set[Dataset]:
    if isinstance(node, exp.Query) and not isinstance(node, exp.Table):
        scope = inside(node, scope)
    found: set[Dataset] = set()
    if isinstance(node, exp.Table):
        dataset = dataset_of(node)
        if dataset is not None:
            found.add(dataset)
        elif isinstance(node.this, exp.Identifier):
            found.update(scope.ctes.get(node.name.lower(), ()))
    for child in _children(node):
        found |= _reach(child, scope)
    return found


def _children(node: exp.Expr) -> Iterable[exp.Expr]:
    return (child for child in node.iter_expressions() if not isinstance(child, exp.With))
