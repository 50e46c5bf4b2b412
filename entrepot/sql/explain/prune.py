"""Leave out of a SELECT what does not bear on the wanted columns: the rows stay, other columns become null.

Where a column is one of a window or of a subquery, it would bring in rows that the wanted columns do not need.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from sqlglot import exp

from entrepot.sql.explain.shapes import groups, is_aggregate, own_nodes
from entrepot.sql.query import Query


def prune(query: Query, wanted: Collection[str] | None) -> Query:
    """The query with null in columns that are not wanted and that nothing else in it names; None: all are wanted."""
    if wanted is None:
        return query
    tree = query.tree.copy()
    kept = {name.lower() for name in wanted}
    while _null_once(tree, kept):
        pass
    return Query(query.text, query.path, tree, query.tokens)


def named_columns(query: Query, tables: Collection[str]) -> set[str] | None:
    """Names of columns that a query reads of tables (`layer.name`), in lower case; None: all, by a star."""
    for select in query.tree.find_all(exp.Select):
        if any(projection.is_star for projection in select.expressions) and _reads_directly(select, tables):
            return None
    return {name for name, _ in _references(query.tree).items()}


def _null_once(tree: exp.Query, kept: set[str]) -> bool:
    """Null every projection that can go now. Returns: whether one could."""
    references = _references(tree)
    found = False
    for select in list(tree.find_all(exp.Select)):
        if not _may_lose(select, tree):
            continue
        fixed = _by_position(select)
        for place, projection in enumerate(select.expressions):
            if place in fixed or not _can_go(select, projection) or _is_null(projection):
                continue
            name = projection.output_name.lower()
            own = Counter(column.name.lower() for column in projection.find_all(exp.Column))
            if name in kept or references[name] > own[name]:
                continue
            alias = exp.to_identifier(projection.output_name, quoted=True)
            made = exp.Alias(this=exp.Null(), alias=alias)
            made.meta.update(projection.meta)
            projection.replace(made)
            found = True
    return found


def _references(tree: exp.Expr) -> Counter[str]:
    """How often each name is named as a column, but for EXCLUDE lists."""
    found: Counter[str] = Counter()
    for node in tree.walk():
        if isinstance(node, exp.Column) and not isinstance(node.this, exp.Star) and not _in_exclude(node):
            found.update(part.name.lower() for part in node.parts)
        elif isinstance(node, exp.Join):
            found.update(identifier.name.lower() for identifier in node.args.get("using") or ())
        elif isinstance(node, exp.TableAlias) and node.columns:
            found.update(_renamed(node))
    return found


def _renamed(alias: exp.TableAlias) -> Iterator[str]:
    """Columns that get other names `t(a, b)`: what they were called cannot be told, so all inside stay."""
    inner = alias.parent.this if alias.parent is not None else None
    for select in inner.find_all(exp.Select) if isinstance(inner, exp.Expr) else ():
        yield from (projection.output_name.lower() for projection in select.expressions)


def _in_exclude(node: exp.Expr) -> bool:
    return node.arg_key == "except_" or (node.parent is not None and node.parent.arg_key == "except_")


def _may_lose(select: exp.Select, tree: exp.Query) -> bool:
    """False where a column less would make other rows, or where columns go by their place."""
    if select.args.get("distinct") is not None or select.find_ancestor(exp.SetOperation) is not None:
        return False
    if groups(select) and select.args.get("group") is None:
        return False
    return select is tree or (isinstance(select.parent, exp.CTE | exp.Subquery) and _is_relation(select.parent))


def _is_relation(node: exp.Expr) -> bool:
    """True for a query in FROM or WITH, whose columns are named; false inside an expression."""
    return isinstance(node, exp.CTE) or isinstance(node.parent, exp.From | exp.Join | exp.Lateral)


def _can_go(select: exp.Select, projection: exp.Expr) -> bool:
    if projection.is_star or not projection.output_name:
        return False
    if any(isinstance(node, exp.Unnest | exp.Explode) for node in own_nodes(projection)):
        return False
    group = select.args.get("group")
    if group is None or not group.args.get("all"):
        return True
    return any(is_aggregate(node) for node in own_nodes(projection))


def _by_position(select: exp.Select) -> set[int]:
    """Places of projections that GROUP BY and ORDER BY name by number."""
    found = set()
    for key in ("group", "order"):
        clause = select.args.get(key)
        for node in clause.walk() if clause is not None else ():
            if isinstance(node, exp.Literal) and node.is_int:
                found.add(int(node.name) - 1)
    return found


def _is_null(projection: exp.Expr) -> bool:
    return isinstance(projection, exp.Alias) and isinstance(projection.this, exp.Null)


def _reads_directly(select: exp.Select, tables: Collection[str]) -> bool:
    start = select.args.get("from_")
    sources = [start.this] if start is not None else []
    sources += [join.this for join in select.args.get("joins") or ()]
    names = {f"{table.db}.{table.name}".lower() for source in sources for table in source.find_all(exp.Table)}
    return bool(names & set(tables))
