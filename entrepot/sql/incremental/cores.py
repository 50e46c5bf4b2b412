"""Pieces of SELECTs that deltas are put together from."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from entrepot.sql.incremental.shape import alias_chain, holds


def source_tables(select: exp.Select) -> list[tuple[exp.Expr, exp.Join | None]]:
    """What stands in FROM and in each JOIN."""
    head = select.args.get("from_")
    joins: list[exp.Join] = select.args.get("joins") or []
    return [*([(head.this, None)] if head is not None else []), *((join.this, join) for join in joins)]


def core_of(select: exp.Select, projections: Sequence[exp.Expr], keys: Sequence[exp.Expr] = ()) -> exp.Select:
    """The SELECT before it groups, compares, sorts and cuts, with other columns: `__c0`, `__c1` … after the aliases they need."""
    seeds = [*projections, *keys, *([select.args["where"]] if select.args.get("where") else [])]
    aliases = [p for p in alias_chain(select, seeds) if not holds(p, unnest=True)]
    core = exp.Select(expressions=[p.copy() for p in aliases])
    for index, projection in enumerate(projections):
        hidden = exp.alias_(projection.unalias().copy(), f"__c{index}") if aliases else projection.copy()
        core.append("expressions", hidden)
    for part in ("from_", "where"):
        if select.args.get(part) is not None:
            core.set(part, select.args[part].copy())
    core.set("joins", [join.copy() for join in select.args.get("joins") or []])
    return core


def only(core: exp.Select, projections: Sequence[exp.Expr]) -> exp.Select:
    """The wanted columns of a core under their names, without the aliases that were put before them."""
    if len(core.expressions) == len(projections):
        return core
    columns = []
    for index, projection in enumerate(projections):
        column = exp.column(f"__c{index}")
        name = projection.output_name
        columns.append(exp.alias_(column, name, quoted=True) if name else column)
    return exp.select(*columns).from_(core.subquery("__a"))


def point(table: exp.Expr, to: exp.Table) -> None:
    """Let a table in a tree read another one under its old alias."""
    table.set("this", to.this.copy())
    table.set("db", to.args["db"].copy() if to.args.get("db") is not None else None)


def among(keys: Sequence[exp.Expr], table: exp.Table) -> exp.Expr:
    """Structs compare NULL with NULL as equal, and DuckDB joins by them as fast as by columns."""
    left = _struct([(f"k{i}", key.copy()) for i, key in enumerate(keys)])
    right = _struct([(f"k{i}", exp.column(f"__k{i}")) for i in range(len(keys))])
    return exp.In(this=left, query=exp.Select(expressions=[right]).from_(table).subquery())


def _struct(fields: Sequence[tuple[str, exp.Expr]]) -> exp.Expr:
    return exp.Struct(
        expressions=[exp.PropertyEQ(this=exp.to_identifier(name), expression=value) for name, value in fields]
    )
