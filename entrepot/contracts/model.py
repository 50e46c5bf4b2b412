"""What a contract says, as values: columns, types and a rule tree that no engine has touched yet.

An adapter renders the rules to its engine (`adapters/embedded/rules.py` to DuckDB SQL).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

import pyarrow as pa

from entrepot.kernel.names import Dataset
from entrepot.kernel.rows import (
    BATCH,
    CORRECTS,
    ORIGIN,
    RECEIVED_AT,
    RECORD_ID,
    SOURCE,
    WARNINGS,
)


class Kind(StrEnum):
    """The kinds of values a column can hold."""

    STRING = "string"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DOUBLE = "double"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"
    """An instant, stored in UTC."""
    TIMESTAMP_LOCAL = "timestamp_local"
    """Date and time on a wall clock, without zone."""


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A column's type. `precision` and `scale` are of decimals; `bits` of integers (32 or 64)."""

    kind: Kind
    precision: int = 18
    scale: int = 2
    bits: int = 64
    format: str | None = None
    """How dates and timestamps are written in text sources, in strptime codes; None: ISO 8601."""

    def arrow(self) -> pa.DataType:
        """The Arrow type in which the column is stored."""
        match self.kind:
            case Kind.STRING:
                return pa.string()
            case Kind.INTEGER:
                return pa.int64() if self.bits == 64 else pa.int32()
            case Kind.DECIMAL:
                return pa.decimal128(self.precision, self.scale)
            case Kind.DOUBLE:
                return pa.float64()
            case Kind.BOOLEAN:
                return pa.bool_()
            case Kind.DATE:
                return pa.date32()
            case Kind.TIMESTAMP:
                return pa.timestamp("us", tz="UTC")
            case Kind.TIMESTAMP_LOCAL:
                return pa.timestamp("us")

    def __str__(self) -> str:
        match self.kind:
            case Kind.DECIMAL:
                return f"decimal({self.precision},{self.scale})"
            case Kind.INTEGER if self.bits == 32:
                return "integer (32 bit)"
            case _:
                return self.kind.value


class Severity(StrEnum):
    """What a broken rule does to its row: `error` rejects it, `warning` keeps it and says so."""

    ERROR = "error"
    WARNING = "warning"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Base of the row rules. `id` is stable and unique in the contract: it stands in reasons and warnings."""

    id: str
    severity: Severity = Severity.ERROR
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Required(Rule):
    """The value must be there."""

    column: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOf(Rule):
    """The value is one of a list; compared as text as the contract writes it, after typing."""

    column: str
    values: tuple[str | int | float | bool, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches(Rule):
    """The whole text matches a regular expression (RE2)."""

    column: str
    pattern: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Length(Rule):
    """The text's number of characters lies between two bounds, both included."""

    column: str
    at_least: int | None = None
    at_most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Range(Rule):
    """The value lies between two bounds; dates and timestamps as ISO text."""

    column: str
    at_least: Decimal | int | float | str | None = None
    at_most: Decimal | int | float | str | None = None
    above: Decimal | int | float | str | None = None
    below: Decimal | int | float | str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Multiple(Rule):
    """The number is a whole multiple of another."""

    column: str
    of: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Unique(Rule):
    """No two rows of the dataset share these columns' values; rows with a null among them are left out."""

    columns: tuple[str, ...]
    is_key: bool = False
    """True for the primary key: a merge updates by it, an append rejects what is there already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKey(Rule):
    """The values exist in another dataset, as of the version the plan fixed. Null refers to nothing and passes."""

    columns: tuple[str, ...]
    dataset: Dataset
    to_columns: tuple[str, ...]


AnyRule = Required | OneOf | Matches | Length | Range | Multiple | Unique | ForeignKey


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
