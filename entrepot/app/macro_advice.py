"""What `entrepot check` says about models that convert currencies without asking for the rate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from entrepot.contracts.model import Contract
from entrepot.lake.models.model import Model, ModelKind
from entrepot.sql.macros.advice import find_unguarded_rates

_MARK = "_rate_day"
"""Stands in the SQL of every conversion."""


def find_macro_advice(models: Iterable[Model], contracts: Mapping[str, Contract]) -> list[str]:
    """Warnings about conversions whose missing rates would not become rejects."""
    found: list[str] = []
    for model in models:
        if model.query is None or _MARK not in model.sql or model.path.suffix != ".sql":
            continue
        contract = contracts.get(str(model.contract or model.name)) if model.kind is not ModelKind.VIEW else None
        required = None if contract is None else [column.name for column in contract.columns if column.required]
        found += find_unguarded_rates(model.path.read_text(encoding="utf-8-sig"), model.query, required)
    return found
