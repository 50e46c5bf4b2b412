"""Stored columns whose range follows from the range of a key, so that files outside of it need not be read.

Only what is implied is added; the filter by touched keys stands outside of the model and stays there. A key is followed through
SELECTs, GROUP BY, PARTITION BY and UNION down to the column that it is made of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from entrepot.kernel.errors import ProjectError
from entrepot.kernel.names import Dataset
from entrepot.sql.expressions import quote_name
from entrepot.sql.incremental.cores import source_tables
from entrepot.sql.incremental.limit import write_literal
from entrepot.sql.incremental.monotone import Monotone, compose, find_monotone, find_range
from entrepot.sql.incremental.needs import names_of
from entrepot.sql.incremental.shape import alias_chain, holds_star, is_function_of, output_names, read_shape
from entrepot.sql.incremental.sources import MARK, Base, Pair, Single, Sources, named_tables
from entrepot.sql.query import DIALECT, Query, parse_query


@dataclass(frozen=True, slots=True)
class KeyRange:
    """The least and the greatest touched value of a key that is not NULL, and whether NULL is touched too."""

    low: object
    high: object
    holds_null: bool = True


@dataclass(frozen=True, slots=True)
class _Way:
    """What is known on the way down."""

    sources: Sources
    uses: Mapping[str, int]
    columns: Mapping[Dataset, Sequence[str]]

    def names_of(self, name: str) -> tuple[str, ...] | None:
        """The columns of a relation, as far as known."""
        relation = self.sources[name]
        if isinstance(relation, Base):
            found = self.columns.get(relation.dataset)
            return None if found is None else tuple(column.lower() for column in found)
        return names_of(self.sources, name)


@dataclass(frozen=True, slots=True)
class Prunable:
    """One mention of a stored table, and the column in it of which a key is a function that never decreases."""

    dataset: Dataset
    column: str
    key: str
    grain: str | None
    """hour, day, week, month, quarter or year, when the key keeps no more of a moment; None: the key is the column."""
    start: int = field(compare=False)
    end: int = field(compare=False)
    """Where the table's name stands in the text."""
    how: Monotone = field(compare=False, repr=False)


def find_prunable(
    query: Query,
    keys: Sequence[str],
    views: Mapping[Dataset, Query],
    columns: Mapping[Dataset, Sequence[str]] | None = None,
) -> tuple[Prunable, ...]:
    """Find the mentions of stored tables of which only a range is needed for a range of a key.

    Args: columns: those of stored tables, where known: then a column written without its table is found in a join too.
    """
    try:
        sources = Sources(views)
        name = sources.add(query.tree)
        way = _Way(sources, _count_uses(sources, name), columns or {})
        return tuple(found for key in keys for found in _follow(way, name, key.lower(), key))
    except Exception:  # what is not understood is read in full
        return ()


def find_column_range(prunable: Prunable, keys: KeyRange) -> str | None:
    """The condition on the table's column, for reading fewer files; None when the keys' values are not understood."""
    found = find_range(prunable.how, keys.low, keys.high)
    if found is None:
        return None
    try:
        low, high = write_literal(found[0]), write_literal(found[1])
    except TypeError:
        return None
    if low is None or high is None:
        return None
    column = quote_name(prunable.column)
    condition = f"{column} >= {low} AND {column} <= {high}"
    return f"({condition} OR {column} IS NULL)" if keys.holds_null else condition


def prune_sql(query: Query, prunable: Sequence[Prunable], ranges: Mapping[str, KeyRange]) -> str:
    """The model's statement reading only the range of its tables that the keys' ranges allow; its rows with such keys are the same."""
    conditions: dict[tuple[int, int], list[str]] = {}
    if any(column.args.get("db") is not None for column in query.tree.find_all(exp.Column)):
        return query.body  # silver.sales.amount would lose its table
    for one in prunable:
        condition = find_column_range(one, ranges[one.key]) if one.key in ranges else None
        if condition is not None:
            conditions.setdefault((one.start, one.end), []).append(condition)
    text, added = query.text, 0
    for (start, end), parts in sorted(conditions.items(), reverse=True):
        new = f"(SELECT * FROM {text[start:end]} WHERE {' AND '.join(parts)})"
        new += "" if _has_alias(query, start) else f" AS {_last_name(query, start)}"
        text = text[:start] + new + text[end:]
        added += len(new) - (end - start)
    body = text[query.tokens[0].start : query.tokens[-1].end + 1 + added]
    try:
        parse_query(body)
    except ProjectError:  # a place was not what it seemed: the whole is right too
        return query.body
    return body


def _follow(way: _Way, name: str, column: str, key: str) -> Iterator[Prunable]:
    """Go down from a relation's column to the stored columns that it is made of."""
    relation = way.sources[name]
    if isinstance(relation, Pair):
        yield from _follow_union(way, relation, column, key)
    if not isinstance(relation, Single):
        return
    found = _find_expression(relation.select, column)
    table = _find_source(way, relation.select, found.column) if found is not None else None
    if found is None or table is None or not _commutes(relation.select, found):
        return
    below = way.sources[table.name]
    if isinstance(below, Base):
        yield from _stored(way.sources, name, table, below, found, key)
    elif way.uses[table.name] == 1 and not table.args["alias"].columns:
        for inner in _follow(way, table.name, found.column.name.lower(), key):
            joined = compose(found, inner.how)
            if joined is not None:
                yield Prunable(inner.dataset, inner.column, key, joined.grain, inner.start, inner.end, joined)


def _follow_union(way: _Way, pair: Pair, column: str, key: str) -> Iterator[Prunable]:
    node = pair.node
    if not isinstance(node, exp.Union) or node.args.get("limit") or node.args.get("offset"):
        return
    yield from _follow(way, pair.left, column, key)
    if node.args.get("by_name"):
        yield from _follow(way, pair.right, column, key)
        return
    left, right = _names(way.sources, pair.left), _names(way.sources, pair.right)
    if left is not None and right is not None and column in left and len(left) == len(right):
        other = right[left.index(column)]
        if other is not None:
            yield from _follow(way, pair.right, other, key)


def _names(sources: Sources, name: str) -> tuple[str | None, ...] | None:
    relation = sources[name]
    if isinstance(relation, Pair):
        return _names(sources, relation.left)
    return output_names(relation.select) if isinstance(relation, Single) else None


def _find_expression(select: exp.Select, column: str) -> Monotone | None:
    """What a column of a SELECT is made of."""
    named = [p for p in select.expressions if isinstance(p, exp.Alias | exp.Column) and not holds_star(p)]
    found = [p for p in named if p.output_name.lower() == column]
    stars = [p for p in select.expressions if holds_star(p)]
    if len(found) == 1 and not stars:
        how = find_monotone(found[0])
        others = [p for p in select.expressions if p is not found[0]]
        unclear = (
            how is not None and not how.column.table and any(p in others for p in alias_chain(select, [how.column]))
        )
        return None if unclear else how
    if not found and len(stars) == 1 and isinstance(stars[0], exp.Star) and not any(stars[0].args.values()):
        return Monotone(exp.column(exp.to_identifier(column, quoted=True)))
    return None


def _find_source(way: _Way, select: exp.Select, column: exp.Column) -> exp.Table | None:
    """The source of a column, unless it stands on the side of a join that may be missing."""
    sources = source_tables(select)
    if column.args.get("db") is not None:
        return None
    if column.table:
        found = [s for s in sources if s[0].alias_or_name.lower() == column.table.lower()]
    else:
        found = sources if len(sources) == 1 else _sources_with(way, sources, column.name.lower())
    if len(found) != 1:
        return None
    table, join = found[0]
    is_relation = isinstance(table, exp.Table) and table.name.startswith(MARK)
    return table if isinstance(table, exp.Table) and is_relation and (join is None or join.side != "LEFT") else None


def _sources_with(
    way: _Way, sources: Sequence[tuple[exp.Expr, exp.Join | None]], column: str
) -> list[tuple[exp.Expr, exp.Join | None]]:
    """The sources that have a column; none when it is not known of all of them."""
    found = []
    for table, join in sources:
        plain = table.name.startswith(MARK) and not table.args["alias"].columns
        names = way.names_of(table.name) if plain else None
        if names is None:
            return []
        if column in names:
            found.append((table, join))
    return found


def _commutes(select: exp.Select, found: Monotone) -> bool:
    """True when rows of other values have no part in the rows of this one."""
    shape = read_shape(select)
    if shape.is_limited or shape.keys == ():
        return False
    if not shape.is_compared or shape.keys is None:
        return True
    tree: exp.Expr | None = found.column
    while tree is not None and not isinstance(tree, exp.Select):
        if is_function_of(tree, shape.keys):
            return True
        tree = tree.parent
    return False


def _stored(sources: Sources, name: str, table: exp.Table, base: Base, how: Monotone, key: str) -> Iterator[Prunable]:
    """The mention, when it stands in the model's own text and its columns have no other names."""
    start, end = table.meta.get("start"), table.meta.get("end")
    own = sources.view_of(name) is None and not table.args["alias"].columns
    if own and isinstance(start, int) and isinstance(end, int):
        yield Prunable(base.dataset, how.column.name, key, how.grain, start, end, how)


def _count_uses(sources: Sources, name: str) -> dict[str, int]:
    """How often each relation is read: what is read twice may not be cut for one of its readers."""
    uses: dict[str, int] = {}
    ahead = [name]
    while ahead:
        relation = sources[ahead.pop()]
        names = (
            [relation.left, relation.right]
            if isinstance(relation, Pair)
            else [table.name for table in named_tables(relation.select)]
            if isinstance(relation, Single)
            else []
        )
        for below in names:
            uses[below] = uses.get(below, 0) + 1
            if uses[below] == 1:
                ahead.append(below)
    return uses


def _has_alias(query: Query, start: int) -> bool:
    return any(table.alias for table in _tables_at(query, start))


def _last_name(query: Query, start: int) -> str:
    return next(str(table.this.sql(DIALECT)) for table in _tables_at(query, start))


def _tables_at(query: Query, start: int) -> Iterator[exp.Table]:
    for table in query.tree.find_all(exp.Table):
        if any(part.meta.get("start") == start for part in table.parts):
            yield table
