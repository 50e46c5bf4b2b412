"""What a contract says, as values: columns, types and a rule tree that no engine has touched yet.

An adapter renders the rules to its engine (`adapters/embedded/rules.py` to DuckDB SQL).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

import pyarrow as pa

from entrepot.contracts.limits import Limit, RejectLimit, Unit
from entrepot.kernel.errors import Place
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
    TIME = "time"
    """A time of day, stored as text: `13:15:02` or `13:15:02.500000` (Delta has no type for it)."""
    ARRAY = "array"
    """A list of values of one type; without `items` any JSON list, stored as text."""
    OBJECT = "object"
    """Named values; without `properties` any JSON object, stored as text."""
    MAP = "map"
    """Values under keys that the contract does not know."""


NESTED = (Kind.ARRAY, Kind.OBJECT, Kind.MAP)
"""Kinds whose values hold others."""


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A column's type. `precision` and `scale` are of decimals; `bits` of integers and doubles (32 or 64)."""

    kind: Kind
    precision: int = 18
    scale: int = 2
    bits: int = 64
    format: str | None = None
    """How dates, times and timestamps are written in text sources, in strptime codes; None: ISO 8601."""
    zone: str | None = None
    """Where an instant without offset is read; None: the contract's zone."""
    items: Property | None = None
    """What an array holds, or the values of a map."""
    keys: Property | None = None
    """The keys of a map."""
    properties: tuple[Property, ...] = ()
    """What an object holds."""

    @property
    def is_json(self) -> bool:
        """True for an array or object of which the contract does not say what it holds: it is kept as JSON text."""
        return (self.kind is Kind.ARRAY and self.items is None) or (self.kind is Kind.OBJECT and not self.properties)

    def arrow(self) -> pa.DataType:
        """The Arrow type in which the column is stored."""
        if self.kind in NESTED:
            return self._nested_arrow()
        match self.kind:
            case Kind.STRING | Kind.TIME:
                return pa.string()
            case Kind.INTEGER:
                return pa.int64() if self.bits == 64 else pa.int32()
            case Kind.DECIMAL:
                return pa.decimal128(self.precision, self.scale)
            case Kind.DOUBLE:
                return pa.float64() if self.bits == 64 else pa.float32()
            case Kind.BOOLEAN:
                return pa.bool_()
            case Kind.DATE:
                return pa.date32()
            case Kind.TIMESTAMP:
                return pa.timestamp("us", tz="UTC")
            case Kind.TIMESTAMP_LOCAL:
                return pa.timestamp("us")
        raise ValueError(self.kind)

    def _nested_arrow(self) -> pa.DataType:
        if self.is_json:
            return pa.string()
        if self.kind is Kind.OBJECT:
            return pa.struct([pa.field(inner.name, inner.type.arrow()) for inner in self.properties])
        if self.kind is Kind.MAP:
            return pa.map_(_inner(self.keys), _inner(self.items))
        return pa.list_(_inner(self.items))

    def __str__(self) -> str:
        if self.is_json:
            return f"{self.kind.value} (any JSON)"
        match self.kind:
            case Kind.DECIMAL:
                return f"decimal({self.precision},{self.scale})"
            case Kind.INTEGER | Kind.DOUBLE if self.bits == 32:
                return f"{self.kind.value} (32 bit)"
            case Kind.ARRAY:
                return f"array of {self.items.type if self.items else 'JSON'}"
            case Kind.OBJECT:
                return f"object ({', '.join(f'{inner.name} {inner.type}' for inner in self.properties)})"
            case Kind.MAP if self.keys and self.items:
                return f"map of {self.keys.type} to {self.items.type}"
            case _:
                return self.kind.value


@dataclass(frozen=True, slots=True)
class Property:
    """What stands inside of an array, object or map. Its `rules` name it by its path: `lines[].price`, `prices{}`."""

    name: str
    """Empty for what an array or map holds."""
    type: ColumnType
    headers: tuple[str, ...] = ()
    """Other keys under which sources may bring it, tried in order after its name."""
    rules: tuple[AnyRule, ...] = ()


def _inner(value: Property | None) -> pa.DataType:
    return pa.string() if value is None else value.type.arrow()


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
class NotOneOf(Rule):
    """The value is none of a list, such as `N/A` or -999; compared like that of `OneOf`."""

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
    """The value lies between two bounds; dates, times and timestamps as ISO text."""

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
class Size(Rule):
    """The number of items of an array or map, or of properties of an object that have a value, lies between two bounds."""

    column: str
    at_least: int | None = None
    at_most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Distinct(Rule):
    """No two items of the array are equal."""

    column: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Has(Rule):
    """The object has a value under each of these names."""

    column: str
    names: tuple[str, ...]


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


AnyRule = (
    Required | OneOf | NotOneOf | Matches | Length | Range | Multiple | Size | Distinct | Has | Unique | ForeignKey
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRule:
    """Base of the rules over a whole dataset, judged after the write. `id` is unique in the contract, row rules included.

    `severity` error holds the release; warning is shown. `place` is where the contract says it; it is no part of the rule.
    """

    id: str
    limit: Limit
    severity: Severity = Severity.ERROR
    description: str | None = None
    dimension: str | None = None
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountBroken(SetRule):
    """How many rows break one of some row rules of one column: `nullValues`, `missingValues`, `invalidValues`."""

    metric: str
    column: str
    rules: tuple[AnyRule, ...]
    unit: Unit = Unit.ROWS


@dataclass(frozen=True, slots=True, kw_only=True)
class CountDuplicates(SetRule):
    """How many rows are too many, those with values that another row has already; rows with a null among them are left out."""

    columns: tuple[str, ...]
    unit: Unit = Unit.ROWS


@dataclass(frozen=True, slots=True, kw_only=True)
class CountRows(SetRule):
    """How many rows the dataset has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureSql(SetRule):
    """The one number that a SELECT gives; kept as the contract writes it, with its placeholders."""

    query: str
    column: str | None = None
    """The property on which the rule stands: what `${property}` means."""
    names: tuple[tuple[str, str], ...] = ()
    """Names by which the query may call datasets, in lower case, → `layer.name`: the schema objects of the file."""
    unit: str | None = None
    """For people only."""


AnySetRule = CountBroken | CountDuplicates | CountRows | MeasureSql


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
