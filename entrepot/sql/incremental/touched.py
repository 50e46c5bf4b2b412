"""From a model and its changed inputs to a SELECT of the touched keys, or to the reason why all are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlglot import exp

from entrepot.kernel.names import Dataset
from entrepot.sql.incremental.degenerate import find_degenerate
from entrepot.sql.incremental.derivation import Derivation
from entrepot.sql.incremental.faults import find_reason, in_words
from entrepot.sql.incremental.relations import Side, Touched
from entrepot.sql.incremental.sources import Sources
from entrepot.sql.query import DIALECT, Query


def why_full(query: Query, keys: Sequence[str], views: Mapping[Dataset, Query]) -> str | None:
    """The reason why touched keys of a model cannot be derived, in words for people; None when they can.

    Args: keys: output columns of the model. views: the compiled views that it reads, directly or through each other.
    """
    reason = find_reason(query, keys, views)
    if reason is not None:
        return reason
    try:
        sources = Sources(views)
        name = sources.add(query.tree)
        bases = sources.bases(name)
        _derive(Derivation(sources, bases, bases), name, keys)
        return _why_everything(query, views, sources, name, bases)
    except Exception as error:  # whatever the derivation does not know: a full refresh is always right
        return f"its touched rows could not be derived ({type(error).__name__}: {error})"


def derive_touched(
    query: Query,
    keys: Sequence[str],
    views: Mapping[Dataset, Query],
    changed: Collection[Dataset],
    removed_from: Collection[Dataset],
) -> Touched:
    """Derive which keys the model must compute anew.

    Right only for a model of which `why_full` says None. The four relations of a changed table have equal columns.

    Args: changed: stored tables with rows added or removed since the last build. removed_from: those of them with removed rows.
    """
    sources = Sources(views)
    name = sources.add(query.tree)
    changed = frozenset(changed) & sources.bases(name)
    derivation = Derivation(sources, changed, frozenset(removed_from) & changed)
    touched = _derive(derivation, name, keys)
    reason = _why_everything(query, views, sources, name, changed)
    return Touched(touched.sql, touched.relations, derivation.is_everything(name), reason)


def _derive(derivation: Derivation, name: str, keys: Sequence[str]) -> Touched:
    want = frozenset(key.lower() for key in keys)
    deltas = [delta for side in derivation.versions if (delta := derivation.delta(name, side, want)) is not None]
    columns = ", ".join(exp.to_identifier(key, quoted=True).sql(DIALECT) for key in keys)
    if not deltas:
        nothing = derivation.at(name, Side.NEW)
        return _assemble(derivation, f"SELECT DISTINCT {columns} FROM {nothing.sql(DIALECT)} WHERE FALSE", [nothing])
    different = {derivation.ctes[d.name].sql if d.name in derivation.ctes else d.sql(DIALECT): d for d in deltas}
    rows = " UNION ALL ".join(f"SELECT {columns} FROM {delta.sql(DIALECT)}" for delta in different.values())
    return _assemble(derivation, f"SELECT DISTINCT {columns} FROM ({rows}) AS __rows", list(different.values()))


def _assemble(derivation: Derivation, select: str, reads: Sequence[exp.Table]) -> Touched:
    """The statement with the common table expressions and relations that it reads, and no others."""
    names = {".".join(part.name for part in table.parts) for table in reads}
    ahead = set(names)
    while ahead:
        found = derivation.ctes.get(ahead.pop())
        new = (found.reads if found is not None else frozenset()) - names
        names |= new
        ahead |= new
    heads = [f'"{name}" AS (\n{cte.sql}\n)' for name, cte in derivation.ctes.items() if name in names]
    sql = f"WITH {', '.join(heads)}\n{select}" if heads else select
    relations = {name: relation for name, relation in derivation.relations.items() if name in names}
    return Touched(sql, relations, everything=False)


def _why_everything(
    query: Query, views: Mapping[Dataset, Query], sources: Sources, name: str, changed: Collection[Dataset]
) -> str | None:
    found = find_degenerate(sources, name, changed)
    if found is None:
        return None
    fault, view = found
    return in_words(query if view is None else views[view], fault, view=view)
