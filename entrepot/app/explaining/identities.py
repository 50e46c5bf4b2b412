"""Which columns tell the rows of a table apart: the record id, else the key, else all that can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from entrepot.app.project import Project
from entrepot.kernel.names import parse_dataset
from entrepot.kernel.rows import RECORD_ID, SYSTEM_COLUMNS
from entrepot.serve.kpis.kpi import SCORECARD
from entrepot.sql.explain.keys import find_row_key
from entrepot.sql.expressions import quote_name
from entrepot.sql.query import parse_query

Columns = tuple[tuple[str, str], ...]
_INEXACT = ("DOUBLE", "FLOAT", "REAL")
_ORDERED = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UBIGINT", "DATE", "TIMESTAMP", "TIME", "DECIMAL")


@dataclass(frozen=True, slots=True)
class Identity:
    """Columns with their types; `note` says where rows may be taken for one another."""

    columns: Columns
    note: str | None = None

    @property
    def names(self) -> str:
        """The columns for a SELECT."""
        return ", ".join(quote_name(name) for name, _ in self.columns)


def find_identity(project: Project, dataset: str, columns: Columns) -> Identity:
    """The identity of a table's or view's rows."""
    if any(name == RECORD_ID for name, _ in columns):
        return Identity(((RECORD_ID, "BIGINT"),))
    for key in _keys(project, dataset):
        found = tuple((name, type_) for name, type_ in columns if name.lower() in {part.lower() for part in key})
        if key and len(found) == len(key):
            return Identity(found)
    usable = tuple((name, type_) for name, type_ in columns if not _is_inexact(type_) and name not in SYSTEM_COLUMNS)
    if len(usable) == len(columns):
        return Identity(usable)
    return Identity(
        usable, f"{dataset} has no key: its rows are told apart by all columns but those of floating numbers."
    )


def _keys(project: Project, dataset: str) -> Sequence[tuple[str, ...]]:
    model = project.graph.find(parse_dataset(dataset))
    contract = project.contracts.get(str((model.contract if model else None) or dataset))
    kpi = next((kpi for kpi in project.kpis if str(kpi.dataset) == dataset), None)
    if dataset == str(SCORECARD):
        return [("kpi", "period")]
    of_text = find_row_key(parse_query(model.sql)) if model is not None and model.path.suffix != ".py" else None
    return [contract.key if contract else (), kpi.grain if kpi else (), of_text or ()]


def _is_inexact(type_: str) -> bool:
    return any(name in type_ for name in _INEXACT)


def same_rows(left: str, right: str, identity: Identity, types: dict[str, str]) -> str:
    """SQL: the condition that two relations' rows are the same, null equal to null. `types`: those of `left`, by lower-case name."""
    parts = []
    for name, type_ in identity.columns:
        mine = f"{left}.{quote_name(name)}"
        if types.get(name.lower(), type_) != type_:
            mine = f"TRY_CAST({mine} AS {type_})"
        parts.append(f"{mine} IS NOT DISTINCT FROM {right}.{quote_name(name)}")
    return " AND ".join(parts)


def is_ordered(type_: str) -> bool:
    """True for types whose values between two others can be asked for cheaply."""
    return type_.startswith(_ORDERED) and not type_.endswith("]")
