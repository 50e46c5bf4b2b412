"""Models of kind append whose new rows are those of the new records alone."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from entrepot.kernel.errors import ProjectError
from entrepot.kernel.names import Dataset
from entrepot.sql.driving import find_chain
from entrepot.sql.incremental.shape import find_queries
from entrepot.sql.incremental.sources import Sources
from entrepot.sql.query import Query
from entrepot.sql.tables import table_nodes


def is_insert_only(query: Query, driving: Dataset, views: Mapping[Dataset, Query] | None = None) -> bool:
    """True when each row is that of one record of the driving table, whatever its other records are.

    Then, while the driving table only got rows and no other input changed, the model over the added rows alone is what it must be
    appended with: nothing of what stands there changes, and nothing goes.

    Args: views: the views that the model reads; one that reads the driving table too makes it False.
    """
    try:
        find_chain(query, driving)
        mentions = [table for table, dataset in table_nodes(query) if dataset == driving]
        sources = Sources(views or {})
        sources.add(query.tree)
    except (ProjectError, TypeError):
        return False
    return len(mentions) == 1 and sources.count_reads(driving) == 1 and not _is_in_expression(query, mentions[0])


def _is_in_expression(query: Query, table: exp.Table) -> bool:
    """True when the table stands inside of a query that an expression asks: then other records decide."""
    for select in query.tree.find_all(exp.Select):
        parts = [select.args.get(part) for part in ("where", "having", "qualify")]
        for part in [*parts, *select.expressions]:
            for inner in find_queries(part) if part is not None else []:
                if any(node is table for node in inner.find_all(exp.Table)):
                    return True
    return False
