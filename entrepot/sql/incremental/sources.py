"""A model's tree taken apart: every CTE, view, derived table and side of a UNION becomes a relation with a name of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from entrepot.kernel.names import Dataset, parse_dataset
from entrepot.sql.query import Query
from entrepot.sql.tables import find_cte

MARK = "@"
"""Begins the names of relations inside of trees: no dataset and no author's alias can have it by mistake."""


@dataclass(frozen=True, slots=True)
class Base:
    """A stored table."""

    dataset: Dataset


@dataclass(frozen=True, slots=True)
class Single:
    """A SELECT whose FROM names relations only (and unnest, range, VALUES)."""

    select: exp.Select


@dataclass(frozen=True, slots=True)
class Pair:
    """UNION, EXCEPT or INTERSECT of two relations."""

    node: exp.SetOperation
    left: str
    right: str


class Sources:
    """The relations of one model, by name."""

    def __init__(self, views: Mapping[Dataset, Query]) -> None:
        self._relations: dict[str, Base | Single | Pair] = {}
        self._datasets: dict[Dataset, str] = {}
        self._views = views
        self._within: Dataset | None = None
        self._origins: dict[str, Dataset | None] = {}

    def __getitem__(self, name: str) -> Base | Single | Pair:
        return self._relations[name]

    def add(self, tree: exp.Query) -> str:
        """Take a statement apart. Returns: the name of its outermost relation."""
        tree = tree.copy()
        names = {id(cte): self._new_name() for cte in tree.find_all(exp.CTE)}
        tables = [t for t in tree.find_all(exp.Table) if isinstance(t.this, exp.Identifier)]
        found = [(table, find_cte(table)) for table in tables]
        _drop_layers(tree, {(t.db.lower(), t.name.lower()) for t, cte in found if cte is None and not t.alias})
        for table, cte in found:
            name = self._add_dataset(table) if cte is None else names[id(cte)]
            _rename(table, name, [] if cte is None else cte.args["alias"].columns)
        bodies = [(names[id(cte)], cte.this) for cte in tree.find_all(exp.CTE)]
        for head in list(tree.find_all(exp.With)):
            head.pop()
        for name, body in bodies:
            self._define(name, body.copy())
        return self.define(tree)

    def define(self, tree: exp.Expr) -> str:
        """Give a query whose tables are relations already a name."""
        name = self._new_name()
        self._define(name, tree)
        return name

    def view_of(self, name: str) -> Dataset | None:
        """The view in whose text a relation stands; None for the model itself."""
        return self._origins[name]

    def bases(self, name: str) -> frozenset[Dataset]:
        """The stored tables below a relation."""
        relation = self[name]
        if isinstance(relation, Base):
            return frozenset({relation.dataset})
        if isinstance(relation, Pair):
            return self.bases(relation.left) | self.bases(relation.right)
        return frozenset().union(*(self.bases(table.name) for table in named_tables(relation.select)))

    def count_reads(self, dataset: Dataset) -> int:
        """How often the texts of the model and its views read a stored table."""
        name = self._datasets.get(dataset)
        relations = [relation for relation in self._relations.values() if isinstance(relation, Single)]
        return sum(table.name == name for relation in relations for table in named_tables(relation.select))

    def _define(self, name: str, tree: exp.Expr) -> None:
        tree = unwrap(tree)
        if isinstance(tree, exp.Values):
            tree = exp.Select(expressions=[exp.Star()]).from_(tree)
        derived = [s for s in tree.find_all(exp.Subquery) if isinstance(s.parent, exp.From | exp.Join)]
        for subquery in reversed(derived):  # the deepest first
            _rename_to(subquery, self.define(subquery.this.copy()))
        if isinstance(tree, exp.SetOperation):
            left, right = self.define(tree.this.copy()), self.define(tree.expression.copy())
            self._relations[name] = Pair(tree, left, right)
        elif isinstance(tree, exp.Select):
            self._relations[name] = Single(tree)
        else:
            raise TypeError(f"{type(tree).__name__} is no query")

    def _add_dataset(self, table: exp.Table) -> str:
        dataset = parse_dataset(f"{table.db}.{table.name}".lower())
        if dataset not in self._datasets:
            view = self._views.get(dataset)
            if view is not None:
                outside, self._within = self._within, dataset
                self._datasets[dataset] = self.add(view.tree)
                self._within = outside
            else:
                self._datasets[dataset] = self._new_name()
                self._relations[self._datasets[dataset]] = Base(dataset)
        return self._datasets[dataset]

    def _new_name(self) -> str:
        name = f"{MARK}{len(self._relations) + 1}"
        self._origins[name] = self._within
        self._relations[name] = Base(Dataset("", ""))  # holds the place until it is defined
        return name


def named_tables(tree: exp.Expr) -> Iterator[exp.Table]:
    """The tables of a tree that name relations, also those inside of expressions."""
    return (table for table in tree.find_all(exp.Table) if table.name.startswith(MARK))


def unwrap(tree: exp.Expr) -> exp.Expr:
    """What stands in the parentheses."""
    while isinstance(tree, exp.Subquery | exp.Paren):
        tree = tree.this
    return tree


def unite(parts: Sequence[exp.Query]) -> exp.Query:
    """UNION ALL of them."""
    union = parts[0]
    for part in parts[1:]:
        union = exp.Union(this=union, expression=part, distinct=False)
    return union


def _rename(table: exp.Table, name: str, columns: list[exp.Identifier]) -> None:
    alias = table.args.get("alias")
    own = alias.columns if alias is not None else []
    called = alias.this if alias is not None and alias.this is not None else table.this
    columns = [*own, *columns[len(own) :]]
    places = [part.meta for part in table.parts if "start" in part.meta]
    if places:
        table.meta.update(start=min(m["start"] for m in places), end=max(m["end"] for m in places) + 1)
    table.set(
        "alias", exp.TableAlias(this=called.copy(), columns=[column.copy() for column in columns] if columns else None)
    )
    table.set("this", exp.to_identifier(name, quoted=True))
    table.set("db", None)


def _rename_to(subquery: exp.Subquery, name: str) -> None:
    alias = subquery.args.get("alias") or exp.TableAlias(this=exp.to_identifier(f"__{name[1:]}", quoted=True))
    subquery.replace(exp.Table(this=exp.to_identifier(name, quoted=True), alias=alias.copy()))


def _drop_layers(tree: exp.Expr, datasets: set[tuple[str, str]]) -> None:
    """Columns written `silver.sales.amount` become `sales.amount`, since the table gets another name."""
    for column in tree.find_all(exp.Column):
        if (column.text("db").lower(), column.text("table").lower()) in datasets:
            column.set("db", None)
