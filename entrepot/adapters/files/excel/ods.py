"""OpenDocument spreadsheets as their XML tells them: sheets, error cells, merged areas, what is hidden, and how large they claim to be.

Error cells must be found here: the reader of values gives an empty text or a zero for them.
"""

from __future__ import annotations

import zipfile
from typing import Any
from xml.parsers import expat

from entrepot.adapters.files.excel.marks import (
    NEVER_CALCULATED,
    CellFault,
    Seen,
    SheetEntry,
    SheetMarks,
    TooMuch,
)
from entrepot.adapters.files.excel.places import Area
from entrepot.adapters.files.excel.xlsx import refuse_entities

_CHUNK = 1 << 20
_VALUES = ("value", "date-value", "time-value", "boolean-value", "string-value")


def read_ods(archive: zipfile.ZipFile, most_cells: int) -> list[tuple[SheetEntry, SheetMarks]]:
    """All sheets in order. Raises: TooMuch; Unsafe; KeyError, expat.ExpatError, zipfile.BadZipFile when it is damaged."""
    watcher = _Watcher(most_cells)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = watcher.start
    parser.EndElementHandler = watcher.end
    parser.CharacterDataHandler = watcher.text
    with archive.open("content.xml") as file:
        first = True
        while chunk := file.read(_CHUNK):
            if first:
                refuse_entities(chunk, "content.xml")
                first = False
            parser.Parse(chunk, False)
    parser.Parse(b"", True)
    return watcher.sheets


def _plain(attributes: dict[str, Any]) -> dict[str, str]:
    """Attributes without their namespaces; `calcext:value-type` says more than `office:value-type`."""
    found: dict[str, str] = {}
    for name, value in attributes.items():
        key = "calc-type" if "calc" in name and name.endswith("value-type") else name.rpartition(" ")[2]
        found[key] = value
    return found


class _Watcher:
    """Follows `<table><table-row><table-cell/></table-row></table>`; a row or cell may stand for many."""

    def __init__(self, most_cells: int) -> None:
        self.sheets: list[tuple[SheetEntry, SheetMarks]] = []
        self._most = most_cells
        self._hidden_styles: set[str] = set()
        self._style = ""
        self._depth_of_table = 0
        self._begin_table("", "")

    def _begin_table(self, name: str, style: str) -> None:
        self._seen = Seen()
        self._name = name
        self._is_visible = style not in self._hidden_styles
        self._row = self._next_row = 1
        self._row_repeat = 1
        self._column = 0
        self._table_column = 0
        self._last_row = self._last_column = 0
        self._cell: dict[str, str] | None = None
        self._text = ""

    def start(self, tag: str, attributes: dict[str, Any]) -> None:
        name = tag.rpartition(" ")[2]
        if name in ("table-cell", "covered-table-cell"):
            self._cell, self._text = _plain(attributes), ""
        elif name == "table-row":
            self._begin_row(_plain(attributes))
        elif name == "table-column":
            self._note_column(_plain(attributes))
        elif name == "table":
            self._depth_of_table += 1
            if self._depth_of_table == 1:
                found = _plain(attributes)
                self._begin_table(found.get("name", ""), found.get("style-name", ""))
        elif name == "style":
            self._style = _plain(attributes).get("name", "")
        elif name == "table-properties" and _plain(attributes).get("display") == "false":
            self._hidden_styles.add(self._style)

    def text(self, text: str) -> None:
        if self._cell is not None:
            self._text += text[:100]

    def end(self, tag: str) -> None:
        name = tag.rpartition(" ")[2]
        if name in ("table-cell", "covered-table-cell") and self._cell is not None:
            self._end_cell(self._cell)
            self._cell = None
        elif name == "table":
            self._depth_of_table -= 1
            if self._depth_of_table == 0:
                self.sheets.append((SheetEntry(self._name, self._is_visible), self._seen.frozen()))

    def _begin_row(self, attributes: dict[str, str]) -> None:
        self._row = self._next_row
        self._row_repeat = max(int(attributes.get("number-rows-repeated", "1")), 1)
        self._next_row = self._row + self._row_repeat
        self._column = 0
        if attributes.get("visibility", "visible") != "visible":
            self._seen.hidden_rows.append((self._row, self._next_row - 1))

    def _note_column(self, attributes: dict[str, str]) -> None:
        repeat = max(int(attributes.get("number-columns-repeated", "1")), 1)
        if attributes.get("visibility", "visible") != "visible":
            self._seen.hidden_columns.append((self._table_column, self._table_column + repeat - 1))
        self._table_column += repeat

    def _end_cell(self, cell: dict[str, str]) -> None:
        repeat = max(int(cell.get("number-columns-repeated", "1")), 1)
        first, self._column = self._column, self._column + repeat
        has_value = any(cell.get(name) for name in _VALUES) or bool(self._text.strip())
        wide, high = int(cell.get("number-columns-spanned", "1")), int(cell.get("number-rows-spanned", "1"))
        if wide > 1 or high > 1:
            self._seen.merged.append(Area(self._row, first, self._row + high - 1, first + wide - 1))
        is_error = cell.get("calc-type") == "error" or self._text.startswith(("#DIV/0!", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#N/A", "#NULL!", "Err:"))  # fmt: skip
        if "formula" in cell and (is_error or not (has_value or "value-type" in cell)):
            reason, text = ("cell_error", self._text.strip() or "#ERROR") if is_error else NEVER_CALCULATED
            self._claim(first + repeat)
            self._seen.faults += [
                CellFault(row, column, reason, text)
                for row in range(self._row, self._next_row)
                for column in range(first, self._column)
            ]
        elif has_value:
            self._claim(first + repeat)

    def _claim(self, columns: int) -> None:
        """The reader of values takes memory for the whole rectangle. Raises: TooMuch."""
        self._last_row = max(self._last_row, self._next_row - 1)
        self._last_column = max(self._last_column, columns)
        self._seen.cells = self._last_row * self._last_column
        if self._seen.cells > self._most:
            raise TooMuch("cells")
