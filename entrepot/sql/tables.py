"""Which datasets a SELECT reads."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from entrepot.kernel.errors import Place
from entrepot.kernel.names import LAYERS, Dataset, parse_dataset
from entrepot.sql.query import Query, parse_query

TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest"})
"""Functions allowed in FROM: those that read nothing from outside."""


@dataclass(frozen=True, slots=True)
class TableUse:
    """One mention of a dataset in a query."""

    dataset: Dataset
    place: Place | None


def find_tables(query: Query | str) -> tuple[Dataset, ...]:
    """The datasets a query reads, each once, in the order of the text. CTEs are none.

    Raises: ProjectError with the place of a name that is neither a CTE nor `layer.name`.
    """
    return tuple(dict.fromkeys(use.dataset for use in find_table_uses(query)))


def find_table_uses(query: Query | str) -> tuple[TableUse, ...]:
    """Every mention of a dataset, in the order of the text. Raises: as `find_tables`."""
    query = parse_query(query) if isinstance(query, str) else query
    found = [(_offset(table), TableUse(dataset, query.place(table))) for table, dataset in table_nodes(query)]
    return tuple(use for _, use in sorted(found, key=lambda pair: pair[0]))


def table_nodes(query: Query) -> list[tuple[exp.Table, Dataset]]:
    """The tree's tables with their names. Every node is looked at, so none can hide in a construct unknown to us."""
    pairs = []
    for table in query.tree.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier):
            _check_function(query, table)
        elif find_cte(table) is None:
            pairs.append((table, _read_name(query, table)))
    return pairs


def find_cte(table: exp.Table) -> exp.CTE | None:
    """The CTE that a table's name stands for, as SQL sees it: the innermost WITH first, only those defined before."""
    if table.args.get("db") or table.args.get("catalog"):
        return None
    name, node = table.name.lower(), table.parent
    below: exp.Expr = table
    while node is not None:
        visible: list[exp.CTE] = []
        if isinstance(node, exp.With):
            index = next(i for i, cte in enumerate(node.expressions) if cte is below)
            visible = node.expressions[: index + 1 if node.args.get("recursive") else index]
        elif (head := node.args.get("with_")) is not None and head is not below:
            visible = head.expressions
        for cte in reversed(visible):
            if cte.alias.lower() == name:
                return cte
        below, node = node, node.parent
    return None


def _read_name(query: Query, table: exp.Table) -> Dataset:
    name = ".".join(part.name for part in table.parts)
    if table.args.get("when"):
        raise query.error(f"{name} is read as of another version; a model reads what its run gives it.", table)
    if not table.db:
        raise query.error(
            f"{name!r} is neither a dataset nor a common table expression defined before.",
            table,
            hint=f"Datasets are written layer.name, with layer one of {', '.join(LAYERS)}.",
        )
    try:
        return parse_dataset(name.lower())
    except ValueError as error:
        raise query.error(str(error), table) from error


def _check_function(query: Query, table: exp.Table) -> None:
    name = _function_name(query, table.this)
    if name not in TABLE_FUNCTIONS:
        raise query.error(
            f"{name}() in FROM reads from outside the lake or is not known; allowed are layer.name and "
            f"{', '.join(f'{allowed}()' for allowed in sorted(TABLE_FUNCTIONS))}.",
            table,
            hint="Files come in through sources/*.yaml, so that they are checked and can be traced.",
        )


def _function_name(query: Query, node: exp.Expr) -> str:
    """The function's name as the author wrote it; the parser renames some."""
    if "start" in node.meta:
        return query.text[node.meta["start"] : node.meta["end"] + 1].strip('"').lower()
    return (node.name if isinstance(node, exp.Anonymous) else type(node).__name__).lower()


def _offset(table: exp.Table) -> int:
    return min((part.meta.get("start", 0) for part in table.parts), default=0)
