"""Why a change touches every row of a model: some SELECT in it makes one group of all its rows."""

from __future__ import annotations

from collections.abc import Collection

from sqlglot import exp

from entrepot.kernel.names import Dataset
from entrepot.sql.incremental.cores import source_tables
from entrepot.sql.incremental.derivation import Derivation
from entrepot.sql.incremental.faults import Fault
from entrepot.sql.incremental.shape import find_windows, partition_of, read_shape
from entrepot.sql.incremental.sources import MARK, Base, Pair, Single, Sources


def find_degenerate(sources: Sources, name: str, changed: Collection[Dataset]) -> tuple[Fault, Dataset | None] | None:
    """The place that touches all rows whichever of the changed tables changes; and the view in which it stands."""
    changed = sources.bases(name) & frozenset(changed)
    if not changed or not all(Derivation(sources, {one}, {one}).is_everything(name) for one in changed):
        return None
    found = _descend(Derivation(sources, changed, changed), sources, name)
    relation = sources[found] if found is not None else None
    if found is None or not isinstance(relation, Single):
        return None
    return _describe(relation.select), sources.view_of(found)


def _descend(derivation: Derivation, sources: Sources, name: str) -> str | None:
    """The relation that is one group of all its rows."""
    relation = sources[name]
    if isinstance(relation, Base) or not derivation.is_everything(name):
        return None
    if isinstance(relation, Pair):
        return _descend(derivation, sources, relation.left)
    shape = read_shape(relation.select)
    if shape.is_limited or shape.keys == ():
        return name
    below = (_descend(derivation, sources, t.name) for t, _ in source_tables(relation.select) if t.name[:1] == MARK)
    return next((found for found in below if found is not None), None)


def _describe(select: exp.Select) -> Fault:
    shape = read_shape(select)
    if shape.is_limited:
        return Fault("LIMIT compares all rows with each other", select.args.get("order") or select)
    for window in find_windows(select):
        if not partition_of(select, window):
            return Fault("a window without PARTITION BY compares all rows with each other", window)
    if shape.is_compared:
        return Fault("its windows and groups have no column in common by which rows could be told apart", select)
    return Fault("an aggregate without GROUP BY takes all rows together", select)
