"""A YAML file as values that know where they stand: sections, lists and scalars with places.

Scalars keep their text as written beside their value, because `01`, `1.10` and `2020-01-01` mean what the column's
type says, not what YAML guesses. Decimals stay exact; dates stay text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from entrepot.kernel.errors import Place

ScalarValue = str | int | Decimal | float | bool | None


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value, with the text that stands in the file."""

    value: ScalarValue
    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Listing:
    """A list."""

    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Section:
    """A mapping; `keys` says where each key stands. The typed getters give None for another type: the standard's
    schema has reported it already."""

    entries: dict[str, Node]
    place: Place
    keys: dict[str, Place] = field(default_factory=dict)

    def get(self, key: str) -> Node | None:
        """The value under a key, None when it is absent."""
        return self.entries.get(key)

    def text(self, key: str) -> str | None:
        """The value when it is text."""
        value = self.scalar(key)
        return value if isinstance(value, str) else None

    def flag(self, key: str) -> bool | None:
        """The value when it is true or false."""
        value = self.scalar(key)
        return value if isinstance(value, bool) else None

    def whole(self, key: str) -> int | None:
        """The value when it is a whole number."""
        value = self.scalar(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def number(self, key: str) -> int | Decimal | None:
        """The value when it is a finite number."""
        value = self.scalar(key)
        return value if isinstance(value, int | Decimal) and not isinstance(value, bool) else None

    def scalar(self, key: str) -> ScalarValue:
        """The value when it is not a list or section."""
        node = self.entries.get(key)
        return node.value if isinstance(node, Scalar) else None

    def section(self, key: str) -> Section:
        """The section under a key, an empty one when there is none."""
        node = self.entries.get(key)
        return node if isinstance(node, Section) else Section({}, self.place_of(key))

    def sections(self, key: str) -> tuple[Section, ...]:
        """The sections of the list under a key."""
        return tuple(item for item in self.items(key) if isinstance(item, Section))

    def items(self, key: str) -> tuple[Node, ...]:
        """The items of the list under a key, none when it is not a list."""
        node = self.entries.get(key)
        return node.items if isinstance(node, Listing) else ()

    def place_of(self, key: str) -> Place:
        """Where the value of a key stands, or this section when the key is absent."""
        node = self.entries.get(key)
        return node.place if node is not None else self.place


Node = Scalar | Listing | Section


@dataclass(frozen=True, slots=True)
class Document:
    """One contract file as read: its bytes and its root section."""

    path: Path
    source: bytes
    root: Section


def plain(node: Node) -> Any:
    """The node as plain lists, dictionaries and values, for the standard's schema."""
    match node:
        case Scalar():
            return node.value
        case Listing():
            return [plain(item) for item in node.items]
        case Section():
            return {key: plain(value) for key, value in node.entries.items()}
