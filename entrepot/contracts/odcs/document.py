"""A YAML file as values that know where they stand: in comes a path, out come sections, lists and scalars with places.

Scalars keep their text as written beside their value, because `01`, `1.10` and `2020-01-01` mean what the column's
type says, not what YAML guesses. Decimals stay exact; dates stay text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from entrepot.contracts.findings import ContractErrors, Finding
from entrepot.contracts.model import Severity
from entrepot.kernel.errors import Place

MAX_NODES = 500_000
"""More values than any real contract holds: stops aliases that unfold without end."""

_TAG = "tag:yaml.org,2002:"

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


def read_document(path: Path) -> Document:
    """Read a YAML file whose root is a mapping.

    Raises: ContractErrors when it cannot be read, is not YAML, repeats a key or holds several documents.
    """
    try:
        source = path.read_bytes()
    except OSError as error:
        raise _refuse(Place(path), f"the file cannot be read: {error.strerror or error}.") from error
    return Document(path, source, parse_document(path, source))


def parse_document(path: Path, source: bytes) -> Section:
    """The root section of a contract's bytes. Raises: as `read_document`."""
    try:
        text = source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = source[: error.start].count(b"\n") + 1
        raise _refuse(Place(path, line), "the file is not UTF-8; allowed is text in UTF-8.") from error
    root = _compose(path, text)
    if root is None:
        raise _refuse(Place(path, 1, 1), "the file is empty; allowed is an ODCS contract, beginning with apiVersion.")
    node = _Builder(path).build(root)
    if not isinstance(node, Section):
        raise _refuse(node.place, "the file is not a mapping; allowed is an ODCS contract, beginning with apiVersion.")
    return node


def _compose(path: Path, text: str) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        return YAML(typ="rt", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(path, mark.line + 1, mark.column + 1) if mark else Place(path)
        raise _refuse(place, f"the file is not one YAML document: {error.problem or error.context}.") from error
    except YAMLError as error:
        position = getattr(error, "position", 0)
        line = text[:position].count("\n") + 1
        reason = str(error).splitlines()[0]
        raise _refuse(Place(path, line), f"the file is not one YAML document: {reason}.") from error
    except RecursionError as error:
        raise _refuse(Place(path), "the file is nested too deeply to be a contract.") from error


class _Builder:
    """Turns ruamel's nodes into ours; aliases are unfolded."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: set[int] = set()
        self._count = 0

    def build(self, node: Any) -> Node:
        place = Place(self._path, node.start_mark.line + 1, node.start_mark.column + 1)
        self._count += 1
        if id(node) in self._open or self._count > MAX_NODES:
            raise _refuse(place, "an alias contains itself or unfolds without end; write the value out.")
        self._open.add(id(node))
        try:
            return self._convert(node, place)
        finally:
            self._open.discard(id(node))

    def _convert(self, node: Any, place: Place) -> Node:
        tag = str(node.tag)
        if not tag.startswith(_TAG):
            raise _refuse(place, f"the YAML tag {tag} is not known; allowed are values without tags.")
        if node.id == "mapping":
            return self._section(node, place)
        if node.id == "sequence":
            return Listing(tuple(self.build(item) for item in node.value), place)
        return Scalar(_resolve(tag.removeprefix(_TAG), node.value, place), node.value, place)

    def _section(self, node: Any, place: Place) -> Section:
        entries: dict[str, Node] = {}
        keys: dict[str, Place] = {}
        merged: list[Section] = []
        for key_node, value_node in node.value:
            key_place = Place(self._path, key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            if key_node.id != "scalar":
                raise _refuse(key_place, "a key is a list or mapping; allowed is text.")
            if str(key_node.tag) == f"{_TAG}merge":
                merged.extend(self._merged(self.build(value_node)))
                continue
            if key_node.value in entries:
                first = keys[key_node.value].line
                raise _refuse(
                    key_place, f"the key {key_node.value} stands twice, first in line {first}; once is allowed."
                )
            value = self.build(value_node)
            # The parser places an absent value at whatever comes next.
            absent = isinstance(value, Scalar) and not value.text and value.value is None
            entries[key_node.value] = Scalar(None, "", key_place) if absent else value
            keys[key_node.value] = key_place
        for section in merged:
            for key, value in section.entries.items():
                entries.setdefault(key, value)
                keys.setdefault(key, section.keys[key])
        return Section(entries, place, keys)

    def _merged(self, node: Node) -> Iterator[Section]:
        for item in node.items if isinstance(node, Listing) else (node,):
            if not isinstance(item, Section):
                raise _refuse(item.place, "<< merges something that is not a mapping.")
            yield item


def _resolve(kind: str, text: str, place: Place) -> ScalarValue:
    try:
        match kind:
            case "null":
                return None
            case "bool":
                return text.lower() in ("true", "yes", "on", "y")
            case "int":
                return _read_int(text)
            case "float":
                return _read_float(text)
            case "str" | "timestamp" | "value":
                return text
    except ValueError as error:
        raise _refuse(place, f"{text!r} is not of the YAML type {kind} that its tag claims.") from error
    raise _refuse(place, f"the YAML type {kind} is not allowed in a contract.")


def _read_int(text: str) -> int:
    digits = text.replace("_", "")
    if re.fullmatch(r"[-+]?0[xob][0-9a-fA-F]+", digits):
        return int(digits, 0)
    return int(digits)


def _read_float(text: str) -> Decimal | float:
    digits = text.replace("_", "")
    try:
        return Decimal(digits)
    except InvalidOperation:
        return float(digits.replace(".inf", "inf").replace(".Inf", "inf").replace(".INF", "inf").replace(".", ""))


def _refuse(place: Place, message: str) -> ContractErrors:
    return ContractErrors([Finding(Severity.ERROR, place, message)])
