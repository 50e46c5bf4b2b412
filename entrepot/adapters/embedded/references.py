"""Foreign keys: the other datasets' keys, joined to the typed columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entrepot.adapters.embedded.queries import Resolve
from entrepot.adapters.embedded.quoting import ident
from entrepot.contracts.model import Contract
from entrepot.contracts.row_rules import ForeignKey
from entrepot.contracts.types import Kind
from entrepot.kernel.errors import RunError
from entrepot.ports.engine import SplitTask

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Reference:
    """One foreign key: `join` brings the column `hit`, which is null where nothing is referred to."""

    rule: str
    join: str
    hit: str


def join_references(
    task: SplitTask, contract: Contract, connection: duckdb.DuckDBPyConnection, resolve: Resolve
) -> list[Reference]:
    """Foreign keys into datasets that have rows; of the others every value is missing.

    Raises: RunError when the other dataset lacks a column.
    """
    found = []
    for number, rule in enumerate(contract.rules):
        if isinstance(rule, ForeignKey) and str(rule.dataset) in task.references:
            table = resolve(connection, task.references[str(rule.dataset)])
            found.append(_join(contract, connection, rule, number, table))
    return found


def _join(
    contract: Contract, connection: duckdb.DuckDBPyConnection, rule: ForeignKey, number: int, table: str
) -> Reference:
    kinds = {str(row[0]): str(row[1]) for row in connection.execute(f"DESCRIBE SELECT * FROM ({table})").fetchall()}
    missing = [name for name in rule.to_columns if name not in kinds]
    if missing:
        raise RunError(
            f"rule {rule.id}: {rule.dataset} has no column {', '.join(missing)}; it has {', '.join(sorted(kinds))}.",
            hint="Correct the rule's columns in the contract.",
        )
    names = [column.name for column in contract.columns]
    alias, hit = f"__f{number}", f"__hit{number}"
    on = []
    for k, (own, theirs) in enumerate(zip(rule.columns, rule.to_columns, strict=True)):
        one_is_text = (kinds[theirs] == "VARCHAR") != (contract.column(own).type.kind is Kind.STRING)
        as_text = "::VARCHAR" if one_is_text else ""  # a text that is no number must not fail the comparison
        on.append(f"{alias}.__k{number}_{k}{as_text} = __t{names.index(own)}{as_text}")
    columns = ", ".join(f"{ident(name)} AS __k{number}_{k}" for k, name in enumerate(rule.to_columns))
    there = " AND ".join(f"{ident(name)} IS NOT NULL" for name in rule.to_columns)
    keys = f"SELECT DISTINCT {columns}, true AS {hit} FROM ({table}) WHERE {there}"
    return Reference(rule.id, f" LEFT JOIN ({keys}) AS {alias} ON {' AND '.join(on)}", hit)
