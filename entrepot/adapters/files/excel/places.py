"""Places in a sheet as people write them: cells `C7`, columns `B:H`, rows `8, 10-12`; and patterns of texts, `Total*`."""

from __future__ import annotations

import re
from dataclasses import dataclass

LAST_COLUMN = 16_384
_CELL = re.compile(r"([A-Z]{1,3})([1-9]\d{0,6})\Z")
_SPAN = re.compile(r"([A-Z]{1,3})?(?:(:)([A-Z]{1,3})?)?\Z")
_ROWS = re.compile(r"([1-9]\d*)(?:-([1-9]\d*))?\Z")


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of cells: rows from 1, columns from 0, both ends included."""

    first_row: int
    first_column: int
    last_row: int
    last_column: int

    @property
    def top_left(self) -> tuple[int, int]:
        """Row and column of the cell that holds a merged area's value."""
        return self.first_row, self.first_column


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


def cell_name(row: int, column: int) -> str:
    """`C7` for row 7, column 2."""
    return f"{column_letters(column)}{row}"


def parse_cell(text: str) -> tuple[int, int] | None:
    """Row (from 1) and column (from 0) of `C7`; None when it is no cell."""
    match = _CELL.match(text)
    return (int(match[2]), column_number(match[1])) if match else None


def parse_area(text: str) -> Area | None:
    """`A1:F1` or `A1` as an area; None when it is none."""
    first, _, last = text.partition(":")
    begin, end = parse_cell(first), parse_cell(last or first)
    return Area(*begin, *end) if begin and end else None


def parse_columns(text: str) -> tuple[tuple[int, int], ...] | None:
    """`B:H`, `B:`, `A, C:F` as pairs of first and last column; None when it is none of these."""
    spans = []
    for piece in text.split(","):
        match = _SPAN.match(piece.strip())
        if match is None or not piece.strip() or not (match[1] or match[3]):
            return None
        first = column_number(match[1]) if match[1] else 0
        last = first if not match[2] else column_number(match[3]) if match[3] else LAST_COLUMN - 1
        if last < first:
            return None
        spans.append((first, last))
    return tuple(spans)


def parse_rows(text: str) -> tuple[tuple[int, int], ...] | None:
    """`8, 10-12` as pairs of first and last row; None when it is no such thing."""
    spans = []
    for piece in text.split(","):
        match = _ROWS.match(piece.strip())
        if match is None or int(match[2] or match[1]) < int(match[1]):
            return None
        spans.append((int(match[1]), int(match[2] or match[1])))
    return tuple(spans)


def pattern_regex(pattern: str) -> str:
    """A regular expression for a whole text: `*` stands for anything (and is a group), `?` for one sign."""
    pieces = {"*": "(.*)", "?": "."}
    return "(?s)^" + "".join(pieces.get(sign) or re.escape(sign) for sign in pattern.strip()) + "$"


def is_like(text: str, pattern: str) -> bool:
    """True when the text, without blanks around it, is like the pattern."""
    return re.match(pattern_regex(pattern), text.strip()) is not None
