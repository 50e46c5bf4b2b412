"""How JSON is to be read, as the source says it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Flatten:
    """Objects within a record become columns of their own: `address.city` is `address_city`."""

    separator: str = "_"
    depth: int = 100
    """Levels of objects that are opened; what lies deeper stays JSON text."""


@dataclass(frozen=True, slots=True)
class Explode:
    """One row for each element of a record's list; the record's other values stand in every row."""

    key: str
    prefix: str = ""
    """Before the names of the elements' keys."""
    keep_empty: bool = False
    """A record whose list is missing, null or empty gives one row without element; else it is rejected."""


@dataclass(frozen=True, slots=True)
class JsonOptions:
    """How JSON is to be read."""

    rows: tuple[str, ...] = ()
    """Keys that lead to the list of records; empty: the document itself."""
    encoding: str | None = None
    flatten: Flatten | None = None
    explode: Explode | None = None
    strict_types: bool = False
    """A number's column takes numbers only, a text's column texts only, a boolean's true and false only."""
    value_column: str | None = None
    """Where a record goes that is no object; None: it is rejected."""
