"""Rules that each row is judged by, as a tree of values; an adapter renders them to its engine."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from entrepot.kernel.names import Dataset


class Severity(StrEnum):
    """What a broken rule does to its row: `error` rejects it, `warning` keeps it and says so."""

    ERROR = "error"
    WARNING = "warning"


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
