"""The columns of a dataset as its page shows them: from its contract, from its table, or from its SELECT."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from entrepot.contracts.docs.facts import describe_columns
from entrepot.contracts.inferred import contract_of_schema
from entrepot.contracts.model import Contract
from entrepot.contracts.render import ColumnRow
from entrepot.kernel.errors import ProjectError
from entrepot.kernel.rows import SYSTEM_COLUMNS
from entrepot.lake.models import Model
from entrepot.serve.kpis import Kpi
from entrepot.serve.kpis.kpi import TREND_COLUMNS, VALUE_COLUMNS
from entrepot.sql.query import parse_query

UNKNOWN = "not known before the first run"
_OF_KPIS = {
    "value": "The KPI.",
    "numerator": "Of a rate: what is divided.",
    "denominator": "Of a rate: by what it is divided.",
    "reason": "Why there is no value.",
    "previous": "The value of the period before.",
    "change": "Value less the one before.",
    "change_percent": "The change in percent of the value before.",
    "change_reason": "Why there is no change.",
    "trend": "better, worse or same.",
    "target": "What the value should be.",
    "direction": "Which way is better.",
    "status": "good, warning, critical or unknown.",
    "is_closed": "The data hold a later period.",
}


def of_contract(contract: Contract) -> tuple[ColumnRow, ...]:
    """As promised."""
    return describe_columns(contract)


def of_schema(model: Model, schema: pa.Schema, kpi: Kpi | None) -> tuple[ColumnRow, ...]:
    """As the table has them."""
    names = [field.name for field in schema if field.name not in SYSTEM_COLUMNS]
    try:
        contract = contract_of_schema(model.name, schema, "UTC")
    except ProjectError:  # a type that no contract can say: the view is read all the same
        return tuple(ColumnRow(name, str(schema.field(name).type), False, (), _meaning(name, kpi)) for name in names)
    return tuple(
        ColumnRow(row.column, row.type, False, (), _meaning(row.column, kpi)) for row in describe_columns(contract)
    )


def of_text(model: Model, kpi: Kpi | None) -> tuple[tuple[ColumnRow, ...], str]:
    """As far as the SELECT's text tells them, and what it does not tell."""
    if kpi is not None:
        names: Sequence[str] = (*kpi.grain, *VALUE_COLUMNS, *kpi.also, *TREND_COLUMNS)
    else:
        names = _selected(model)
    known = [name for name in names if name != "*"]
    note = "Further columns, and all types, are " if len(known) < len(names) or not known else "Types are "
    return tuple(ColumnRow(name, "", False, (), _meaning(name, kpi)) for name in known), f"{note}{UNKNOWN}."


def _selected(model: Model) -> Sequence[str]:
    if not model.sql.strip():
        return ()
    try:
        query = model.query or parse_query(model.sql)
    except ProjectError:
        return ()
    return [name or "*" for name in query.tree.named_selects]


def _meaning(column: str, kpi: Kpi | None) -> str | None:
    if kpi is None:
        return None
    if column == kpi.period:
        return f"The {kpi.every}."
    return _OF_KPIS.get(column) if column not in kpi.also else " ".join(kpi.also[column].text.split())
