"""The one definition: for every relation of a model, a superset of the rows that it has at one version and not at the other.

`delta(name, side)` is that superset for the version `side`, with the relation's columns. It goes through the model from the stored
tables up: a filter or join passes changed rows on, a group or partition is touched as a whole when one of its rows changed. Rows may
stand in it twice and rows that did not change may, so that every step may do too much; none may do too little.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlglot import exp

from entrepot.kernel.names import Dataset
from entrepot.sql.incremental import changes
from entrepot.sql.incremental.cores import among, core_of, only, point, source_tables
from entrepot.sql.incremental.needs import names_of, needed_columns, restrict, split_want
from entrepot.sql.incremental.relations import Relation, Side
from entrepot.sql.incremental.shape import Shape, alias_chain, holds, is_function_of, read_shape
from entrepot.sql.incremental.sources import MARK, Base, Pair, Single, Sources, named_tables, unite
from entrepot.sql.query import DIALECT

Tree = TypeVar("Tree", bound=exp.Expr)

_DIFFERENCE = {Side.NEW: Side.ADDED, Side.OLD: Side.REMOVED}


@dataclass(frozen=True, slots=True)
class Cte:
    """A common table expression: its text, and the names of what it reads."""

    sql: str
    reads: frozenset[str]


class Derivation:
    """Derives deltas of one model and collects the common table expressions that they need."""

    versions: tuple[Side, ...] = (Side.NEW, Side.OLD)
    """A group whose last row went is touched as much as one that got its first."""

    def __init__(self, sources: Sources, changed: Collection[Dataset], removed_from: Collection[Dataset]) -> None:
        self.sources = sources
        self.ctes: dict[str, Cte] = {}
        self.relations: dict[str, Relation] = {}
        self._changed = {Side.NEW: frozenset(changed), Side.OLD: frozenset(removed_from)}
        self._versions: dict[tuple[str, Side], exp.Table] = {}
        self._deltas: dict[tuple[str, Side, frozenset[str] | None], exp.Table | None] = {}
        self._keys: dict[str, exp.Table | None] = {}

    # -- relations as a whole -----------------------------------------------------------------------

    def at(self, name: str, side: Side) -> exp.Table:
        """The relation at a version."""
        relation = self.sources[name]
        if isinstance(relation, Base):
            return self._read(relation.dataset, side)
        if (name, side) not in self._versions:
            body: exp.Query
            if isinstance(relation, Single):
                body = self.versioned(relation.select, side)
            else:
                body = self._pair(relation, self.at(relation.left, side), self.at(relation.right, side))
            self._versions[name, side] = self._hoist(f"__{name[1:]}_{side}", body)
        return self._versions[name, side].copy()

    def versioned(self, tree: Tree, side: Side) -> Tree:
        """A copy of a tree that reads all its relations at a version."""
        tree = tree.copy()
        for table in list(named_tables(tree)):
            point(table, self.at(table.name, side))
        return tree

    # -- deltas -------------------------------------------------------------------------------------

    def delta(self, name: str, side: Side, want: frozenset[str] | None) -> exp.Table | None:
        """A superset of the rows that the relation has at this version only; None when there can be none.

        Args: want: the columns that are read; None: all.
        """
        relation = self.sources[name]
        if isinstance(relation, Base):
            changed = relation.dataset in self._changed[side]
            return self._read(relation.dataset, _DIFFERENCE[side]) if changed else None
        key = (name, side, want)
        if key not in self._deltas:
            parts = self._delta_parts(name, relation, side, want)
            self._deltas[key] = self._hoist(f"__{name[1:]}_delta_{len(self._deltas)}", *parts) if parts else None
        found = self._deltas[key]
        return found.copy() if found is not None else None

    def delta_of_both(self, name: str, want: frozenset[str] | None) -> exp.Table | None:
        """What came and what went, together."""
        deltas = [delta for side in self.versions if (delta := self.delta(name, side, want)) is not None]
        if len(deltas) < 2:
            return deltas[0] if deltas else None
        return self._hoist(f"__{name[1:]}_changed_{len(self.ctes)}", *(exp.select("*").from_(d) for d in deltas))

    def keys_of(self, name: str, select: exp.Select, keys: Sequence[exp.Expr]) -> exp.Table | None:
        """The values of the keys in all rows that came or went, columns `__k0`, `__k1` …; None when there can be none."""
        if name not in self._keys:
            columns = [exp.alias_(key.copy(), f"__k{i}") for i, key in enumerate(keys or [exp.Literal.number(1)])]
            rows = self.terms_of_both(select, columns)
            distinct = exp.select("*").from_(unite(rows).subquery("__r")).distinct() if rows else None
            self._keys[name] = self._hoist(f"__{name[1:]}_keys", distinct) if distinct is not None else None
        found = self._keys[name]
        return found.copy() if found is not None else None

    def terms_of_both(self, select: exp.Select, projections: Sequence[exp.Expr]) -> list[exp.Query]:
        """The terms of both versions."""
        return [term for side in self.versions for term in self.terms(select, side, projections)]

    def terms(self, select: exp.Select, side: Side, projections: Sequence[exp.Expr]) -> list[exp.Query]:
        """What came (side new) or went (old) of a SELECT's rows before they are grouped: SELECTs to be united."""
        core = core_of(select, projections)
        found = [
            *self.joined_terms(core, side),
            *self.left_join_terms(core, side),
            *self.subquery_terms(select, core, side),
        ]
        return [only(term, projections) for term in found]

    def joined_terms(self, core: exp.Select, side: Side) -> list[exp.Select]:
        """For every source that a row cannot do without: its delta, joined to all the others."""
        terms = []
        for index, (table, join) in enumerate(source_tables(core)):
            if not table.name.startswith(MARK) or (join is not None and join.side == "LEFT"):
                continue
            delta = self.delta(table.name, side, needed_columns(self.sources, core, table))
            if delta is not None:
                term = core.copy()
                point(source_tables(term)[index][0], delta)
                terms.append(self.versioned(term, side))
        return terms

    def left_join_terms(self, core: exp.Select, side: Side) -> list[exp.Select]:
        """For every LEFT JOIN: the rows whose match came or went, on both sides of the change."""
        terms = []
        for table, join in source_tables(core):
            if join is None or join.side != "LEFT" or not table.name.startswith(MARK):
                continue
            delta = self.delta_of_both(table.name, needed_columns(self.sources, core, table))
            if delta is not None:
                terms.append(self.versioned(core.where(changes.matched(core, table, join, delta)), side))
        return terms

    def subquery_terms(self, select: exp.Select, core: exp.Select, side: Side) -> list[exp.Select]:
        """For every query inside of an expression: the rows for which its answer may have changed."""
        return [self.versioned(core.where(condition), side) for condition in changes.conditions(self, select)]

    def is_everything(self, name: str) -> bool:
        """True when a change of the relation's inputs touches all its rows."""
        relation = self.sources[name]
        if isinstance(relation, Base) or not self.bases_changed(name):
            return False
        if isinstance(relation, Pair):
            return all(self.is_everything(side) for side in (relation.left, relation.right))
        shape = read_shape(relation.select)
        if shape.is_limited or shape.keys == ():
            return True
        needed = [table for table, join in source_tables(relation.select) if join is None or join.side != "LEFT"]
        return any(table.name.startswith(MARK) and self.is_everything(table.name) for table in needed)

    def bases_changed(self, name: str) -> bool:
        """True when a stored table below the relation changed."""
        return not self._changed[Side.NEW].isdisjoint(self.sources.bases(name))

    # -- inside -------------------------------------------------------------------------------------

    def _delta_parts(
        self, name: str, relation: Single | Pair, side: Side, want: frozenset[str] | None
    ) -> list[exp.Query]:
        if isinstance(relation, Pair):
            return self._pair_delta(relation, side, want)
        shape = read_shape(relation.select)
        if shape.is_limited or shape.keys == ():
            return self._all_rows(name, relation.select, side)
        if shape.keys is None:
            return self.terms(relation.select, side, restrict(relation.select, want) or relation.select.expressions)
        return self._keyed_delta(name, relation.select, shape, side, want)

    def _all_rows(self, name: str, select: exp.Select, side: Side) -> list[exp.Query]:
        """One group of all rows: all of them, if any of them changed."""
        keys = self.keys_of(name, select, ())
        if keys is None:
            return []
        rows = self.at(name, side)
        return [
            exp.select("*")
            .from_(exp.alias_(rows, "__q", table=True))
            .where(exp.Exists(this=exp.select("1").from_(keys)))
        ]

    def _keyed_delta(
        self, name: str, select: exp.Select, shape: Shape, side: Side, want: frozenset[str] | None
    ) -> list[exp.Query]:
        """Groups and partitions: those in which a row changed, as a whole; cheaper when only their keys are wanted."""
        assert shape.keys
        columns = restrict(select, want)
        plain = columns is not None and not any(holds(c) for c in [*columns, *alias_chain(select, columns)])
        if columns is not None and plain:
            grouped_only = shape.is_grouped and not shape.is_compared
            if grouped_only or all(is_function_of(column, shape.keys) for column in columns):
                return self.terms_of_both(select, columns)
        keys = self.keys_of(name, select, shape.keys)
        if keys is None:
            return []
        touched = among(shape.keys, keys)
        if columns is not None and plain:
            return [only(self.versioned(core_of(select, columns, shape.keys).where(touched), side), columns)]
        whole = select.where(touched)
        if whole.args["distinct"] is None or whole.args["distinct"].args.get("on") is None:
            whole.set("distinct", None)
            whole.set("order", None)
        return [self.versioned(whole, side)]

    def _pair_delta(self, relation: Pair, side: Side, want: frozenset[str] | None) -> list[exp.Query]:
        if relation.node.args.get("limit") or relation.node.args.get("offset"):
            raise NotImplementedError("LIMIT over UNION")
        wants = split_want(self.sources, relation, want)
        sides = (side,) if isinstance(relation.node, exp.Union) else self.versions
        parts = []
        for version in sides:
            left = self.delta(relation.left, version, wants[0])
            right = self.delta(relation.right, version, wants[1])
            if left is None and right is None:
                continue
            parts.append(self._pair_of_deltas(relation, left, right, wants))
        return parts

    def _pair_of_deltas(
        self,
        relation: Pair,
        left: exp.Table | None,
        right: exp.Table | None,
        wants: tuple[frozenset[str] | None, frozenset[str] | None],
    ) -> exp.Query:
        """The names of a UNION's columns are those of its left side, so that one is there even when nothing changed in it."""
        selects = []
        for name, delta, want in ((relation.left, left, wants[0]), (relation.right, right, wants[1])):
            rows = exp.select("*").from_(delta if delta is not None else self._empty(name, want))
            selects.append(rows if delta is not None else rows.where(exp.false()))
        return exp.Union(
            this=selects[0], expression=selects[1], distinct=False, by_name=relation.node.args.get("by_name")
        )

    def _empty(self, name: str, want: frozenset[str] | None) -> exp.Table | exp.Subquery:
        whole = self.at(name, Side.NEW)
        if want is None:
            return whole
        names = names_of(self.sources, name)
        assert names is not None
        columns = [exp.column(exp.to_identifier(n, quoted=True)) for n in names if n in want]
        return exp.select(*columns).from_(whole).subquery("__e")

    def _pair(self, relation: Pair, left: exp.Table, right: exp.Table) -> exp.Query:
        node = relation.node.copy()
        node.set("this", exp.select("*").from_(left))
        node.set("expression", exp.select("*").from_(right))
        node.set("order", None)
        return node

    def _read(self, dataset: Dataset, side: Side) -> exp.Table:
        relation = Relation(dataset, side)
        self.relations[str(relation)] = relation
        return exp.table_(exp.to_identifier(str(dataset), quoted=True), db=exp.to_identifier(side.value, quoted=True))

    def _hoist(self, name: str, *parts: exp.Query) -> exp.Table:
        """Name the union of some queries."""
        sql = "\nUNION ALL\n".join(part.sql(DIALECT, comments=False) for part in parts)
        reads = {".".join(p.name for p in table.parts) for part in parts for table in part.find_all(exp.Table)}
        self.ctes[name] = Cte(sql, frozenset(reads))
        return exp.table_(exp.to_identifier(name, quoted=True))
