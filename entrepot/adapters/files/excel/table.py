"""The records of a sheet: header, columns and rows as the layout says, as Arrow batches with row numbers and faults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from entrepot.adapters.files.csv.header import check_names
from entrepot.adapters.files.excel.across import Across, UnpivotedRecords, plan_across
from entrepot.adapters.files.excel.cells import Grid
from entrepot.adapters.files.excel.fill import fill_down, fill_merged
from entrepot.adapters.files.excel.header import HeadColumn, Header, check_expected, read_constants, read_header
from entrepot.adapters.files.excel.number_texts import NumberTexts
from entrepot.adapters.files.excel.options import Layout
from entrepot.adapters.files.excel.places import cell_name
from entrepot.adapters.files.excel.rows import Picked, pick_rows
from entrepot.kernel.errors import DataError
from entrepot.ports.relations import FAULT_TYPE, FAULTS, RECORD

_BATCH_ROWS = 16_384


@dataclass(slots=True)
class Table:
    """What a sheet gives."""

    sheet: str
    names: tuple[str, ...]
    header: Header
    picked: Picked
    notes: tuple[str, ...]
    _columns: list[pa.Array]
    _numbers: list[int]
    """The sheet's number of each column."""
    _faults: Mapping[int, Mapping[int, tuple[str, str]]]
    _constants: Mapping[str, str]
    _across: Across | None = None
    _heads: Mapping[int, HeadColumn] = field(default_factory=dict)

    @property
    def schema(self) -> pa.Schema:
        """Texts, row number, faults."""
        columns = [pa.field(name, pa.string()) for name in self.names]
        return pa.schema([*columns, pa.field(RECORD, pa.int64()), pa.field(FAULTS, FAULT_TYPE)])

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Records in the order of the sheet."""
        if self._across is not None:
            yield from UnpivotedRecords(
                self.sheet, self._across, self.schema, self._columns, self._numbers, self._faults, self._constants
            ).batches(self.picked)
            return
        count = len(self.picked.mask)
        for begin in range(0, count, _BATCH_ROWS):
            batch = self._batch(begin)
            if batch.num_rows:
                yield batch

    def _batch(self, begin: int) -> pa.RecordBatch:
        mask = self.picked.mask.slice(begin, _BATCH_ROWS)
        first = self.picked.first_row + begin
        values = [column.slice(first - 1, len(mask)) for column in self._columns]
        values += [pa.repeat(pa.scalar(value, pa.string()), len(mask)) for value in self._constants.values()]
        numbers = pa.arange(first, first + len(mask), 1)
        whole = pa.RecordBatch.from_arrays([*values, numbers, self._faults_of(first, len(mask))], schema=self.schema)
        return whole.filter(mask)

    def _faults_of(self, first: int, count: int) -> pa.Array:
        faulty = [row for row in range(first, first + count) if row in self._faults] if self._faults else []
        if not faulty:
            return pa.nulls(count, FAULT_TYPE)
        names = dict(zip(self._numbers, self.names, strict=False))
        found: list[list[dict[str, str]] | None] = [None] * count
        for row in faulty:
            own = [
                {
                    "column": names[column],
                    "at": f"{self.sheet}!{cell_name(row, column)}",
                    "reason": reason,
                    "text": text,
                }
                for column, (reason, text) in sorted(self._faults[row].items())
                if column in names
            ]
            found[row - first] = own or None
        return pa.array(found, FAULT_TYPE)


def read_table(grid: Grid, place: str, layout: Layout, numeric: frozenset[str]) -> Table:
    """Read a sheet as the layout says. Raises: DataError when the sheet is not as it says."""
    check_expected(grid, place, layout)
    constants = read_constants(grid, place, layout)
    header = read_header(grid, place, layout)
    picked = pick_rows(grid, place, layout, header)
    heads = _used_columns(grid, place, header, picked)
    across = plan_across(grid, place, layout, heads, picked) if layout.across else None
    if across is None:
        names = [head.name for head in heads]
        check_names(names, f"the header in {place} row {header.last_row}", "excel.names")
    else:
        names = list(across.names)
        heads = across.heads
    columns = _read_values(grid, place, layout, heads, across, numeric, header)
    check_names([*names, *constants], f"{place}, with what its layout adds,", "excel.names")
    return Table(
        sheet=grid.sheet,
        names=(*names, *constants),
        header=header,
        picked=picked,
        notes=(*picked.notes, *(across.notes if across else ())),
        _columns=columns,
        _numbers=[head.number for head in heads],
        _faults=grid.faults,
        _constants=constants,
        _across=across,
    )


def _used_columns(grid: Grid, place: str, header: Header, picked: Picked) -> list[HeadColumn]:
    """Columns with a name; those without one must be empty where the records are. Raises: DataError."""
    used: list[HeadColumn] = []
    blank: list[str] = []
    for head in header.columns:
        if head.name:
            used.append(head)
        elif (row := _first_value(grid, head.number, picked)) is not None:
            blank.append(cell_name(row, head.number))
    if blank:
        raise DataError(
            f"the header of {place} has no name in "
            f"{', '.join(cell_name(max(header.last_row, 1), h.number) for h in header.columns if not h.name and _first_value(grid, h.number, picked))}"
            f", but there are values below ({', '.join(blank[:3])}).",
            hint="Name the column with the option excel.names, say which columns belong to the table with excel.columns, "
            "or where the header is with the option excel.header_row.",
        )
    return used


def _first_value(grid: Grid, column: int, picked: Picked) -> int | None:
    """The first record's row that has a value or a fault in the column."""
    values = grid.column(column).slice(picked.first_row - 1)
    mask = pc.and_(picked.mask, pc.fill_null(pc.match_substring_regex(values, r"\S"), False))
    place = pc.index(mask, True).as_py()
    faulty = [row for row, cells in grid.faults.items() if column in cells and _is_picked(picked, row)]
    rows = [*([place + picked.first_row] if place >= 0 else []), *faulty]
    return min(rows, default=None)


def _is_picked(picked: Picked, row: int) -> bool:
    place = row - picked.first_row
    return 0 <= place < len(picked.mask) and bool(picked.mask[place].as_py())


def _read_values(
    grid: Grid,
    place: str,
    layout: Layout,
    heads: Sequence[HeadColumn],
    across: Across | None,
    numeric: frozenset[str],
    header: Header,
) -> list[pa.Array]:
    """The columns' texts with numbers rewritten and blanks filled; faults go to the grid's."""
    numbers = NumberTexts(layout.numbers, numeric)
    columns = {head.number: grid.column(head.number) for head in heads}
    wanted = {head.number: across.measures_of(head) if across else {head.name: None} for head in heads}
    doubtful = [
        number
        for number, measures in wanted.items()
        if any(numbers.needs_look(name, columns[number]) for name in measures)
    ]
    is_text = grid.is_text(doubtful) if doubtful else {}
    for number, mask in is_text.items():
        for name, rows in wanted[number].items():
            own = mask if rows is None else pc.and_(mask, rows)
            columns[number], faults = numbers.read(name, columns[number], own)
            for row, text in faults.items():
                if row >= header.last_row:
                    grid.faults.setdefault(row + 1, {}).setdefault(number, ("number_format", text))
    if layout.trim:
        columns = {number: pc.utf8_trim_whitespace(texts) for number, texts in columns.items()}
    if layout.fill_merged:
        fill_merged(grid, place, columns, header.last_row)
    if layout.fill_down:
        fill_down(place, columns, heads, layout.fill_down, header.last_row)
    return [columns[head.number] for head in heads]
