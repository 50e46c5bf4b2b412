"""The marks of a sheet of Excel 2007 and later, cell by cell: slow, and right for any XML."""

from __future__ import annotations

from typing import IO, Any
from xml.parsers import expat

from entrepot.adapters.files.excel.marks import NEVER_CALCULATED, CellFault, Seen, SheetMarks, TooMuch
from entrepot.adapters.files.excel.places import parse_area, parse_cell
from entrepot.adapters.files.excel.xlsx import CHUNK


def parse_cells(file: IO[bytes], most_cells: int) -> SheetMarks:
    """Parse a whole sheet. Raises: TooMuch; expat.ExpatError when it is damaged."""
    watcher = _CellWatcher(most_cells)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = watcher.start
    parser.EndElementHandler = watcher.end
    parser.CharacterDataHandler = watcher.text
    while chunk := file.read(CHUNK):
        parser.Parse(chunk, False)
    parser.Parse(b"", True)
    return watcher.seen.frozen()


class _CellWatcher:
    """Follows `<row r><c r t><f/><v/></c></row>`."""

    def __init__(self, most_cells: int) -> None:
        self.seen = Seen()
        self._most = most_cells
        self._row = 0
        self._column = -1
        self._type = ""
        self._formula = False
        self._in_value = False
        self._has_value = False

    def start(self, tag: str, attributes: dict[str, Any]) -> None:
        match tag.rpartition(" ")[2]:
            case "c":
                self._begin_cell(attributes)
            case "f":
                self._formula = True
            case "v":
                self._in_value = True
            case "row":
                self._begin_row(attributes)
            case "col":
                if attributes.get("hidden") in ("1", "true"):
                    self.seen.hidden_columns.append((int(attributes["min"]) - 1, int(attributes["max"]) - 1))
            case "mergeCell":
                area = parse_area(attributes.get("ref", ""))
                if area is not None:
                    self.seen.merged.append(area)

    def text(self, text: str) -> None:
        if self._in_value and text:
            self._has_value = True

    def end(self, tag: str) -> None:
        name = tag.rpartition(" ")[2]
        if name == "v":
            self._in_value = False
        elif name == "c" and self._formula and not self._has_value and self._type != "str":
            self.seen.faults.append(CellFault(self._row, self._column, *NEVER_CALCULATED))

    def _begin_row(self, attributes: dict[str, Any]) -> None:
        self._row = int(attributes.get("r", self._row + 1))
        self._column = -1
        if attributes.get("hidden") in ("1", "true"):
            self.seen.hidden_rows.append((self._row, self._row))

    def _begin_cell(self, attributes: dict[str, Any]) -> None:
        self.seen.cells += 1
        if self.seen.cells > self._most:
            raise TooMuch("cells")
        place = parse_cell(attributes.get("r", ""))
        self._row, self._column = place or (self._row, self._column + 1)
        self._type = attributes.get("t", "n")
        self._formula = False
        self._has_value = False
