"""What a workbook's own XML says and its values do not: error cells, formulas without a result, merged cells, hidden rows.

The XML is streamed. Cells are parsed only when a quick look finds that there is something to find.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET
from xml.parsers import expat

_CHUNK = 1 << 20
_OVERLAP = 4096
"""Longer than any start tag of a cell."""
_ERROR = re.compile(rb"<[^<>]*\bt\s*=\s*[\"']e[\"']")
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s/>]")
_CELL = re.compile(rb"<(?:\w+:)?c[\s/>]")
_MERGED = re.compile(rb"<(?:\w+:)?mergeCell\s")
_HIDDEN = re.compile(rb"<(?:\w+:)?row\s[^<>]*\bhidden\s*=\s*[\"'](?:1|true)[\"']")
_TEXTS = ("s", "str", "inlineStr")
_REFERENCE = re.compile(r"([A-Z]+)(\d+)\Z")


@dataclass(frozen=True, slots=True)
class CellFault:
    """A cell whose value must not be trusted. `column` counts from 0, `row` from 1."""

    row: int
    column: int
    reference: str
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class SheetMarks:
    """What was seen in one sheet."""

    cells: int
    merged: int
    hidden_rows: int
    faults: list[CellFault] = field(default_factory=list)
    text_cells: frozenset[tuple[int, int]] = frozenset()
    """(row, column) of cells that hold text; empty when they were not asked for."""


class TooManyCells(Exception):
    """A sheet has more cells than is allowed."""


def read_marks(path: Path, member: str, most_cells: int, *, wants_text: bool) -> SheetMarks:
    """Look through one sheet; with `wants_text` note every cell that holds text, which takes longer.

    Raises: TooManyCells; zipfile.BadZipFile, KeyError, expat.ExpatError when the workbook is damaged.
    """
    with zipfile.ZipFile(path) as archive:
        marks, has_faults = _scan(archive, member, most_cells)
        if not (has_faults or wants_text):
            return marks
        watcher = _parse_cells(archive, member, wants_text=wants_text)
    return replace(marks, faults=watcher.faults, text_cells=frozenset(watcher.text_cells))


@dataclass(frozen=True, slots=True)
class SheetEntry:
    """A sheet as the workbook lists it; `member` is the path of its XML."""

    name: str
    member: str
    is_visible: bool
    has_cells: bool
    """False for sheets that are a chart or a dialog."""


def list_sheets(path: Path) -> list[SheetEntry]:
    """The workbook's sheets in order. Raises: as `read_marks`."""
    with zipfile.ZipFile(path) as archive:
        root = _find_workbook(archive)
        folder, _, file = root.rpartition("/")
        prefix = f"{folder}/" if folder else ""
        workbook = ET.fromstring(archive.read(root))
        relations = ET.fromstring(archive.read(f"{prefix}_rels/{file}.rels"))
    targets = {relation.get("Id"): relation for relation in relations}
    found = []
    for element in workbook.iter():
        if element.tag.rpartition("}")[2] == "sheet":
            relation = targets[next(value for key, value in element.attrib.items() if key.endswith("}id"))]
            target = relation.get("Target", "")
            member = target.lstrip("/") if target.startswith("/") else posixpath.normpath(prefix + target)
            has_cells = relation.get("Type", "").endswith("/worksheet")
            found.append(
                SheetEntry(element.get("name", ""), member, element.get("state", "visible") == "visible", has_cells)
            )
    return found


def _find_workbook(archive: zipfile.ZipFile) -> str:
    relations = ET.fromstring(archive.read("_rels/.rels"))
    for relation in relations:
        if relation.get("Type", "").endswith("/officeDocument"):
            return relation.get("Target", "").lstrip("/")
    raise KeyError("the workbook's main part")


def _scan(archive: zipfile.ZipFile, member: str, most_cells: int) -> tuple[SheetMarks, bool]:
    """Count by patterns, and say whether a cell may be faulty. A tag that two chunks share is looked at whole."""
    cells = merged = hidden = 0
    has_faults = False
    rest = b""
    with archive.open(member) as file:
        while chunk := file.read(_CHUNK):
            text = rest + chunk
            cut = text.rfind(b"<")
            rest = text[cut:] if cut >= 0 and len(text) - cut < _OVERLAP else b""
            whole = text[:cut] if rest else text
            cells += len(_CELL.findall(whole))
            merged += len(_MERGED.findall(whole))
            hidden += len(_HIDDEN.findall(whole))
            # Bytes of XML that is not UTF-8 do not fit the patterns: then every cell is looked at.
            has_faults = has_faults or b"\0" in whole or bool(_ERROR.search(whole) or _FORMULA.search(whole))
            if cells > most_cells:
                raise TooManyCells
    return SheetMarks(cells, merged, hidden), has_faults


def _parse_cells(archive: zipfile.ZipFile, member: str, *, wants_text: bool) -> _CellWatcher:
    watcher = _CellWatcher(wants_text=wants_text)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = watcher.start
    parser.EndElementHandler = watcher.end
    parser.CharacterDataHandler = watcher.text
    with archive.open(member) as file:
        while chunk := file.read(_CHUNK):
            parser.Parse(chunk, False)
    parser.Parse(b"", True)
    return watcher


class _CellWatcher:
    """Follows `<row r><c r t><f/><v/></c></row>`."""

    def __init__(self, *, wants_text: bool) -> None:
        self.faults: list[CellFault] = []
        self.text_cells: set[tuple[int, int]] = set()
        self._wants_text = wants_text
        self._row = 0
        self._column = -1
        self._type = ""
        self._formula = False
        self._in_value = False
        self._value = ""

    def start(self, tag: str, attributes: dict[str, Any]) -> None:
        name = tag.rpartition(" ")[2]
        if name == "c":
            self._begin_cell(attributes)
        elif name == "f":
            self._formula = True
        elif name == "v":
            self._in_value = True
        elif name == "row":
            self._row = int(attributes.get("r", self._row + 1))
            self._column = -1

    def text(self, text: str) -> None:
        if self._in_value:
            self._value += text

    def end(self, tag: str) -> None:
        name = tag.rpartition(" ")[2]
        if name == "v":
            self._in_value = False
        elif name == "c":
            if self._type == "e":
                self._add("cell_error", self._value.strip() or "#ERROR")
            elif self._formula and not self._value and self._type != "str":
                self._add("formula_without_value", "a formula that was never calculated")

    def _begin_cell(self, attributes: dict[str, Any]) -> None:
        match = _REFERENCE.match(attributes.get("r", ""))
        self._column = column_number(match[1]) if match else self._column + 1
        if match:
            self._row = int(match[2])
        self._type = attributes.get("t", "n")
        if self._wants_text and self._type in _TEXTS:
            self.text_cells.add((self._row, self._column))
        self._formula = False
        self._value = ""

    def _add(self, reason: str, text: str) -> None:
        reference = f"{column_letters(self._column)}{self._row}"
        self.faults.append(CellFault(self._row, self._column, reference, reason, text))


def column_number(letters: str) -> int:
    """`A` is 0, `AA` is 26."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def column_letters(number: int) -> str:
    """0 is `A`, 26 is `AA`."""
    letters = ""
    number += 1
    while number:
        number, digit = divmod(number - 1, 26)
        letters = chr(65 + digit) + letters
    return letters
