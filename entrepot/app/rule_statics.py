"""What can be known of rules of SQL without running: each is bound to empty tables and must give one number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pyarrow as pa

from entrepot.app.quality_desk import find_subjects
from entrepot.app.wiring import Platform
from entrepot.contracts.set_rules import MeasureSql
from entrepot.kernel.errors import ContractError, EntrepotError
from entrepot.lake.quality.reading import read_rule
from entrepot.ports.relations import QueryScan


def check_rules(platform: Platform, known: Mapping[str, str]) -> Iterator[EntrepotError]:
    """Faults of all rules that read only `known` relations (name → SELECT without rows), each at its line of the contract."""
    for subject in find_subjects(platform):
        for rule in subject.contract.set_rules:
            if not isinstance(rule, MeasureSql):
                continue
            reading = read_rule(rule, subject.dataset, platform.project.graph)
            if any(name not in known for name in (*reading.tables, *reading.views)):
                continue
            try:
                fault = _find_fault(platform.engine.describe(QueryScan(reading.query.sql, {}, known)))
            except EntrepotError as error:
                fault = error.message
            if fault is not None:
                yield ContractError(f"rule {rule.id}: {fault}", place=rule.place)


def _find_fault(schema: pa.Schema) -> str | None:
    if len(schema) != 1:
        return f"its SELECT gives {len(schema)} columns; allowed is one number."
    found = schema.field(0).type
    is_number = pa.types.is_integer(found) or pa.types.is_floating(found) or pa.types.is_decimal(found)
    if is_number or pa.types.is_boolean(found) or pa.types.is_null(found):
        return None
    return f"its SELECT gives {found}; allowed is one number."
