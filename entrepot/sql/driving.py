"""Find the way of a driving table's rows to the outermost SELECT, or say why there is none."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from entrepot.kernel.errors import ProjectError
from entrepot.kernel.names import Dataset
from entrepot.sql.query import Query, find_offset
from entrepot.sql.spans import find_enclosing
from entrepot.sql.tables import find_cte, table_nodes


@dataclass(frozen=True, slots=True)
class Link:
    """One SELECT on the way: the name under which it reads the rows, and where that stands in its FROM."""

    select: exp.Select
    alias: str
    anchor: int


def find_chain(query: Query, driving: Dataset) -> tuple[Link, ...]:
    """The SELECTs from the outermost down to the one that reads the driving table, each giving one row per record.

    Raises: ProjectError with the reason why record ids cannot be carried.
    """
    mentions = [table for table, dataset in table_nodes(query) if dataset == driving]
    if not mentions:
        raise query.error(f"the driving input {driving} is not read by this SELECT.")
    if len(mentions) > 1:
        raise _refusal(query, driving, f"{driving} is read twice, and only its new rows are seen", mentions[1])
    links: list[Link] = []
    node: exp.Expr = mentions[0]
    anchor = find_offset(mentions[0]) or 0
    while True:
        select = _select_over(query, driving, node)
        _check_plain(query, driving, select)
        links.append(Link(select, node.alias_or_name, anchor))
        if select is query.tree:
            return tuple(reversed(links))
        node, anchor = _step_out(query, driving, select, links[-1].anchor)


def may_repeat(query: Query) -> bool:
    """True when something in the query could give a record more than once: a join, a union, an unnest."""
    return query.tree.find(exp.Join, exp.SetOperation, exp.Unnest, exp.Explode, exp.Lateral) is not None


def _select_over(query: Query, driving: Dataset, node: exp.Expr) -> exp.Select:
    """The SELECT whose FROM or JOIN holds the node, which must not stand on the side that may be missing."""
    holder = node.parent
    select = holder.parent if holder is not None else None
    if not isinstance(holder, exp.From | exp.Join) or not isinstance(select, exp.Select):
        raise _refusal(query, driving, "it is not read directly in FROM or JOIN", node)
    joins: list[exp.Join] = select.args.get("joins") or []
    for join in joins:
        later = isinstance(holder, exp.Join) and joins.index(join) < joins.index(holder)
        if join is holder and (join.side or join.kind in ("SEMI", "ANTI")):
            raise _refusal(query, driving, "an outer or semi join may leave its record out", join)
        if join.side in ("RIGHT", "FULL") and not later:
            raise _refusal(query, driving, f"a {join.side} JOIN gives rows that are no record of it", join)
    return select


def _check_plain(query: Query, driving: Dataset, select: exp.Select) -> None:
    for key, what in (
        ("group", "GROUP BY joins several records"),
        ("distinct", "DISTINCT joins several records"),
        ("having", "HAVING joins several records"),
        ("qualify", "QUALIFY compares with records that an earlier batch took"),
        ("limit", "LIMIT leaves records out"),
        ("offset", "OFFSET leaves records out"),
    ):
        if select.args.get(key) is not None:
            part = select.args[key]
            raise _refusal(query, driving, what, part if find_offset(part) is not None else select)
    for projection in select.expressions:
        for node in projection.find_all(exp.AggFunc, exp.Window, exp.Explode, exp.Unnest):
            if node.find_ancestor(exp.Select) is select:
                raise _refusal(query, driving, _why_not(node), projection)


def _why_not(node: exp.Expr) -> str:
    if isinstance(node, exp.Explode | exp.Unnest):
        return "unnest makes several rows of one record"
    if isinstance(node, exp.Window):
        return "a window looks at records that an earlier batch took"
    return "an aggregate joins several records"


def _step_out(query: Query, driving: Dataset, select: exp.Select, anchor: int) -> tuple[exp.Expr, int]:
    """From a SELECT to the place where its rows are read: the derived table, or the one mention of the CTE."""
    parent = select.parent
    if isinstance(parent, exp.Subquery):
        return parent, find_enclosing(query, anchor)
    if not isinstance(parent, exp.CTE):
        mixed = isinstance(parent, exp.SetOperation)
        reason = "UNION, EXCEPT and INTERSECT mix its records" if mixed else "it is read inside an expression"
        raise _refusal(query, driving, reason, select)
    if parent.args["alias"].columns:
        raise _refusal(query, driving, "the common table expression lists its columns in its head", parent)
    mentions = [table for table in query.tree.find_all(exp.Table) if find_cte(table) is parent]
    if len(mentions) != 1:
        raise _refusal(query, driving, f"{parent.alias} is read {len(mentions)} times", parent)
    return mentions[0], find_offset(mentions[0].this) or 0


def _refusal(query: Query, driving: Dataset, reason: str, where: exp.Expr) -> ProjectError:
    return query.error(
        f"the rows of this SELECT are not one record of {driving} each: {reason}.",
        where,
        hint="Models of kind append and merge give one row per new record of their driving input; else use kind full.",
    )
