"""Which rows of a sheet are records: where the table ends, and what is left out by a stated rule, counted and said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from entrepot.adapters.files.excel.cells import Grid
from entrepot.adapters.files.excel.header import Header, known
from entrepot.adapters.files.excel.options import Layout, RowRule
from entrepot.adapters.files.excel.places import parse_rows, pattern_regex
from entrepot.kernel.errors import DataError

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Picked:
    """The rows that are records, as a mask over the rows after the header; `notes` say what was left out."""

    first_row: int
    mask: pa.Array
    notes: tuple[str, ...]
    left_out: int


def pick_rows(grid: Grid, place: str, layout: Layout, header: Header) -> Picked:
    """Apply the layout's rules. Raises: DataError when a rule names what is not there."""
    judge = _Judge(grid, place, header, {head.name.casefold(): head.number for head in header.columns if head.name})
    mask = judge.filled()
    notes: list[str] = []
    left_out = 0
    if layout.until is not None:
        mask, note, number = judge.end(mask, layout.until)
        notes += [note] if note else []
        left_out += number
    for rule in layout.leave_out:
        gone = pc.and_(mask, judge.matches(rule, "leave_out"))
        mask = pc.and_not(mask, gone)
        if numbers := judge.numbers(gone):
            left_out += len(numbers)
            notes.append(f"{_rows(numbers)} {rule} left out")
    if layout.leave_out_hidden:
        spans = known(grid.marks.hidden_rows, place, "which rows are hidden", "hidden: leave_out")
        gone = pc.and_(mask, judge.within(spans))
        mask = pc.and_not(mask, gone)
        if numbers := judge.numbers(gone):
            left_out += len(numbers)
            notes.append(f"{_rows(numbers)} that {'is' if len(numbers) == 1 else 'are'} hidden left out")
    return Picked(header.last_row + 1, mask, tuple(notes), left_out)


def _rows(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:_SHOWN])) + (", …" if len(numbers) > _SHOWN else "")
    return f"{len(numbers):,} row{'s' if len(numbers) > 1 else ''} ({shown})"


class _Judge:
    """Masks over the rows after the header."""

    def __init__(self, grid: Grid, place: str, header: Header, names: Mapping[str, int]) -> None:
        self._grid = grid
        self._place = place
        self._header = header
        self._names = names
        self._first = header.last_row + 1
        self._count = max(grid.rows - header.last_row, 0)

    def filled(self) -> pa.Array:
        """Rows with a value or a fault in one of the table's columns."""
        mask = pa.array([False] * self._count, pa.bool_())
        for head in self._header.columns:
            if self._count and not pc.all(mask).as_py():
                mask = pc.or_(mask, _not_blank(self._below(head.number)))
        columns = {head.number for head in self._header.columns}
        faulty = [row for row, cells in self._grid.faults.items() if row >= self._first and columns & set(cells)]
        return pc.or_(mask, self._at(faulty)) if faulty else mask

    def end(self, mask: pa.Array, rule: RowRule) -> tuple[pa.Array, str | None, int]:
        """The rows before the table's end; what is said of those after it, and their number."""
        found = self._blank_after_first(mask) if rule.row == "blank" else self.matches(rule, "until")
        place = pc.index(found, True).as_py()
        if place < 0:
            if rule.row is not None:  # the sheet's own end
                return mask, None, 0
            raise DataError(
                f"{self._place} has no row {rule} below its header; the option excel.until says that the table ends there.",
                hint="Was the sheet cut off?",
            )
        before = pc.less(pa.arange(0, self._count, 1), place)
        after = self.numbers(pc.and_not(mask, before))
        if rule.row != "blank" and after and after[0] == self._first + place:
            after = after[1:]  # the row that ends the table is no surprise
        note = f"{_rows(after)} after the end of the table (row {self._first + place}) left out" if after else None
        return pc.and_(mask, before), note, len(after) + (rule.row is None)

    def _blank_after_first(self, mask: pa.Array) -> pa.Array:
        first = pc.index(mask, True).as_py()
        return pc.and_(pc.invert(mask), pc.greater(pa.arange(0, self._count, 1), first))

    def matches(self, rule: RowRule, option: str) -> pa.Array:
        """Rows of which the rule speaks."""
        if rule.row == "header":
            return self._like_header()
        if rule.row == "blank":
            return pc.invert(self.filled())
        if rule.row is not None:
            return self.within(parse_rows(rule.row) or ())
        column = self._names.get((rule.column or "").casefold())
        if column is None:
            shown = ", ".join(head.name for head in self._header.columns if head.name)
            raise DataError(
                f"{self._place} has no column {rule.column!r}, which the option excel.{option} names; it has {shown}."
            )
        texts = _trimmed(self._below(column))
        mask = pa.array([False] * self._count, pa.bool_())
        for pattern in rule.like:
            mask = pc.or_(mask, pc.match_substring_regex(texts, pattern_regex(pattern)))
        return mask

    def within(self, spans: Sequence[tuple[int, int]]) -> pa.Array:
        """Rows of these numbers."""
        last = self._first + self._count - 1
        rows = [row for first, end in spans for row in range(max(first, self._first), min(end, last) + 1)]
        return self._at(rows)

    def numbers(self, mask: pa.Array) -> list[int]:
        """The numbers of the rows of a mask."""
        return [place + self._first for place in pc.indices_nonzero(mask).to_pylist()]

    def _like_header(self) -> pa.Array:
        same = pa.array([False] * self._count, pa.bool_())
        for level, _ in enumerate(self._header.rows):
            row = self._first - len(self._header.rows) + level
            one = pa.array([True] * self._count, pa.bool_())
            for head in self._header.columns:
                text = self._grid.text(row, head.number) or ""
                one = pc.and_(one, pc.equal(_trimmed(self._below(head.number)), text))
            same = pc.or_(same, one)
        return same

    def _below(self, column: int) -> pa.Array:
        return self._grid.column(column).slice(self._first - 1)

    def _at(self, rows: Sequence[int]) -> pa.Array:
        mask = [False] * self._count
        for row in rows:
            if 0 <= row - self._first < self._count:
                mask[row - self._first] = True
        return pa.array(mask, pa.bool_())


def _trimmed(texts: pa.Array) -> pa.Array:
    return pc.fill_null(pc.utf8_trim_whitespace(texts), "")


def _not_blank(texts: pa.Array) -> pa.Array:
    return pc.fill_null(pc.match_substring_regex(texts, r"[^\s\x{A0}]"), False)
