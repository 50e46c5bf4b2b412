"""Make a SELECT ready: views put in, base tables named as they are read, and what cannot be followed refused by name."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from entrepot.kernel.names import Dataset
from entrepot.sql.explain.inputs import Input, NotExplainable
from entrepot.sql.query import DIALECT, Query, find_offset
from entrepot.sql.tables import TABLE_FUNCTIONS, find_cte

DATASET = "entrepot.dataset"
WITHIN = "entrepot.view"


def prepare(query: Query, views: Mapping[Dataset, Query], inputs: Mapping[Dataset, Input]) -> exp.Query:
    """A copy of the tree over base tables only, each with an alias and its dataset in its `meta`.

    Raises: NotExplainable.
    """
    tree = _over_tables(query.tree.copy(), None, views, inputs)
    _refuse(tree)
    return tree


def dataset_of(table: exp.Expr) -> Dataset | None:
    """The dataset that `prepare` noted."""
    found: Dataset | None = table.meta.get(DATASET)
    return found


def view_of(node: exp.Expr) -> str | None:
    """The view in whose text a node stands; None: the model's own."""
    outer: exp.Expr | None = node
    while outer is not None:
        if WITHIN in outer.meta:
            return str(outer.meta[WITHIN])
        outer = outer.parent
    return None


def _over_tables(
    tree: exp.Query, within: Dataset | None, views: Mapping[Dataset, Query], inputs: Mapping[Dataset, Input]
) -> exp.Query:
    if within is not None:
        tree.meta[WITHIN] = str(within)
    found = [table for table in tree.find_all(exp.Table) if _is_dataset(table)]
    for table in found:
        dataset = Dataset(table.db.lower(), table.name.lower())
        if dataset in views:
            body = _over_tables(views[dataset].tree.copy(), dataset, views, inputs)
            _replace(table, exp.Subquery(this=body))
        else:
            relation = exp.Table(this=exp.Var(this=inputs[dataset].relation))
            relation.meta[DATASET] = dataset
            _replace(table, relation)
    _shorten_columns(tree, {Dataset(table.db.lower(), table.name.lower()) for table in found})
    return tree


def _is_dataset(table: exp.Table) -> bool:
    return isinstance(table.this, exp.Identifier) and bool(table.db) and find_cte(table) is None


def _replace(table: exp.Table, by: exp.Expr) -> None:
    alias = table.args.get("alias")
    own = alias.copy() if alias is not None else exp.TableAlias()
    if own.this is None:
        own.set("this", exp.to_identifier(table.name, quoted=table.this.quoted))
    by.set("alias", own)
    for key in ("joins", "pivots", "sample"):
        if table.args.get(key):
            by.set(key, table.args[key])
    by.meta["start"] = find_offset(table) or 0
    table.replace(by)


def _shorten_columns(tree: exp.Expr, datasets: set[Dataset]) -> None:
    """`silver.sales.day` becomes `sales.day`: the table has another name where it is read."""
    for column in tree.find_all(exp.Column):
        if column.args.get("db") and Dataset(column.text("db").lower(), column.table.lower()) in datasets:
            column.set("db", None)


def _refuse(tree: exp.Expr) -> None:
    for node in tree.walk():
        what = _what_is_refused(node)
        if what is not None:
            raise NotExplainable(what, node=node)


def _what_is_refused(node: exp.Expr) -> str | None:
    match node:
        case exp.Join() if node.method in ("NATURAL", "POSITIONAL"):
            return f"a {node.method} JOIN"
        case exp.TableSample():
            return "a sample (TABLESAMPLE, USING SAMPLE)"
        case exp.Pivot():
            return "UNPIVOT" if node.args.get("unpivot") else "PIVOT"
        case exp.Columns():
            return "COLUMNS(…)"
        case exp.Intersect() | exp.Except() if node.args.get("distinct") is False:
            return f"{type(node).__name__.upper()} ALL"
        case exp.Table() if not isinstance(node.this, exp.Identifier | exp.Var) and not _reads_nothing(node):
            return f"{node.this.sql(DIALECT)[:40]} in FROM"
        case exp.Command():
            return "a command"
    return None


def _reads_nothing(table: exp.Table) -> bool:
    name = table.this.name if isinstance(table.this, exp.Anonymous) else type(table.this).__name__
    return name.lower().replace("generateseries", "generate_series") in TABLE_FUNCTIONS | {"generate_series"}
