"""Reading a YAML file: in comes a path or bytes, out comes a document, or what is wrong with the text, with its place."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from entrepot.contracts.findings import ContractErrors, Finding
from entrepot.contracts.odcs.document import Document, Listing, Node, Scalar, ScalarValue, Section
from entrepot.contracts.row_rules import Severity
from entrepot.kernel.errors import Place

MAX_SIZE_BYTES = 32 * 2**20
MAX_UNFOLDED = 20_000
"""Values that aliases may add to those that are written out: stops aliases that unfold without end."""
MAX_DEPTH = 60
"""Deeper than any real contract: an object inside an object costs two. The standard's schema is judged recursively."""
MAX_DIGITS = 400
"""Of a number, exponent included: what is longer costs memory as soon as somebody computes with it."""

_TAG = "tag:yaml.org,2002:"


def read_document(path: Path) -> Document:
    """Read a YAML file whose root is a mapping.

    Raises: ContractErrors when it cannot be read, is not YAML, repeats a key or holds several documents.
    """
    try:
        with path.open("rb") as file:
            source = file.read(MAX_SIZE_BYTES + 1)
    except OSError as error:
        text = f"the file cannot be read: {error.strerror or error}."
        raise _refuse(Place(path), text, "contract.unreadable") from error
    if len(source) > MAX_SIZE_BYTES:
        text = f"the file is larger than {MAX_SIZE_BYTES >> 20} MB, too large for a contract."
        raise _refuse(Place(path), text, "contract.too_large")
    return Document(path, source, parse_document(path, source))


def parse_document(path: Path, source: bytes) -> Section:
    """The root section of a contract's bytes. Raises: as `read_document`."""
    root = _compose(path, _decode(path, source))
    if root is None:
        text = "the file is empty; allowed is an ODCS contract, beginning with apiVersion."
        raise _refuse(Place(path, 1, 1), text, "contract.empty")
    node = _Builder(path, len(source) + MAX_UNFOLDED).build(root)
    if not isinstance(node, Section):
        text = "the file is not a mapping; allowed is an ODCS contract, beginning with apiVersion."
        raise _refuse(node.place, text, "contract.not_a_mapping")
    return node


_WIDE_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def _decode(path: Path, source: bytes) -> str:
    for mark, name in _WIDE_MARKS.items():
        if source.startswith(mark):
            message = f"the file is {name}; allowed is text in UTF-8."
            raise _refuse(Place(path, 1, 1), message, "contract.encoding", "Save it as UTF-8 in your editor.")
    try:
        text = source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = _place_at(path, source[: error.start].decode("utf-8", "replace"))
        message = f"the byte 0x{source[error.start]:02X} is not UTF-8; allowed is text in UTF-8."
        hint = "It may be Latin-1 or Windows-1252: save it as UTF-8 in your editor."
        raise _refuse(place, message, "contract.encoding", hint) from error
    at = text.find("\0")
    if at >= 0:
        message = "the file holds the character NUL; allowed is text."
        advice = "It may be UTF-16 without its mark: save it as UTF-8." if text.count("\0") > 2 else None
        raise _refuse(_place_at(path, text[:at]), message, "contract.encoding", advice)
    return text


def _place_at(path: Path, before: str) -> Place:
    """The place of the character that follows a text."""
    line = before.rpartition("\n")[2]
    return Place(path, before.count("\n") + 1, len(line) + 1)


def _compose(path: Path, text: str) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        return YAML(typ="rt", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(path, mark.line + 1, mark.column + 1) if mark else Place(path)
        problem = str(error.problem or error.context)
        if "another document" in problem:
            message = "the file holds another document after ---; allowed is one contract in a file."
            raise _refuse(place, message, "contract.second_document") from error
        message = f"the file is not one YAML document: {problem}."
        raise _refuse(place, message, "contract.yaml", _hint_at(problem)) from error
    except YAMLError as error:
        place = _place_at(path, text[: getattr(error, "position", 0)])
        reason = str(error).splitlines()[0]
        raise _refuse(place, f"the file is not one YAML document: {reason}.", "contract.yaml") from error
    except RecursionError as error:
        raise _too_deep(_find_depth(path, text)) from error


def _hint_at(problem: str) -> str | None:
    """What to do about a fault of YAML, where the parser's words hide it."""
    if "'\\t'" in problem:
        return "YAML is indented with blanks, never with tabs."
    if "undefined alias" in problem:
        return "An alias (*name) follows its anchor (&name); put text that begins with * in quotes."
    if "mapping values are not allowed" in problem:
        return "Put text that holds a colon and a blank in quotes; look at the indentation."
    return None


def _find_depth(path: Path, text: str) -> Place:
    """Where a text becomes nested too deeply: read as events, which need no stack."""
    from ruamel.yaml import YAML, CollectionEndEvent, CollectionStartEvent

    depth = 0
    for event in YAML(typ="rt", pure=True).parse(text):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > MAX_DEPTH:
            return Place(path, event.start_mark.line + 1, event.start_mark.column + 1)
    return Place(path)


def _too_deep(place: Place) -> ContractErrors:
    return _refuse(place, f"this is nested more than {MAX_DEPTH} deep, too deep for a contract.", "contract.too_deep")


class _Builder:
    """Turns ruamel's nodes into ours; aliases are unfolded."""

    def __init__(self, path: Path, most: int) -> None:
        self._path = path
        self._most = most
        self._open: dict[int, Place] = {}
        self._seen: set[int] = set()
        self._count = 0

    def build(self, node: Any) -> Node:
        place = Place(self._path, node.start_mark.line + 1, node.start_mark.column + 1)
        self._count += 1
        if id(node) in self._open or self._count > self._most:
            text = "an alias contains itself or unfolds without end; write the value out."
            raise _refuse(self._find_alias(node, place), text, "contract.alias")
        if len(self._open) >= MAX_DEPTH:
            raise _too_deep(place)
        self._open[id(node)] = place
        try:
            return self._convert(node, place)
        finally:
            del self._open[id(node)]
            self._seen.add(id(node))

    def _find_alias(self, node: Any, place: Place) -> Place:
        """What holds the alias: the innermost value around it that was not built before. The parser says where an anchor stands, not its aliases."""
        if id(node) in self._open:
            return place
        return next((place for key, place in reversed(self._open.items()) if key not in self._seen), place)

    def _convert(self, node: Any, place: Place) -> Node:
        tag = str(node.tag)
        if not tag.startswith(_TAG):
            raise _refuse(place, f"the YAML tag {tag} is not known; allowed are values without tags.", "contract.tag")
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
                raise _refuse(key_place, "a key is a list or mapping; allowed is text.", "contract.yaml")
            if str(key_node.tag) == f"{_TAG}merge":
                merged.extend(self._merged(self.build(value_node)))
                continue
            if key_node.value in entries:
                first = keys[key_node.value].line
                text = f"the key {key_node.value} stands twice, first in line {first}; once is allowed."
                raise _refuse(key_place, text, "contract.duplicate_key")
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
                raise _refuse(item.place, "<< merges something that is not a mapping.", "contract.alias")
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
        message = f"{_shorten(text)} is not of the YAML type {kind} that its tag claims."
        raise _refuse(place, message, "contract.tag") from error
    except OverflowError as error:
        message = f"the number {_shorten(text)} has more than {MAX_DIGITS} digits; allowed are fewer."
        raise _refuse(place, message, "contract.number", "Put it in quotes when it is a text.") from error
    raise _refuse(place, f"the YAML type {kind} is not allowed in a contract.", "contract.tag")


def _shorten(text: str) -> str:
    return repr(text) if len(text) <= 40 else f"{text[:37]!r}…"


def _read_int(text: str) -> int:
    digits = text.replace("_", "")
    if len(digits) > MAX_DIGITS:
        raise OverflowError
    if re.fullmatch(r"[-+]?0[xob][0-9a-fA-F]+", digits):
        return int(digits, 0)
    return int(digits)


def _read_float(text: str) -> Decimal | float:
    digits = text.replace("_", "")
    try:
        number = Decimal(digits)
    except InvalidOperation:
        return float(digits.replace(".inf", "inf").replace(".Inf", "inf").replace(".INF", "inf").replace(".", ""))
    if len(digits) > MAX_DIGITS or abs(number.adjusted()) > MAX_DIGITS:
        raise OverflowError
    return number


def _refuse(place: Place, message: str, code: str, hint: str | None = None) -> ContractErrors:
    return ContractErrors([Finding(Severity.ERROR, place, message, hint, code)])
