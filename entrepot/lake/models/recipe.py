"""How a model's rows can be computed in part: by which keys, and by which SQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlglot import exp

from entrepot.contracts.model import Contract
from entrepot.kernel.names import Dataset
from entrepot.kernel.positions import Versions
from entrepot.kernel.rows import RECORD_ID, SYSTEM_COLUMNS
from entrepot.lake.models.model import Model, ModelKind
from entrepot.ports.relations import TOUCHED, KeyFigures, Refresh, TableChange, TableVersion
from entrepot.sql.incremental.append import is_insert_only
from entrepot.sql.incremental.limit import limit_to_touched, write_literal
from entrepot.sql.incremental.prune import KeyRange, find_prunable, prune_sql
from entrepot.sql.incremental.relations import Relation, Side, Touched
from entrepot.sql.incremental.touched import derive_touched, why_full
from entrepot.sql.query import Query, parse_query


@dataclass(frozen=True)
class Recipe:
    """A model of which only the rows of some keys can be computed.

    `query` decides which keys are touched; `sql` is what is run. They differ for a history: there the rows of an entity decide
    what its versions are.
    """

    keys: tuple[str, ...]
    query: Query
    sql: str
    views: Mapping[Dataset, Query]
    driving: Dataset | None = None

    @cached_property
    def why_full(self) -> str | None:
        """Why all rows must be computed whenever anything changed; None when they need not be."""
        return why_full(self.query, self.keys, self.views)

    def takes_only_new(self, changed: Collection[str], removed_from: Collection[str]) -> bool:
        """True when new rows of the driving input are all that happened, and each makes a row of its own: a merge may update another."""
        if self.driving is None or self.keys != (RECORD_ID,) or set(changed) != {str(self.driving)} or removed_from:
            return False
        return is_insert_only(self.query, self.driving, self.views)

    def touched(self, changed: Collection[str], removed_from: Collection[str]) -> Touched:
        """The SELECT of the touched keys, when rows of these tables came or went."""
        return derive_touched(self.query, self.keys, self.views, _datasets(changed), _datasets(removed_from))

    def refresh(self, position: Versions, changed: Collection[str], removed_from: Collection[str]) -> Refresh:
        """What the engine needs to compute only what a range touched."""
        touched = self.touched(changed, removed_from)
        tables = {name: self._open(relation, position) for name, relation in touched.relations.items()}
        return Refresh(self.keys, touched.sql, tables, self.limit)

    def limit(self, figures: Mapping[str, KeyFigures]) -> str:
        """The SELECT with only the rows of touched keys, reading only the range of its tables that these allow."""
        sql = self.sql
        if sql == self.query.body:
            ranges = {key: KeyRange(f.low, f.high, f.holds_null) for key, f in figures.items() if f.low is not None}
            sql = prune_sql(self.query, find_prunable(self.query, self.keys, self.views), ranges)
        found = [figures[key] for key in self.keys]
        return limit_to_touched(
            sql, self.keys, TOUCHED, literals=_write_literals(found), holds_null=any(each.holds_null for each in found)
        )

    def added(self, position: Versions, table: str) -> TableChange:
        """The rows that came to a table in this range, with all their columns: they are what the model reads."""
        return TableChange(table, position.after[table], position.upto[table])

    def _open(self, relation: Relation, position: Versions) -> TableVersion | TableChange:
        name = str(relation.dataset)
        if relation.side is Side.NEW:
            return TableVersion(name, position.upto[name])
        if relation.side is Side.OLD:
            return TableVersion(name, position.after[name])
        removed = relation.side is Side.REMOVED
        return TableChange(name, position.after[name], position.upto[name], removed, self.uncounted)

    @cached_property
    def uncounted(self) -> tuple[str, ...]:
        """System columns that the SQL does not look at: a row that was only computed anew by an input's model is no change."""
        used: set[str] = set()
        for query in (self.query, *self.views.values()):
            if _may_read_whole_rows(query.tree):
                return ()
            used.update(column.name.lower() for column in query.tree.find_all(exp.Column) if not _is_excluded(column))
        return tuple(name for name in SYSTEM_COLUMNS if name not in used)


def make_recipe(
    sql: str,
    keys: tuple[str, ...],
    views: Mapping[str, str],
    *,
    driving: Dataset | None = None,
    whole: str | None = None,
) -> Recipe:
    """Make a recipe of compiled SQL. Args: whole: what is run, where another SELECT than `sql` is."""
    parsed = {_dataset(name): parse_query(view) for name, view in views.items()}
    return Recipe(keys, parse_query(sql), whole if whole is not None else sql, parsed, driving)


def find_keys(model: Model, contract: Contract | None) -> tuple[str, ...]:
    """The columns by which a model's rows are computed in part; none for kinds that are always computed as a whole.

    In a history of snapshots the end of an entity depends on which days there are, so that a new one touches every entity.
    """
    match model.kind:
        case ModelKind.APPEND:
            return (RECORD_ID,)
        case ModelKind.MERGE:
            return contract.key if contract is not None else ()
        case ModelKind.PARTITION:
            return model.partition
        case ModelKind.HISTORY if model.history is not None and model.history.snapshot is None:
            return model.history.key
    return ()


def _write_literals(figures: Sequence[KeyFigures]) -> list[str | None] | None:
    values = figures[0].values
    if values is None:
        return None
    try:
        return [write_literal(value) for value in values]
    except TypeError:
        return None


def _dataset(name: str) -> Dataset:
    return Dataset(*name.split(".", 1))


def _datasets(names: Collection[str]) -> frozenset[Dataset]:
    return frozenset(map(_dataset, names))


def _is_excluded(column: exp.Column) -> bool:
    return isinstance(column.parent, exp.Star)


def _may_read_whole_rows(tree: exp.Expr) -> bool:
    """True when columns may be read without being named: a star inside, a table's name as a value, COLUMNS(…), other names for columns."""
    if any(star.find_ancestor(exp.Select) is not tree for star in tree.find_all(exp.Star) if not _counts(star)):
        return True
    if tree.find(exp.Columns) is not None or any(alias.columns for alias in tree.find_all(exp.TableAlias)):
        return True
    tables = {table.alias_or_name.lower() for table in tree.find_all(exp.Table, exp.Subquery, exp.CTE)}
    return any(not column.table and column.name.lower() in tables for column in tree.find_all(exp.Column))


def _counts(star: exp.Star) -> bool:
    return isinstance(star.parent, exp.Count)
