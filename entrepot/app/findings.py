"""What receipts say about rejected rows: how many for which reason, with one place each, and no value that is protected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from entrepot.contracts.model import Contract
from entrepot.flow.rejects import quarantine_name
from entrepot.intake.landing.receipts import Finding
from entrepot.ports.engine import Engine
from entrepot.ports.relations import QueryScan, TableVersion
from entrepot.ports.tables import Tables

OPEN_CLASSES = (None, "public", "internal")
"""Classifications of columns whose values may stand in a receipt; of any other nothing is shown."""
_LONGEST_VALUE = 60

_FINDINGS = """
SELECT
  regexp_replace(_origin, '#[^#]*$', '') AS place,
  reason.rule AS rule,
  arg_min(reason."column", _record_id) AS "column",
  arg_min(reason.expected, _record_id) AS expected,
  arg_min(coalesce(reason."at", ''), _record_id) AS "at",
  arg_min(coalesce(reason."value", ''), _record_id) AS "value",
  arg_min(_origin, _record_id) AS origin,
  count(DISTINCT _record_id) AS "rows"
FROM (SELECT _record_id, _origin, unnest(reasons) AS reason FROM q.t WHERE _batch = {batch})
GROUP BY ALL
ORDER BY place, "rows" DESC, rule
"""

_KINDS = {
    "type": "is not of the type",
    "required": "is missing",
    "range": "is out of range",
    "one_of": "is none of the allowed values",
    "pattern": "is not written as it should be",
    "format": "is not written as it should be",
    "length": "has the wrong length",
    "key": "stands twice",
    "unique": "stands twice",
    "foreign_key": "is not known",
}


def find_findings(engine: Engine, tables: Tables, contract: Contract, batch: int) -> dict[str, list[Finding]]:
    """The faults of one batch, as quarantine has them: place (file, sheet) → findings, most frequent first."""
    name = quarantine_name(str(contract.dataset))
    if not tables.exists(name):
        return {}
    scan = QueryScan(_FINDINGS.format(batch=int(batch)), {"q.t": TableVersion(name, tables.version(name))})
    open_columns = frozenset(column.name for column in contract.columns if column.classification in OPEN_CLASSES)
    found: dict[str, list[Finding]] = {}
    for row in engine.query(scan).batches().read_all().to_pylist():
        found.setdefault(row["place"], []).append(_make_finding(row, open_columns))
    return found


def merge_sheets(findings: Mapping[str, Sequence[Finding]], file: str) -> list[Finding]:
    """The findings of a file: its own and those of its sheets (`book.xlsx#May` belongs to `book.xlsx`)."""
    own = [one for place, some in findings.items() if place == file or place.startswith(file + "#") for one in some]
    return sorted(own, key=lambda one: (-one.rows, one.rule))


def _make_finding(row: Mapping[str, object], open_columns: frozenset[str]) -> Finding:
    column, rule = row["column"], str(row["rule"])
    kind = _KINDS.get(rule.partition(":")[0])
    if column is None:
        said = f"the record is broken: expected {row['expected']}"
    elif kind is None:
        said = f"{column}: expected {row['expected']}"
    elif kind == "is missing":
        said = f"{column} is missing"
    else:
        said = f"{column} {kind}: expected {row['expected']}"
    value = str(row["value"])
    return Finding(
        rule=rule,
        rows=int(str(row["rows"])),
        said=said,
        example_at=str(row["at"]) or _place_in_file(str(row["origin"])),
        example_value=_shorten(value) if column in open_columns and value else None,
    )


def _place_in_file(origin: str) -> str:
    tail = origin.rpartition("#")[2]
    return f"record {tail}" if tail.isdigit() else tail


def _shorten(value: str) -> str:
    value = " ".join(value.split())
    return value if len(value) <= _LONGEST_VALUE else value[: _LONGEST_VALUE - 1] + "…"
