"""What a workbook says of a sheet beside its values: cells that must not be trusted, merged areas, what is hidden."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from entrepot.adapters.files.excel.places import Area


@dataclass(frozen=True, slots=True)
class CellFault:
    """A cell whose value must not be trusted. `row` counts from 1, `column` from 0."""

    row: int
    column: int
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class SheetMarks:
    """What was seen in one sheet; None where the format is not looked into."""

    cells: int | None = None
    """How many were counted; sheets too small to have too many are not."""
    merged: tuple[Area, ...] | None = None
    hidden_rows: tuple[tuple[int, int], ...] | None = None
    """Pairs of first and last row."""
    hidden_columns: tuple[tuple[int, int], ...] | None = None
    faults: tuple[CellFault, ...] = ()
    long_columns: tuple[int, ...] | None = None
    """Columns where numbers may have more digits than the reader of values gives as text; None: any column."""
    exact: tuple[tuple[int, tuple[int, ...], tuple[str, ...]], ...] = ()
    """Of other columns: column, rows, and the exact texts of the numbers there, if they are numbers."""

    def to_json(self) -> dict[str, Any]:
        """For the process that reads the values meanwhile."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class SheetEntry:
    """A sheet as the workbook lists it; `member` is the path of its XML, where it has one."""

    name: str
    is_visible: bool
    has_cells: bool = True
    """False for sheets that are a chart or a dialog."""
    member: str = ""


@dataclass(slots=True)
class Seen:
    """Marks while they are collected."""

    cells: int = 0
    merged: list[Area] = field(default_factory=list)
    hidden_rows: list[tuple[int, int]] = field(default_factory=list)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    faults: list[CellFault] = field(default_factory=list)
    long_columns: set[int] | None = None
    exact: dict[int, tuple[list[int], list[str]]] = field(default_factory=dict)

    def frozen(self) -> SheetMarks:
        """As a value."""
        return SheetMarks(
            self.cells,
            tuple(self.merged),
            tuple(self.hidden_rows),
            tuple(self.hidden_columns),
            tuple(self.faults),
            None if self.long_columns is None else tuple(sorted(self.long_columns)),
            tuple((column, tuple(rows), tuple(texts)) for column, (rows, texts) in self.exact.items()),
        )


class TooMuch(Exception):
    """A limit was reached; the text says of what."""


class Unsafe(Exception):
    """The workbook holds something that no program writes into one; the text says what."""


def marks_from_json(value: dict[str, Any]) -> SheetMarks:
    """Read what `SheetMarks.to_json` gave."""
    spans = {
        key: None if value[key] is None else tuple((first, last) for first, last in value[key])
        for key in ("hidden_rows", "hidden_columns")
    }
    return SheetMarks(
        cells=value["cells"],
        merged=None if value["merged"] is None else tuple(Area(**area) for area in value["merged"]),
        faults=tuple(CellFault(**fault) for fault in value["faults"]),
        long_columns=None if value["long_columns"] is None else tuple(value["long_columns"]),
        exact=tuple((column, tuple(rows), tuple(texts)) for column, rows, texts in value["exact"]),
        **spans,
    )


NEVER_CALCULATED = ("formula_without_value", "a formula that was never calculated")
