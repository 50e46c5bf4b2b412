"""What a column can hold, and how it is stored."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

from entrepot.contracts.row_rules import AnyRule


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
