"""What a SELECT does with its rows: which expressions tell its groups and partitions apart, which columns it gives."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from sqlglot import exp

from entrepot.sql.incremental.aggregates import is_aggregate
from entrepot.sql.query import DIALECT


@dataclass(frozen=True, slots=True)
class Shape:
    """How rows of a SELECT depend on each other."""

    keys: tuple[exp.Expr, ...] | None
    """Rows depend only on rows with the same values of these; () on all rows; None: each row stands for itself."""
    is_limited: bool
    is_grouped: bool
    """GROUP BY or aggregates."""
    is_compared: bool
    """Windows or DISTINCT ON, which look from one row at others."""


def read_shape(select: exp.Select) -> Shape:
    """Find the keys of a SELECT: what stands in GROUP BY, in every PARTITION BY and in DISTINCT ON at once."""
    windows = list(find_windows(select))
    on = distinct_on(select)
    grouped = select.args.get("group") is not None or any(
        is_aggregate(node) for part in _computed(select) for node in own_nodes(part)
    )
    keys = [group_keys(select)] if grouped else []
    keys += [partition_of(select, window) for window in windows]
    keys += [on] if on is not None else []
    return Shape(
        keys=_shared(keys) if keys else None,
        is_limited=bool(select.args.get("limit") or select.args.get("offset")),
        is_grouped=grouped,
        is_compared=bool(windows) or on is not None,
    )


def own_nodes(tree: exp.Expr) -> Iterator[exp.Expr]:
    """The nodes of an expression; of a query inside of it only the query itself."""
    return tree.walk(prune=lambda node: isinstance(node, exp.Query) and node is not tree)


def find_queries(tree: exp.Expr) -> list[exp.Query]:
    """The queries inside of an expression, those inside of them left out."""
    return [node for node in own_nodes(tree) if isinstance(node, exp.Query)]


def find_windows(select: exp.Select) -> Iterator[exp.Window]:
    """The windows that a SELECT computes."""
    for part in _computed(select):
        for node in own_nodes(part):
            if isinstance(node, exp.Window):
                yield node


def holds(tree: exp.Expr, *, aggregates: bool = True, unnest: bool = False) -> bool:
    """True when an expression holds an aggregate or a window, or (also) gives several rows."""
    for node in own_nodes(tree):
        if aggregates and (isinstance(node, exp.Window) or is_aggregate(node)):
            return True
        if unnest and isinstance(node, exp.Explode | exp.Unnest | exp.Posexplode):
            return True
    return False


def group_keys(select: exp.Select) -> list[exp.Expr]:
    """The expressions of GROUP BY, with numbers and ALL resolved; none for one group of all rows."""
    group = select.args.get("group")
    if group is None:
        return []
    if group.args.get("all"):
        return [p.unalias() for p in select.expressions if not any(holds(q) for q in [p, *alias_chain(select, [p])])]
    return [_resolve_number(select, key) for key in group.expressions]


def distinct_on(select: exp.Select) -> list[exp.Expr] | None:
    """The expressions of DISTINCT ON, None without. As in ORDER BY, a name means a column of the SELECT list first."""
    distinct = select.args.get("distinct")
    on = distinct.args.get("on") if distinct is not None else None
    if on is None:
        return None
    aliases = {p.alias.lower(): p.this for p in select.expressions if isinstance(p, exp.Alias)}
    keys = on.expressions if isinstance(on, exp.Tuple) else [on.unnest()]
    bare = [isinstance(key, exp.Column) and not key.table for key in keys]
    return [
        aliases.get(key.name.lower(), key) if is_bare else _resolve_number(select, key)
        for key, is_bare in zip(keys, bare, strict=True)
    ]


def partition_of(select: exp.Select, window: exp.Window) -> list[exp.Expr]:
    """The expressions of a window's PARTITION BY, also when they stand in the WINDOW clause."""
    own = list(window.args.get("partition_by") or [])
    named = window.args.get("alias")
    if own or named is None:
        return own
    for other in select.args.get("windows") or []:
        if other.name.lower() == named.name.lower():
            return partition_of(select, other)
    raise ValueError(f"the window {named.name} is not defined")


def output_names(select: exp.Select) -> tuple[str | None, ...] | None:
    """The names of the columns in lower case, None for one that the engine names; None when a star hides them or one stands twice."""
    if any(holds_star(projection) for projection in select.expressions):
        return None
    names = [p.output_name.lower() if isinstance(p, exp.Alias | exp.Column) else None for p in select.expressions]
    known = [name for name in names if name is not None]
    return tuple(names) if len(set(known)) == len(known) else None


def holds_star(tree: exp.Expr) -> bool:
    """True when an expression stands for columns that the text does not name."""
    return any(
        isinstance(node, exp.Columns) or (isinstance(node, exp.Star) and not isinstance(node.parent, exp.Count))
        for node in own_nodes(tree)
    )


def bare_names(trees: Iterable[exp.Expr]) -> set[str]:
    """Every column name written without a table, which may mean an alias of the SELECT list."""
    return {c.name.lower() for tree in trees for c in tree.find_all(exp.Column) if not c.table}


def alias_chain(select: exp.Select, seeds: Collection[exp.Expr]) -> list[exp.Expr]:
    """The projections whose alias the seeds may mean, and those that these may mean in turn, in the order of the text."""
    wanted: set[str] = set()
    names = bare_names(seeds)
    while names - wanted:
        wanted |= names
        names = bare_names(p for p in select.expressions if isinstance(p, exp.Alias) and p.alias.lower() in wanted)
    return [p for p in select.expressions if isinstance(p, exp.Alias) and p.alias.lower() in wanted and p not in seeds]


def normal(tree: exp.Expr) -> str:
    """A text that is equal for expressions that mean the same column of the same source."""
    tree = tree.copy()
    for name in tree.find_all(exp.Identifier):
        name.replace(exp.to_identifier(name.name.lower(), quoted=True))
    if isinstance(tree, exp.Identifier):
        return tree.name.lower()
    return tree.sql(DIALECT, comments=False)


def is_function_of(tree: exp.Expr, keys: Iterable[exp.Expr]) -> bool:
    """True when the value of an expression follows from the values of the keys, as far as the text shows."""
    known = {normal(key) for key in keys}

    def follows(node: exp.Expr) -> bool:
        if normal(node) in known:
            return True
        if isinstance(node, exp.Column | exp.Query | exp.Star):
            return False
        return all(follows(child) for child in node.iter_expressions())

    return follows(tree.unalias())


def _computed(select: exp.Select) -> list[exp.Expr]:
    parts = [*select.expressions, select.args.get("having"), select.args.get("qualify")]
    return [part for part in parts if part is not None]


def _resolve_number(select: exp.Select, key: exp.Expr) -> exp.Expr:
    if isinstance(key, exp.Literal) and not key.is_string:
        found: exp.Expr = select.expressions[int(key.name) - 1].unalias()
        return found
    return key


def _shared(sets: list[list[exp.Expr]]) -> tuple[exp.Expr, ...]:
    """What stands in all the sets and can be asked of a single row."""
    others = [{normal(key) for key in keys} for keys in sets[1:]]
    found = {normal(key): key for key in sets[0] if all(normal(key) in other for other in others)}
    return tuple(
        key
        for key in found.values()
        if key.find(exp.Column) is not None and not find_queries(key) and not holds(key, unnest=True)
    )
