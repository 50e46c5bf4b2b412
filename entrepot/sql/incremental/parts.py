"""The clauses that the derivation knows, by class of node; any other is refused, however harmless it may be."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

_KNOWN: Mapping[type[exp.Expr], frozenset[str]] = {
    exp.Select: frozenset(
        {
            "with_", "expressions", "distinct", "from_", "joins", "where", "group", "having", "qualify", "windows",
            "order", "limit", "offset", "operation_modifiers",
        }
    ),
    exp.Join: frozenset({"this", "on", "side", "kind", "using", "method"}),
    exp.Table: frozenset({"this", "db", "alias"}),
    exp.Subquery: frozenset({"this", "alias"}),
    exp.Group: frozenset({"expressions", "all", "rollup", "cube", "grouping_sets"}),
    exp.Window: frozenset({"this", "partition_by", "order", "spec", "alias", "over"}),
    exp.Distinct: frozenset({"expressions", "on"}),
    exp.In: frozenset({"this", "expressions", "query"}),
    exp.With: frozenset({"expressions", "recursive"}),
    exp.CTE: frozenset({"this", "alias", "materialized"}),
    exp.Lateral: frozenset({"this", "alias", "view", "outer"}),
}  # fmt: skip
_SET_OPERATION = frozenset({"with_", "this", "expression", "distinct", "by_name", "order"})


def find_unknown_parts(node: exp.Expr) -> str | None:
    """The name of a clause of this node that the derivation does not know; None without."""
    known = _SET_OPERATION if isinstance(node, exp.SetOperation) else _KNOWN.get(type(node))
    if known is None:
        return None
    for part, value in node.args.items():
        if value and part not in known:
            return f"{part.strip('_').upper()} in {type(node).__name__.upper()}"
    return None
