"""The way in: column lineage of one SELECT."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sqlglot
from sqlglot import exp

from entrepot.kernel.names import Dataset
from entrepot.sql.lineage.context import NO_SCHEMA, Context
from entrepot.sql.lineage.flows import Flow, merge
from entrepot.sql.lineage.queries import read_query
from entrepot.sql.lineage.scopes import Field, Relation, Scope
from entrepot.sql.lineage.sources import dedupe, unknown
from entrepot.sql.lineage.values import ANY, ColumnLineage, ColumnName, Doubt, How, QueryLineage, Schema
from entrepot.sql.query import Query, parse_query

VERSION = f"1 sqlglot {sqlglot.__version__}"  # type: ignore[attr-defined]
"""Of what finds the lineage. Its number is to be raised with every change after which a text may have another one."""


def find_lineage(query: Query | str, schemas: Mapping[Dataset, Schema]) -> QueryLineage:
    """Where each output column of a SELECT comes from.

    Args: schemas: the columns of the inputs; of a dataset that is not among them any column may be there.
    Returns: what cannot be resolved is named in `doubts`, and all columns of the tables in question stand in its place.
    Raises: ProjectError when the text is no SELECT.
    """
    query = parse_query(query) if isinstance(query, str) else query
    context = Context(query, schemas, read_query)
    scope = Scope(None, {})
    try:
        relation = dedupe(read_query(context, query.tree, scope, is_outermost=True))
    except RecursionError:
        relation = unknown(context, query.tree, scope)
    relation = _with_overlooked(context, relation)
    columns = [_column(field, relation.rows) for field in relation.fields]
    if relation.rest is not None:
        columns.append(_column(Field(ANY, relation.rest), relation.rows))
    return QueryLineage(tuple(columns), tuple(sorted(context.doubts)))


def cover_inputs(inputs: Iterable[Dataset], schemas: Mapping[Dataset, Schema], doubt: Doubt) -> QueryLineage:
    """The lineage of what is no SELECT: each of its columns may come from all columns of the inputs, and the doubt says why."""
    names = []
    for dataset in inputs:
        schema = schemas.get(dataset, NO_SCHEMA)
        names += [ColumnName(dataset, name) for name in (*schema.columns, *schema.hidden)]
        names += [ColumnName(dataset, ANY)] if schema.is_open else []
    return QueryLineage((ColumnLineage(ANY, dict.fromkeys(names, How.AGGREGATE), is_approximate=True),), (doubt,))


def _column(field: Field, rows: Flow) -> ColumnLineage:
    flow = merge([field.flow, rows])
    return ColumnLineage(field.name, flow.direct, flow.indirect, flow.is_approximate, field.line)


def _with_overlooked(context: Context, relation: Relation) -> Relation:
    """Nothing of the text may be passed over in silence: a column or a table that nobody looked at makes all approximate."""
    overlooked = [node for node in context.query.tree.find_all(exp.Column, exp.Table) if id(node) not in context.seen]
    if not overlooked:
        return relation
    tables = {
        Dataset(table.db.lower(), table.name.lower())
        for table in context.query.tree.find_all(exp.Table)
        if table.db and isinstance(table.this, exp.Identifier)
    }
    flow = context.doubt(f"{overlooked[0].sql()} is not resolved", overlooked[0], tables)
    fields = tuple(Field(field.name, merge([field.flow, flow])) for field in relation.fields)
    return Relation(fields, merge([relation.rows, flow.aside()]), relation.tables | tables, relation.rest)
