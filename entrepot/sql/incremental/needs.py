"""Which columns of a relation are read, so that deltas carry no others."""

from __future__ import annotations

from sqlglot import exp

from entrepot.sql.incremental.shape import holds_star, output_names
from entrepot.sql.incremental.sources import Base, Pair, Sources


def needed_columns(sources: Sources, core: exp.Select, table: exp.Expr) -> frozenset[str] | None:
    """The columns of a relation that a SELECT mentions; None: all, or not known."""
    names = names_of(sources, table.name)
    alias = table.args.get("alias")
    stars = (star for star in core.find_all(exp.Star, exp.Columns) if not isinstance(star.parent, exp.Count))
    if names is None or any(stars) or (alias is not None and alias.columns):
        return None
    mentioned: set[str] = set()
    for column in core.find_all(exp.Column):
        mentioned.update(part.name.lower() for part in column.parts if not isinstance(part, exp.Star))
    for join in core.find_all(exp.Join):
        mentioned.update(name.name.lower() for name in join.args.get("using") or [])
    if _is_whole_row(core, table.alias_or_name.lower()):
        return None
    return frozenset(names) & mentioned


def names_of(sources: Sources, name: str) -> tuple[str, ...] | None:
    """The names of a relation's columns; None when the text does not tell."""
    relation = sources[name]
    if isinstance(relation, Base):
        return None
    if isinstance(relation, Pair):
        return None if relation.node.args.get("by_name") else names_of(sources, relation.left)
    names = output_names(relation.select)
    return tuple(filter(None, names)) if names is not None and None not in names else None


def split_want(
    sources: Sources, pair: Pair, want: frozenset[str] | None
) -> tuple[frozenset[str] | None, frozenset[str] | None]:
    """What is wanted of a UNION's columns, for each side by its own names."""
    left, right = names_of(sources, pair.left), names_of(sources, pair.right)
    if want is None or left is None or right is None or len(left) != len(right) or pair.node.args.get("by_name"):
        return None, None
    wanted = [index for index, name in enumerate(left) if name in want]
    if not wanted:
        return None, None
    return frozenset(left[i] for i in wanted), frozenset(right[i] for i in wanted)


def restrict(select: exp.Select, want: frozenset[str] | None) -> list[exp.Expr] | None:
    """The projections that give the wanted columns; None when the text does not tell."""
    if not want:
        return None
    names = output_names(select)
    if names is None:
        return _through_star(select, want)
    if not want.issubset(names):
        return None
    return [p for p, name in zip(select.expressions, names, strict=True) if name in want]


def _through_star(select: exp.Select, want: frozenset[str]) -> list[exp.Expr] | None:
    """A plain star over one source hands its columns on by their names."""
    stars = [p for p in select.expressions if holds_star(p)]
    named = {p.output_name.lower() for p in select.expressions if p not in stars}
    if len(stars) != 1 or select.args.get("joins") or named & want or not _is_plain_star(stars[0]):
        return None
    return [exp.column(exp.to_identifier(name, quoted=True)) for name in sorted(want)]


def _is_plain_star(star: exp.Expr) -> bool:
    star = star.this if isinstance(star, exp.Column) else star
    return isinstance(star, exp.Star) and not any(star.args.values())


def _is_whole_row(core: exp.Select, alias: str) -> bool:
    return any(column.name.lower() == alias and not column.table for column in core.find_all(exp.Column))
