"""Single expressions, as KPI files hold them."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlglot import exp

from entrepot.sql.query import DIALECT, Query, parse_query


@dataclass(frozen=True, slots=True)
class Aggregate:
    """An aggregate over one table, such as `sum(amount) / count(*)`."""

    text: str
    tree: exp.Expr = field(compare=False, repr=False)

    @property
    def is_additive(self) -> bool:
        """True when the values of groups can be summed up to that of all: a plain sum or count, not of distinct values."""
        tree = self.tree
        while isinstance(tree, exp.Filter | exp.Cast | exp.Paren):
            tree = tree.this
        if isinstance(tree, exp.Count):
            return not isinstance(tree.this, exp.Distinct)
        return isinstance(tree, exp.CountIf) or (isinstance(tree, exp.Sum) and not isinstance(tree.this, exp.Distinct))


def parse_aggregate(text: str) -> Aggregate:
    """Parse one aggregate expression.

    Raises: ProjectError when it is none: a column outside an aggregate, a subquery, a window, several expressions.
    """
    query = parse_query(f"SELECT\n{text}\n")
    tree = _only_projection(query)
    for node in tree.walk():
        if isinstance(node, exp.Query | exp.Window):
            raise query.error("a subquery or window stands where one aggregate over the model is expected.")
    functions = list(tree.find_all(exp.AggFunc, exp.Anonymous))
    if not functions:
        raise query.error("there is no aggregate such as sum(…) or count(*).")
    for column in tree.find_all(exp.Column):
        if column.find_ancestor(exp.AggFunc, exp.Anonymous, exp.Filter) is None:
            raise query.error(f"the column {column.name} stands outside an aggregate such as sum(…).")
    first, last = query.tokens[1], query.tokens[-1]
    return Aggregate(query.text[first.start : last.end + 1], tree)


def quote_name(name: str) -> str:
    """A column's name, quoted for SQL."""
    return exp.to_identifier(name, quoted=True).sql(DIALECT)


def _only_projection(query: Query) -> exp.Expr:
    select = query.tree
    extra = [key for key, value in select.args.items() if value and key not in ("expressions", "kind")]
    if not isinstance(select, exp.Select) or extra or len(select.expressions) != 1:
        raise query.error("one aggregate expression is expected, without FROM, WHERE or commas.")
    found: exp.Expr = select.expressions[0]
    if isinstance(found, exp.Alias):
        raise query.error("the expression needs no name (AS …).")
    return found
