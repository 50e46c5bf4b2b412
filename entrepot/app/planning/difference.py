"""What a model's new SELECT would change of the rows that its table holds: both are compared over the inputs the table was made of.

Large tables are compared by a sample: of rows that hash alike on both sides, so that a row and its counterpart are both in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from entrepot.app.wiring import Platform
from entrepot.flow.plan import last_plan_of_source
from entrepot.kernel.positions import Versions
from entrepot.kernel.rows import RECORD_ID, SYSTEM_COLUMNS
from entrepot.lake.models import Model, ModelKind
from entrepot.lake.models.recipe import find_keys
from entrepot.ports.relations import QueryScan, TableVersion
from entrepot.sql.explain.keys import find_row_key
from entrepot.sql.expressions import quote_name

SAMPLE_ROWS = 200_000
"""Tables with more rows are compared by a sample of about so many."""
_OLD, _NEW = "plan.present", "plan.wanted"


@dataclass(frozen=True, slots=True)
class RowDifference:
    """Rows that would come, go and change; of a sample the figures are scaled up to the whole."""

    rows: int
    """Rows in the table now."""
    came: int
    went: int
    changed: int | None = None
    """None: rows have no key by which they could be told from others."""
    columns: Mapping[str, int] = field(default_factory=dict)
    """Column → rows in which it would change."""
    one_in: int = 1
    """One row in so many was compared."""
    new_columns: tuple[str, ...] = ()
    is_unjudged: bool = False
    """A contract may still reject some of the rows that come."""

    @property
    def is_empty(self) -> bool:
        """True when no row would be another."""
        return not (self.came or self.went or self.changed or self.new_columns)

    def __str__(self) -> str:
        about = "about " if self.one_in > 1 else ""
        parts = [f"{about}{n:,} rows {word}" for n, word in ((self.came, "come"), (self.went, "go")) if n]
        if self.changed:
            where = ", ".join(f"{name} in {about}{n:,}" for name, n in self.columns.items() if n)
            parts.append(f"{about}{self.changed:,} rows change ({where})")
        if self.new_columns:
            parts.append(f"new: {', '.join(self.new_columns)}")
        unjudged = ", before its contract judges them" if self.is_unjudged else ""
        sampled = f" (one row in {self.one_in:,} compared)" if self.one_in > 1 else ""
        return f"of {self.rows:,} rows {'; '.join(parts) or 'none would change'}{unjudged}{sampled}"


def compare_rows(platform: Platform, model: Model, wanted: pa.Schema) -> RowDifference | None:
    """Compare; None when the versions that the table was made of are not known, and for models in Python. Raises: ProjectError for faulty SQL."""
    name = str(model.name)
    plan = last_plan_of_source(name, platform.state)
    if plan is None or not isinstance(plan.draft.position, Versions) or model.python is not None:
        return None
    table = platform.tables.pin(name, platform.state.durable_version(name))
    present = platform.tables.schema(name, table.version)
    kept = platform.tables.as_kept(wanted)
    shared = [
        field.name
        for field in present
        if field.name in kept.names
        and kept.field(field.name).type == field.type
        and (field.name == RECORD_ID or field.name not in SYSTEM_COLUMNS)
    ]
    key = tuple(column for column in _find_key(platform, model) if column in shared)
    rows = platform.tables.rows(name, table.version)
    one_in = max(1, -(-rows // SAMPLE_ROWS))
    upto = plan.draft.position.upto
    comparison = _Comparison(platform, model, table, {each: TableVersion(each, upto[each]) for each in upto}, one_in)
    written = platform.project.contracts.get(str(model.contract or model.name))
    unjudged = written is not None and bool(written.rules)
    new_columns = tuple(column for column in kept.names if column not in present.names)
    if key and comparison.is_unique(key):
        came, went, changed, columns = comparison.by_key(key, [column for column in shared if column not in key])
        return RowDifference(rows, came, went, changed, columns, one_in, new_columns, unjudged)
    came, went = comparison.as_multisets([column for column in shared if column != RECORD_ID])
    return RowDifference(rows, came, went, None, {}, one_in, new_columns, unjudged)


def _find_key(platform: Platform, model: Model) -> tuple[str, ...]:
    contract = platform.project.contracts.get(str(model.contract or model.name))
    if model.kind.is_driven:
        return (RECORD_ID,)
    if contract is not None and contract.key:
        return contract.key
    if model.history is not None:
        return (*model.history.key, "valid_from")
    grouped = find_row_key(model.query) if model.query is not None else None
    return grouped or find_keys(model, contract)


@dataclass(frozen=True, slots=True)
class _Comparison:
    platform: Platform
    model: Model
    table: TableVersion
    inputs: Mapping[str, TableVersion]
    one_in: int

    def is_unique(self, key: Sequence[str]) -> bool:
        """True when no key stands twice, on neither side."""
        keys = _names(key)
        doubled = f"SELECT 1 FROM {{}} GROUP BY {keys} HAVING count(*) > 1 LIMIT 1"
        sql = f"SELECT EXISTS ({doubled.format(_OLD)}) OR EXISTS ({doubled.format(_NEW)}) AS doubled"
        return not self._ask(sql)["doubled"]

    def by_key(self, key: Sequence[str], others: Sequence[str]) -> tuple[int, int, int, dict[str, int]]:
        """Rows that came, that went, that changed, and in which columns."""
        on = " AND ".join(f"o.{quote_name(name)} IS NOT DISTINCT FROM n.{quote_name(name)}" for name in key)
        sides = [f"SELECT *, true AS __here FROM {side} WHERE {self._sampled(key)}" for side in (_OLD, _NEW)]
        both = "o.__here AND n.__here"
        differs = [f"o.{quote_name(name)} IS DISTINCT FROM n.{quote_name(name)}" for name in others]
        counts = [
            "count(*) FILTER (o.__here IS NULL) AS came",
            "count(*) FILTER (n.__here IS NULL) AS went",
            f"count(*) FILTER ({both} AND ({' OR '.join(differs) or 'false'})) AS changed",
            *(f"count(*) FILTER ({both} AND {each}) AS c{i}" for i, each in enumerate(differs)),
        ]
        found = self._ask(f"SELECT {', '.join(counts)} FROM ({sides[0]}) AS o FULL JOIN ({sides[1]}) AS n ON {on}")
        columns = {name: found[f"c{i}"] * self.one_in for i, name in enumerate(others)}
        return found["came"] * self.one_in, found["went"] * self.one_in, found["changed"] * self.one_in, columns

    def as_multisets(self, columns: Sequence[str]) -> tuple[int, int]:
        """Rows that one side has more often than the other."""
        if not columns:
            return 0, 0
        old, new = (f"SELECT {_names(columns)} FROM {side} WHERE {self._sampled(columns)}" for side in (_OLD, _NEW))
        sql = (
            f"SELECT (SELECT count(*) FROM ({new} EXCEPT ALL {old})) AS came, "
            f"(SELECT count(*) FROM ({old} EXCEPT ALL {new})) AS went"
        )
        found = self._ask(sql)
        return found["came"] * self.one_in, found["went"] * self.one_in

    def _wanted(self) -> str:
        """What the model gives; of a merge the last record of each key, as its table keeps them."""
        sql = self.platform.flows.models.runnable(self.model)
        contract = self.platform.project.contracts.get(str(self.model.contract or self.model.name))
        if self.model.kind is not ModelKind.MERGE or contract is None:
            return sql
        last = f"row_number() OVER (PARTITION BY {_names(contract.key)} ORDER BY {RECORD_ID} DESC) = 1"
        return f"SELECT * FROM (\n{sql}\n) AS __all QUALIFY {last}"

    def _sampled(self, columns: Sequence[str]) -> str:
        # as texts: equal values of two types must hash alike
        texts = ", ".join(f"CAST({quote_name(name)} AS VARCHAR)" for name in columns)
        return "true" if self.one_in == 1 else f"hash({texts}) % {self.one_in} = 0"

    def _ask(self, sql: str) -> dict[str, int]:
        views = {**self.platform.flows.models.views_below(self.model), _NEW: self._wanted()}
        scan = QueryScan(sql, {**self.inputs, _OLD: self.table}, views)
        found: dict[str, int] = self.platform.engine.query(scan).batches().read_all().to_pylist()[0]
        return found


def _names(names: Sequence[str]) -> str:
    return ", ".join(map(quote_name, names))
