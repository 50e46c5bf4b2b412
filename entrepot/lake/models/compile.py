"""From a model as written to the SELECT that the engine runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from entrepot.kernel.ids import hash_text
from entrepot.kernel.names import Dataset
from entrepot.lake.models.model import Model, ModelKind
from entrepot.sql.query import parse_query
from entrepot.sql.record_ids import carry_system_columns, hide_system_columns


def compile_model(model: Model, carrying: Collection[Dataset], below: Mapping[Dataset, Model]) -> Model:
    """Add record ids where the kind carries them, keep system columns out elsewhere, and hash the views in.

    Args: carrying: datasets whose tables have system columns. below: the compiled models that this one may read.
    Raises: ProjectError when the rows cannot carry record ids, or a system column is projected by name.
    """
    sql = _compile_select(model, carrying) if model.python is None else ""
    views = [below[name] for name in model.inputs if name in below and below[name].kind is ModelKind.VIEW]
    if not views:
        return replace(model, sql=sql)
    parts = [part for view in sorted(views, key=lambda view: view.name) for part in (str(view.name), view.hash)]
    return replace(model, sql=sql, hash=hash_text(model.hash, *parts))


def _compile_select(model: Model, carrying: Collection[Dataset]) -> str:
    query = model.query if model.query is not None else parse_query(model.sql)
    if model.driving is not None:
        return carry_system_columns(query, model.driving, carrying)
    return hide_system_columns(query, carrying)
