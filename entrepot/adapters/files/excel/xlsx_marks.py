"""The marks of a sheet of Excel 2007 and later: its XML is streamed and counted by patterns, in pieces that end with a row.

Single cells are parsed only when there is a formula without a stored result, or XML that fits no pattern.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from typing import IO

from entrepot.adapters.files.excel.marks import Seen, SheetMarks, TooMuch
from entrepot.adapters.files.excel.places import column_number, parse_area
from entrepot.adapters.files.excel.xlsx import CHUNK, DateStyles, date_styles, refuse_entities
from entrepot.adapters.files.excel.xlsx_cells import parse_cells

_MOST_PENDING = 32 << 20
"""A row longer than this is looked at in pieces."""
_LEAST_CELL_BYTES = 15
"""`<c><v>1</v></c>`: a shorter sheet need not be counted."""
_HIDDEN = re.compile(rb"\bhidden\s*=\s*[\"'](?:1|true)[\"']")
_NUMBER_OF = re.compile(rb"\br\s*=\s*[\"'](\d+)[\"']")
_REFERENCE = re.compile(rb"\bref\s*=\s*[\"']([A-Z0-9:]+)[\"']")
_STYLE_OF = re.compile(rb"\bs\s*=\s*[\"'](\d+)[\"']")
_CELL_OF = re.compile(rb"\br\s*=\s*[\"']([A-Z]{1,3})(\d+)[\"']")
_NUMBER = re.compile(rb"-?[\d.]+(?:[eE][-+]?\d+)?")
_SMALL = re.compile(rb"[eE]-\d+<")
_DECIMALS = 9
"""What the reader of values gives as text."""
_MOST_EXACT = 100_000
_SPAN = re.compile(rb"\bm(in|ax)\s*=\s*[\"'](\d+)[\"']")


def read_marks(archive: zipfile.ZipFile, member: str, most_cells: int) -> SheetMarks:
    """Look through one sheet. Raises: TooMuch; Unsafe; zipfile.BadZipFile, KeyError, expat.ExpatError when it is damaged."""
    may_have_too_many = archive.getinfo(member).file_size > most_cells * _LEAST_CELL_BYTES
    with archive.open(member) as file:
        scan = _Scan(file, member, most_cells if may_have_too_many else None, date_styles(archive))
        scan.run()
    if scan.needs_parsing:
        with archive.open(member) as file:
            return parse_cells(file, most_cells)
    return scan.seen.frozen()


class _Scan:
    """Counts by patterns, over pieces that end with a row, so that no cell is cut."""

    def __init__(self, file: IO[bytes], member: str, most_cells: int | None, styles: DateStyles) -> None:
        self._styles = styles
        self._file = file
        self._member = member
        self._most = most_cells
        self._prefix = b""
        self._row = 0
        self.seen = Seen(long_columns=set())
        self.needs_parsing = False

    def run(self) -> None:
        first = True
        for piece in self._pieces():
            if first:
                refuse_entities(piece[:CHUNK], self._member)
                match = re.search(rb"<(\w+:)?worksheet", piece)
                self._prefix = (match and match[1]) or b""
                # Text that is not UTF-8, and what is no sheet as we know it, fits no pattern.
                self.needs_parsing = match is None or b"\0" in piece
                self._compile()
                first = False
            if self.needs_parsing:
                return
            self._look(piece)

    def _compile(self) -> None:
        p = re.escape(self._prefix)
        self._formula = re.compile(rb"<" + p + rb"f[\s/>]")
        self._calculated = re.compile(
            rb"<" + p + rb"f(?:\s[^<>]*)?(?:/>|>[^<]*</" + p + rb"f>)\s*<" + p + rb"v(?:\s[^<>]*)?>[^<]"
        )
        self._hidden_row = re.compile(rb"<" + p + rb"row\s[^<>]*\bhidden\s*=[^<>]*>")
        self._column = re.compile(rb"<" + p + rb"col\s[^<>]*>")
        self._merged = re.compile(rb"<" + p + rb"mergeCell\s[^<>]*>")
        # After the point, so that it is what is looked for: dates that are known to be some are passed over at once.
        no_date = b"".join(
            rb"(?<!s=\"" + str(n).encode() + rb"\"><" + p + rb"v>\d{5}\.)" for n in sorted(self._styles.sure)
        )
        self._long = re.compile(rb"\." + no_date + rb"\d{10}")
        self._value = re.compile(rb"<" + p + rb"v(?:\s[^<>]*)?>")
        self._cell_start = b"<" + self._prefix + b"c "

    def _pieces(self) -> Iterator[bytes]:
        pending = b""
        while chunk := self._file.read(CHUNK):
            text = pending + chunk
            cut = text.rfind(b"row>") + 4
            if cut < 4 and len(text) < _MOST_PENDING:
                pending = text
                continue
            cut = cut if cut >= 4 else len(text)
            pending = text[cut:]
            yield text[:cut]
        if pending:
            yield pending

    def _look(self, piece: bytes) -> None:
        seen, p = self.seen, self._prefix
        if self._most is not None:
            seen.cells += piece.count(b"<" + p + b"c ") + piece.count(b"<" + p + b"c>")
            if seen.cells > self._most:
                raise TooMuch("cells")
        if b"<" + p + b"f" in piece and len(self._formula.findall(piece)) != len(self._calculated.findall(piece)):
            self.needs_parsing = True
            return
        if b"hidden" in piece:
            self._look_for_hidden(piece)
        if b"mergeCell " in piece:
            for tag in self._merged.findall(piece):
                match = _REFERENCE.search(tag)
                area = parse_area(match[1].decode()) if match else None
                if area is not None:
                    seen.merged.append(area)
        self._look_for_digits(piece)

    def _look_for_digits(self, piece: bytes) -> None:
        known = self.seen.long_columns
        if known is None:
            return
        patterns = [self._long, *([_SMALL] if b"E-" in piece or b"e-" in piece else [])]
        for match in (match for pattern in patterns for match in pattern.finditer(piece)):
            begin = piece.rfind(b">", 0, match.start()) + 1
            number = piece[begin : piece.find(b"<", begin)]
            if not (_NUMBER.fullmatch(number) and self._value.fullmatch(piece, piece.rfind(b"<", 0, begin), begin)):
                continue  # a text, a formula
            cell = piece.rfind(self._cell_start, 0, begin)
            tag = piece[cell : piece.find(b">", cell)] if cell >= 0 else b""
            place = _CELL_OF.search(tag)
            if place is None:  # cells that do not say where they are
                self.seen.long_columns = None
                self.seen.exact.clear()
                return
            if b't="' not in tag or b't="n"' in tag:
                self._note_number(known, tag, column_number(place[1].decode()), int(place[2]), number)

    def _note_number(self, known: set[int], tag: bytes, column: int, row: int, number: bytes) -> None:
        style = _STYLE_OF.search(tag)
        if (style is not None and int(style[1]) in self._styles.likely) or column in known:
            known.add(column)  # dates, most likely: whether there is a number among them is seen later
        else:
            self._note_exact(known, column, row, repr(float(number)))

    def _note_exact(self, known: set[int], column: int, row: int, text: str) -> None:
        if "e" not in text and len(text.partition(".")[2]) <= _DECIMALS:
            return
        rows, texts = self.seen.exact.setdefault(column, ([], []))
        rows.append(row)
        texts.append(text.removesuffix(".0"))
        if len(rows) > _MOST_EXACT:  # reading the column once more as numbers costs less
            del self.seen.exact[column]
            known.add(column)

    def _look_for_hidden(self, piece: bytes) -> None:
        for tag in self._hidden_row.findall(piece):
            number = _NUMBER_OF.search(tag)
            if not _HIDDEN.search(tag):
                continue
            if number is None:  # rows without a number are counted by the parser
                self.needs_parsing = True
                return
            self.seen.hidden_rows.append((int(number[1]), int(number[1])))
        for tag in self._column.findall(piece):
            if _HIDDEN.search(tag):
                ends = {name: int(number) for name, number in _SPAN.findall(tag)}
                self.seen.hidden_columns.append((ends[b"in"] - 1, ends[b"ax"] - 1))
