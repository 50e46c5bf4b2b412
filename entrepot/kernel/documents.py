"""YAML documents that remember where each key stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from entrepot.kernel.errors import Place, ProjectError

KeyPath = tuple[str | int, ...]


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

    Raises: ProjectError with the place, for bad YAML and for anything but a mapping at the top.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedBase
    from ruamel.yaml.error import MarkedYAMLError

    loader = YAML(typ="rt")
    try:
        root = loader.load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(path, mark.line + first_line, mark.column + 1) if mark else Place(path)
        raise ProjectError(f"this is not valid YAML: {error.problem}", place=place) from error
    marks: dict[KeyPath, tuple[int, int]] = {(): (first_line, 1)}
    if root is None:
        return Document(path, {}, marks)
    if not isinstance(root, Mapping):
        raise ProjectError("a mapping (key: value) is expected at the top of the file.", place=Place(path, first_line))
    if isinstance(root, CommentedBase):
        _collect(root, (), marks, first_line)
    return Document(path, _plain(root), marks)


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


def _collect(node: Any, at: KeyPath, marks: dict[KeyPath, tuple[int, int]], first_line: int) -> None:
    if isinstance(node, Mapping):
        for key, child in node.items():
            line, column = node.lc.key(key)  # type: ignore[attr-defined]
            marks[(*at, key)] = (line + first_line, column + 1)
            _collect(child, (*at, key), marks, first_line)
    elif isinstance(node, list):
        for index, child in enumerate(node):
            line, column = node.lc.item(index)  # type: ignore[attr-defined]
            marks[(*at, index)] = (line + first_line, column + 1)
            _collect(child, (*at, index), marks, first_line)


def _plain(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {str(key): _plain(child) for key, child in node.items()}
    if isinstance(node, list):
        return [_plain(child) for child in node]
    if isinstance(node, bool) or node is None:
        return node
    if isinstance(node, str):
        return str(node)
    if isinstance(node, int):
        return int(node)
    if isinstance(node, float):
        return float(node)
    return node
