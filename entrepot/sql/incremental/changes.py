"""Conditions that say of a row: what this subquery or LEFT JOIN answers for it may have changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from entrepot.sql.incremental.cores import source_tables
from entrepot.sql.incremental.shape import find_queries, holds_star, read_shape
from entrepot.sql.incremental.sources import unite, unwrap

if TYPE_CHECKING:
    from entrepot.sql.incremental.derivation import Derivation

_ONE = (exp.Literal.number(1),)


def matched(core: exp.Select, table: exp.Expr, join: exp.Join, delta: exp.Table) -> exp.Expr:
    """True for rows that a row of the delta may match by the join's ON or USING."""
    rows = delta.copy()
    rows.set("alias", table.args["alias"].copy())
    using = join.args.get("using") or []
    on = join.args.get("on")
    pairs: list[tuple[exp.Expr, exp.Expr]] = [
        (_left_column(core, join, name), exp.column(name.copy())) for name in using
    ]
    pairs += _equalities(on, table.alias_or_name.lower()) if on is not None else []
    if pairs:
        # IN is joined ten times faster than EXISTS. What else ON says is left out: more rows match, never fewer.
        outer, inner = ([side.copy() for side in sides] for sides in zip(*pairs, strict=True))
        found = exp.Select(expressions=inner).from_(rows)
        return exp.In(this=outer[0] if len(outer) == 1 else exp.Tuple(expressions=outer), query=found.subquery())
    return exp.Exists(this=exp.Select(expressions=[*_ONE]).from_(rows).where(on.copy() if on is not None else None))


def _equalities(on: exp.Expr, alias: str) -> list[tuple[exp.Expr, exp.Expr]]:
    """The conjuncts of ON that compare the joined table with the others: their side and its side, as far as the text shows."""
    found = []
    for part in on.unnest().flatten() if isinstance(on.unnest(), exp.And) else [on.unnest()]:
        if not isinstance(part, exp.EQ):
            continue
        of_left, of_right = _tables(part.this), _tables(part.expression)
        if of_right == {alias} and of_left and alias not in of_left and "" not in of_left:
            found.append((part.this, part.expression))
        elif of_left == {alias} and of_right and alias not in of_right and "" not in of_right:
            found.append((part.expression, part.this))
    return found


def _tables(tree: exp.Expr) -> set[str]:
    """The tables that an expression names; "" for columns without one."""
    return {column.parts[0].name.lower() if column.table else "" for column in tree.find_all(exp.Column)}


def conditions(derivation: Derivation, select: exp.Select) -> list[exp.Expr]:
    """One condition for each way in which a query in the WHERE or the SELECT list may answer otherwise."""
    found: list[exp.Expr] = []
    for part in (select.args.get("where"), *select.expressions):
        for query in find_queries(part) if part is not None else []:
            holder = query.parent
            if isinstance(holder, exp.In) and holder.args.get("query") is query:
                found += membership_changes(derivation, holder)
            else:
                found += answer_changes(derivation, query)
    return found


def answer_changes(derivation: Derivation, query: exp.Expr) -> list[exp.Expr]:
    """True when a row came or went that the query sees, whatever it makes of it."""
    query = unwrap(query)
    if isinstance(query, exp.SetOperation):
        return [*answer_changes(derivation, query.this), *answer_changes(derivation, query.expression)]
    assert isinstance(query, exp.Select)
    return [_gives_rows(term) for term in derivation.terms_of_both(query, _ONE)]


def _gives_rows(term: exp.Query) -> exp.Expr:
    """True when a query gives a row: by IN where its WHERE compares its own columns with outer ones, since IN is joined faster."""
    where = term.args.get("where")
    own = {table.alias_or_name.lower() for table, _ in source_tables(term)} if isinstance(term, exp.Select) else set()
    parts = list(where.this.unnest().flatten()) if where is not None and isinstance(where.this, exp.And) else []
    parts = parts or ([where.this] if where is not None else [])
    pairs = [(part, pair) for part in parts if (pair := _across(part, own)) is not None]
    if not pairs or not isinstance(term, exp.Select):
        return exp.Exists(this=term)
    used = [part for part, _ in pairs]
    rest = [part.copy() for part in parts if not any(part is one for one in used)]
    term = term.copy()
    term.set("where", exp.Where(this=exp.and_(*rest)) if rest else None)
    term.set("expressions", [inner.copy() for _, (_, inner) in pairs])
    outer = [outside.copy() for _, (outside, _) in pairs]
    return exp.In(this=outer[0] if len(outer) == 1 else exp.Tuple(expressions=outer), query=term.subquery())


def _across(part: exp.Expr, own: set[str]) -> tuple[exp.Expr, exp.Expr] | None:
    """The outer and the own side of an equality, when each names the tables of all its columns and asks no query."""
    if not isinstance(part, exp.EQ) or part.find(exp.Query) is not None:
        return None
    for outer, inner in ((part.this, part.expression), (part.expression, part.this)):
        outside, inside = _tables(outer), _tables(inner)
        if outside and inside and inside <= own and not outside & (own | {""}):
            return outer, inner
    return None


def membership_changes(derivation: Derivation, holder: exp.In) -> list[exp.Expr]:
    """True when a value of `x IN (…)` came or went that is x, or (where NULL and false differ) when it or x is NULL."""
    values = holder.this.expressions if isinstance(holder.this, exp.Tuple) else [holder.this]
    width = len(values)
    rows = _member_rows(derivation, unwrap(holder.args["query"]), width)
    must_hold = _must_hold(holder)
    if rows is None or (width > 1 and not must_hold):
        return answer_changes(derivation, holder.args["query"])
    if not rows:
        return []
    same = [exp.EQ(this=_member(i), expression=value.copy()) for i, value in enumerate(values)]
    found = [_exists(rows, width, same)]
    if not must_hold:
        found.append(_exists(rows, width, [_is_null(_member(0))]))
        found.append(exp.and_(_is_null(values[0].copy()), _exists(rows, width, [])))
    return found


def _member_rows(derivation: Derivation, query: exp.Expr, width: int) -> list[exp.Query] | None:
    """What came and went of the values in `IN (query)`, columns `__m0`, `__m1` …; None when it cannot be told."""
    plain = False
    if isinstance(query, exp.Select):
        shape = read_shape(query)
        plain = shape.keys is None and not shape.is_limited
        if len(query.expressions) != width or any(holds_star(p) for p in query.expressions):
            return None
    if plain and isinstance(query, exp.Select):
        return derivation.terms_of_both(query, query.expressions)
    if _looks_outside(query):
        return None
    delta = derivation.delta_of_both(derivation.sources.define(query.copy()), None)
    return [exp.select("*").from_(delta)] if delta is not None else []


def _looks_outside(query: exp.Expr) -> bool:
    """True when a query names a table that is not its own: it is asked anew for each row outside."""
    own = {table.alias_or_name.lower() for table in query.find_all(exp.Table)}
    return any(column.table and column.parts[0].name.lower() not in own for column in query.find_all(exp.Column))


def _must_hold(node: exp.Expr) -> bool:
    """True for a conjunct of the WHERE: rows where it is NULL are left out like those where it is false."""
    above = node.parent
    while isinstance(above, exp.And | exp.Paren):
        above = above.parent
    return isinstance(above, exp.Where)


def _left_column(core: exp.Select, join: exp.Join, name: exp.Expr) -> exp.Expr:
    """The column that USING compares with: by its table when there is one only."""
    joins = core.args["joins"]
    first = core.args["from_"].this.alias_or_name
    alone = joins[0] is join or (len(joins) == 1)
    return exp.column(name.copy(), table=exp.to_identifier(first, quoted=True) if alone else None)


def _exists(rows: Sequence[exp.Query], width: int, where: Sequence[exp.Expr]) -> exp.Expr:
    """True when one of the rows, as `__m(__m0, …)`, is so."""
    names = exp.TableAlias(this=exp.to_identifier("__m"), columns=[exp.to_identifier(f"__m{i}") for i in range(width)])
    found = exp.Subquery(this=unite(rows).copy(), alias=names)
    return exp.Exists(this=exp.Select(expressions=[*_ONE]).from_(found).where(*where))


def _member(index: int) -> exp.Expr:
    return exp.column(f"__m{index}", table="__m")


def _is_null(value: exp.Expr) -> exp.Expr:
    return exp.Is(this=exp.paren(value), expression=exp.Null())
