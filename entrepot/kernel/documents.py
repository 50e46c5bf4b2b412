"""YAML documents that remember where each key stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from entrepot.kernel.errors import Place, ProjectError

KeyPath = tuple[str | int, ...]

_MOST_NODES = 100_000
"""More values than any real file holds: stops aliases that unfold without end."""
_TAG = "tag:yaml.org,2002:"
_TAGS = {
    "map": "mapping", "seq": "list", "str": "text", "value": "text", "int": "whole number", "float": "number",
    "bool": "true or false", "null": "null", "timestamp": "date or time",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed YAML text: plain values, and a place for each key path."""

    path: Path
    value: Mapping[str, Any]
    marks: Mapping[KeyPath, tuple[int, int]]

    def place(self, *keys: str | int) -> Place:
        """Where the key path stands; the nearest parent when it is absent."""
        while keys and keys not in self.marks:
            keys = keys[:-1]
        line, column = self.marks.get(keys, (1, 1))
        return Place(self.path, line, column)

    def error(self, message: str, *keys: str | int, hint: str | None = None) -> ProjectError:
        """An error at a key path."""
        return ProjectError(message, place=self.place(*keys), hint=hint)


def parse_document(text: str, path: Path, *, first_line: int = 1) -> Document:
    """Parse a YAML mapping; `first_line` is where the text starts in its file.

    Raises: ProjectError with the place, for bad YAML, for anything but a mapping at the top, and for tags: values are plain.
    """
    from ruamel.yaml import YAML

    loader = YAML(typ="safe", pure=True)
    marks: dict[KeyPath, tuple[int, int]] = {(): (first_line, 1)}
    try:
        root = _compose(loader, text, path, first_line)
        value = None if root is None else _Builder(loader.constructor, path, first_line, marks).build(root, ())
    except RecursionError as error:
        raise ProjectError("the YAML is nested too deeply.", place=Place(path, first_line)) from error
    if value is None:
        return Document(path, {}, marks)
    if not isinstance(value, Mapping):
        raise ProjectError("a mapping (key: value) is expected at the top of the file.", place=Place(path, first_line))
    return Document(path, value, marks)


def load_document(path: Path) -> Document:
    """Read and parse a YAML file."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ProjectError(f"the file is not UTF-8 (byte {error.start}).", place=Place(path)) from error
    return parse_document(text, path)


def check_keys(document: Document, at: KeyPath, value: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
    """Refuse keys that are not allowed, naming the nearest that is.

    Raises: ProjectError.
    """
    for key in value:
        if key not in allowed:
            near = get_close_matches(str(key), allowed, n=1)
            meant = f"Did you mean {near[0]}?" if near else f"Allowed are: {', '.join(allowed)}."
            raise document.error(f"unknown key {key!r}.", *at, str(key), hint=meant)


def _compose(loader: Any, text: str, path: Path, first_line: int) -> Any:
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        return loader.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(path, mark.line + first_line, mark.column + 1) if mark else Place(path)
        problem = error.problem or error.context or ""
        said = f"{error.context} {problem}" if problem.startswith("but ") else problem
        raise ProjectError(f"this is not valid YAML: {said}.", place=place) from error
    except YAMLError as error:
        line = text.count("\n", 0, getattr(error, "position", 0)) + first_line
        raise ProjectError(f"this is not valid YAML: {str(error).splitlines()[0]}.", place=Place(path, line)) from error


class _Builder:
    """Makes plain values of a parser's nodes and notes where each stands; aliases are unfolded."""

    def __init__(self, scalars: Any, path: Path, first_line: int, marks: dict[KeyPath, tuple[int, int]]) -> None:
        self._scalars = scalars
        self._path = path
        self._first_line = first_line
        self._marks = marks
        self._open: set[int] = set()
        self._count = 0

    def build(self, node: Any, at: KeyPath) -> Any:
        self._count += 1
        if id(node) in self._open or self._count > _MOST_NODES:
            raise self._error(node, "an alias contains itself or unfolds without end.", "Write the value out.")
        if str(node.tag).removeprefix(_TAG) not in _TAGS:
            raise self._error(node, f"the YAML tag {node.tag} is not known.", "Values stand without tags.")
        self._open.add(id(node))
        try:
            if node.id == "mapping":
                return self._mapping(node, at)
            if node.id == "sequence":
                return [self._item(child, (*at, index)) for index, child in enumerate(node.value)]
            return self._scalar(node)
        finally:
            self._open.discard(id(node))

    def _item(self, node: Any, at: KeyPath) -> Any:
        self._mark(node, at)
        return self.build(node, at)

    def _mapping(self, node: Any, at: KeyPath) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: list[Any] = []
        for key, child in node.value:
            if key.id != "scalar":
                raise self._error(key, "a key is a list or a mapping; allowed is text.")
            if str(key.tag) == f"{_TAG}merge":
                merged += child.value if child.id == "sequence" else [child]
                continue
            name = key.value
            if name in found:
                raise self._error(key, f"the key {name!r} stands twice; once is allowed.")
            self._mark(key, (*at, name))
            found[name] = self.build(child, (*at, name))
        return self._merge(found, merged, at)

    def _merge(self, found: dict[str, Any], merged: list[Any], at: KeyPath) -> dict[str, Any]:
        """`<<`: what stands in the mapping itself goes before what is merged into it, the first before the others."""
        for node in merged:
            marks, self._marks = self._marks, {}
            value = self.build(node, at)
            for place, mark in self._marks.items():
                marks.setdefault(place, mark)
            self._marks = marks
            if not isinstance(value, dict):
                raise self._error(node, "<< merges something that is not a mapping.")
            found = {**value, **found}
        return found

    def _scalar(self, node: Any) -> Any:
        from ruamel.yaml.error import YAMLError

        kind = str(node.tag).removeprefix(_TAG)
        if kind in ("str", "value"):
            # The round-trip parser marks where it folded a `>` text with a bell, which no YAML text may hold itself.
            return str(node.value).replace("\a", "") if node.style == ">" else str(node.value)
        try:
            value = self._scalars.construct_object(node, deep=True)
        except (YAMLError, ValueError, LookupError, TypeError, ArithmeticError) as error:
            raise self._error(node, f"this looks like a {_TAGS[kind]}, but is none.", "Put it in quotes.") from error
        if isinstance(value, bool) or value is None:
            return value
        return int(value) if isinstance(value, int) else float(value) if isinstance(value, float) else value

    def _mark(self, node: Any, at: KeyPath) -> None:
        self._marks[at] = (node.start_mark.line + self._first_line, node.start_mark.column + 1)

    def _error(self, node: Any, message: str, hint: str | None = None) -> ProjectError:
        line, column = node.start_mark.line + self._first_line, node.start_mark.column + 1
        return ProjectError(message, place=Place(self._path, line, column), hint=hint)
