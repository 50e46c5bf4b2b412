"""What a contract says, as values: columns of types, row rules and rules over the whole, which no engine has touched yet."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

from entrepot.contracts.expectations import Expectation
from entrepot.contracts.limits import RejectLimit
from entrepot.contracts.row_rules import AnyRule, ForeignKey, Unique
from entrepot.contracts.set_rules import AnySetRule
from entrepot.contracts.types import ColumnType
from entrepot.kernel.names import Dataset
from entrepot.kernel.rows import BATCH, CORRECTS, ORIGIN, RECEIVED_AT, RECORD_ID, SOURCE, WARNINGS


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a dataset."""

    name: str
    type: ColumnType
    required: bool = False
    headers: tuple[str, ...] = ()
    """Other names under which sources may bring the column, tried in order after its own."""
    description: str | None = None
    classification: str | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Contract:
    """One dataset's contract, compiled: what the flow needs to judge rows."""

    dataset: Dataset
    columns: tuple[Column, ...]
    rules: tuple[AnyRule, ...] = ()
    time_zone: str = "UTC"
    version: str = "1.0.0"
    description: str | None = None
    owner: str | None = None
    hash: str = ""
    """Of everything above that changes how rows are judged; stands in each plan."""
    unknown_keys: tuple[str, ...] = field(default=())
    set_rules: tuple[AnySetRule, ...] = ()
    max_rejects: RejectLimit | None = None
    expectations: tuple[Expectation, ...] = ()
    """How fresh the data are, and what is usual: judged with each release, against history and clock."""
    says_expect: bool = False
    """True when the contract itself says what is expected of its history, be it nothing: a project's default does not count then."""
    set_hash: str = ""
    """Of `hash` and of what judges the whole dataset; a change of it alone makes no row anew, but the dataset is judged again."""

    @property
    def key(self) -> tuple[str, ...]:
        """Columns of the primary key, empty when there is none."""
        for rule in self.rules:
            if isinstance(rule, Unique) and rule.is_key:
                return rule.columns
        return ()

    @property
    def references(self) -> tuple[Dataset, ...]:
        """Datasets that foreign keys look into, each once."""
        found = (rule.dataset for rule in self.rules if isinstance(rule, ForeignKey))
        return tuple(dict.fromkeys(found))

    def column(self, name: str) -> Column:
        """The column of that name. Raises: KeyError."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


def system_fields() -> list[pa.Field]:
    """Arrow fields of the system columns, in the order in which they follow the contract's own."""
    return [
        pa.field(RECORD_ID, pa.int64()),
        pa.field(BATCH, pa.int64()),
        pa.field(SOURCE, pa.string()),
        pa.field(ORIGIN, pa.string()),
        pa.field(RECEIVED_AT, pa.timestamp("us", tz="UTC")),
        pa.field(CORRECTS, pa.int64()),
        pa.field(WARNINGS, pa.list_(pa.string())),
    ]


def table_schema(contract: Contract) -> pa.Schema:
    """The schema of the dataset's table: the contract's columns, then the system columns; all nullable."""
    own = [pa.field(column.name, column.type.arrow()) for column in contract.columns]
    return pa.schema(own + system_fields())
