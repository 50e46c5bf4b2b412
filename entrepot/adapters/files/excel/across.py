"""Columns that stand for records, weeks across a sheet: each filled cell (or group of cells) becomes a record of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from entrepot.adapters.files.excel.cells import Grid
from entrepot.adapters.files.excel.header import HeadColumn
from entrepot.adapters.files.excel.options import MEASURE, Layout
from entrepot.adapters.files.excel.places import cell_name, column_letters, is_like, parse_columns
from entrepot.adapters.files.excel.rows import Picked
from entrepot.kernel.errors import DataError
from entrepot.ports.relations import FAULTS, RECORD

_CHUNK_ROWS = 512

Faults = Mapping[int, Mapping[int, tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Slot:
    """One record to be made of each row: the values of the levels, and the columns that hold its values, each with its measure
    (None: the row says which)."""

    levels: tuple[str, ...]
    columns: tuple[tuple[int, str | None], ...]


@dataclass(frozen=True, slots=True)
class Across:
    """How the sheet's columns become records. `heads`: the columns that are read; `kept`: those that stay as they are."""

    heads: list[HeadColumn]
    kept: tuple[HeadColumn, ...]
    slots: tuple[Slot, ...]
    names: tuple[str, ...]
    """Of the columns that come out: kept ones, levels, measures."""
    measures: tuple[str, ...]
    down: int | None
    rows_of: Mapping[str, pa.Array] = field(default_factory=dict)
    """With `down`: measure → mask over the sheet's rows that hold it."""
    notes: tuple[str, ...] = ()

    def measures_of(self, head: HeadColumn) -> Mapping[str, pa.Array | None]:
        """The measures that a column holds, each with the rows that hold it (None: all)."""
        if head in self.kept:
            return {head.name: None}
        if self.down is not None:
            return {} if head.number == self.down else self.rows_of
        found = (name for slot in self.slots for column, name in slot.columns if column == head.number and name)
        return dict.fromkeys(found)


def plan_across(grid: Grid, place: str, layout: Layout, heads: Sequence[HeadColumn], picked: Picked) -> Across:
    """Find the columns that stand for records. Raises: DataError when the header does not say what they stand for."""
    option = layout.across
    assert option is not None
    spans = parse_columns(option.columns) or ()
    wide = [head for head in heads if any(first <= head.number <= last for first, last in spans)]
    if not wide:
        raise DataError(f"{place} has no header in columns {option.columns}, as the option excel.across.columns says.")
    dropped = [head for head in wide if any(is_like(text, like) for text in head.levels for like in option.without)]
    wide = [head for head in wide if head not in dropped]
    own = {head.number for head in (*wide, *dropped)}
    others = [head for head in heads if head.number not in own]
    down = _down_column(place, option.down, others)
    kept = tuple(head for head in others if head.number != down)
    first_row = picked.first_row - layout.header_rows
    slots = _slots(place, option.levels, option.value, wide, first_row, has_down=down is not None)
    labels = _labels(grid, place, down, picked) if down is not None else {}
    measures = tuple(labels) or tuple(dict.fromkeys(name for slot in slots for _, name in slot.columns if name))
    levels = [level for level in option.levels if level != MEASURE]
    count = "1 column" if len(dropped) == 1 else f"{len(dropped)} columns"
    letters = ", ".join(column_letters(head.number) for head in dropped)
    return Across(
        heads=[*others, *wide],
        kept=kept,
        slots=slots,
        names=(*(head.name for head in kept), *levels, *measures),
        measures=measures,
        down=down,
        rows_of=labels,
        notes=(f"{count} ({letters}) left out as excel.across.without says",) if dropped else (),
    )


def _down_column(place: str, name: str | None, heads: Sequence[HeadColumn]) -> int | None:
    if name is None:
        return None
    for head in heads:
        if head.name.casefold() == name.casefold():
            return head.number
    shown = ", ".join(head.name for head in heads) or "none"
    raise DataError(
        f"{place} has no column {name!r}, which the option excel.across.down names; beside those across it has {shown}.",
        hint="A column without a header gets its name by the option excel.names, {A: measure}.",
    )


def _slots(
    place: str, levels: Sequence[str], value: str | None, wide: Sequence[HeadColumn], first_row: int, *, has_down: bool
) -> tuple[Slot, ...]:
    measure_at = levels.index(MEASURE) if MEASURE in levels else None
    found: dict[tuple[str, ...], dict[str | None, int]] = {}
    for head in wide:
        for level, text in enumerate(head.levels):
            if not text:
                raise DataError(
                    f"{place}!{cell_name(first_row + level, head.number)} is blank; the option excel.across.levels says that "
                    f"{levels[level]!r} stands there.",
                    hint="If one header text goes for the blank cells at its right and they are not merged, "
                    "say excel.header_fill: right.",
                )
        key = tuple(text for level, text in enumerate(head.levels) if level != measure_at)
        measure = None if has_down else head.levels[measure_at] if measure_at is not None else value
        slot = found.setdefault(key, {})
        if measure in slot:
            twice = f"{column_letters(slot[measure])} and {column_letters(head.number)}"
            raise DataError(f"{place}: columns {twice} have the same header, {' / '.join(head.levels)!r}.")
        slot[measure] = head.number
    return tuple(Slot(key, tuple((column, name) for name, column in slot.items())) for key, slot in found.items())


def _labels(grid: Grid, place: str, down: int, picked: Picked) -> dict[str, pa.Array]:
    """The texts of the column that says what a row holds, each with the sheet's rows that have it. Raises: DataError."""
    texts = pc.utf8_trim_whitespace(grid.column(down))
    above = pa.array([False] * (picked.first_row - 1), pa.bool_())
    rows = pa.concat_arrays([above, picked.mask]) if len(picked.mask) else pa.array([False] * len(texts), pa.bool_())
    blank = pc.and_(rows, pc.fill_null(pc.equal(texts, ""), True))
    if (at := pc.index(blank, True).as_py()) >= 0:
        raise DataError(
            f"{place}!{cell_name(at + 1, down)} is blank; the option excel.across.down says that it tells what the row holds."
        )
    names = pc.unique(texts.filter(rows)).to_pylist()
    return {name: pc.and_(rows, pc.fill_null(pc.equal(texts, name), False)) for name in names}


@dataclass(frozen=True, slots=True)
class UnpivotedRecords:
    """The records, read a few rows at a time. A record carries the number of the (first) row that it comes from."""

    sheet: str
    across: Across
    schema: pa.Schema
    columns: Sequence[pa.Array]
    numbers: Sequence[int]
    faults: Faults
    constants: Mapping[str, str]

    def batches(self, picked: Picked) -> Iterator[pa.RecordBatch]:
        """All records, in the order of rows, then of columns."""
        group: list[tuple[int, dict[int, str | None]]] = []
        waiting: list[dict[str, Any]] = []
        for row, values in self._rows(picked):
            if group and not self._goes_with(group, values):
                waiting += self._records(group)
                group = []
            group.append((row, values))
            if len(waiting) >= _CHUNK_ROWS * 16:
                yield pa.RecordBatch.from_pylist(waiting, self.schema)
                waiting = []
        if group:
            waiting += self._records(group)
        if waiting:
            yield pa.RecordBatch.from_pylist(waiting, self.schema)

    def _rows(self, picked: Picked) -> Iterator[tuple[int, dict[int, str | None]]]:
        for begin in range(0, len(picked.mask), _CHUNK_ROWS):
            mask = picked.mask.slice(begin, _CHUNK_ROWS).to_pylist()
            first = picked.first_row + begin
            lists = [column.slice(first - 1, len(mask)).to_pylist() for column in self.columns]
            for place, is_record in enumerate(mask):
                if is_record:
                    yield first + place, {n: values[place] for n, values in zip(self.numbers, lists, strict=True)}

    def _goes_with(self, group: list[tuple[int, dict[int, str | None]]], values: dict[int, str | None]) -> bool:
        """True when a row is of the same record as the rows before it: it differs in nothing but what it measures."""
        down = self.across.down
        if down is None or any(values[head.number] != group[0][1][head.number] for head in self.across.kept):
            return False
        row = next((row for row, before in group if before[down] == values[down]), None)
        if row is not None and not self.across.kept:
            raise DataError(
                f"{self.sheet}: row {row} and a later one both hold {values[down]!r}, and no column tells them apart.",
                hint="Name what is of no use with the option excel.leave_out.",
            )
        return row is None

    def _records(self, group: list[tuple[int, dict[int, str | None]]]) -> Iterator[dict[str, Any]]:
        number, first = group[0]
        shared = {head.name: first[head.number] for head in self.across.kept} | dict(self.constants)
        kept_faults = [fault for head in self.across.kept for fault in self._fault(number, head.number, head.name)]
        level_names = self.across.names[len(self.across.kept) : len(self.across.names) - len(self.across.measures)]
        for slot in self.across.slots:
            found: dict[str, str | None] = {}
            faults: list[dict[str, str]] = []
            for row, values in group:
                for column, measure in slot.columns:
                    name = measure or (values[self.across.down] or "").strip()  # type: ignore[index]
                    found[name] = values[column]
                    faults += self._fault(row, column, name)
            if faults or any((text or "").strip() for text in found.values()):
                levels = dict(zip(level_names, slot.levels, strict=True))
                yield {**shared, **levels, **found, RECORD: number, FAULTS: [*kept_faults, *faults] or None}

    def _fault(self, row: int, column: int, name: str) -> list[dict[str, str]]:
        found = self.faults.get(row, {}).get(column)
        if found is None:
            return []
        return [{"column": name, "at": f"{self.sheet}!{cell_name(row, column)}", "reason": found[0], "text": found[1]}]
