"""Where in a workbook the rows are, as the source says it: sheets, header, columns, end, and what belongs to no record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

MEASURE = "*"
"""The level of a header whose texts name columns."""


@dataclass(frozen=True, slots=True)
class RowRule:
    """Rows by what they are: `row` is `header`, `blank` or numbers (`8, 10-12`); else a column's text is like one of the patterns."""

    row: str | None = None
    column: str | None = None
    like: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.row == "header":
            return "repeating the header"
        if self.row is not None:
            return "that is blank" if self.row == "blank" else f"stated as {self.row}"
        return f"with {' or '.join(map(repr, self.like))} in {self.column}"


@dataclass(frozen=True, slots=True)
class Constant:
    """A column with one value for the whole sheet: the text of a cell, or the sheet's name (`cell` is `sheet`).

    With `like` the text must be like it, and the value is what stands for its `*`.
    """

    name: str
    cell: str
    like: str | None = None


@dataclass(frozen=True, slots=True)
class Across:
    """Columns that stand for records, weeks for example. `levels` names each header row from the top; `*`: its texts name columns."""

    columns: str
    levels: tuple[str, ...]
    value: str | None = None
    down: str | None = None
    """The column whose texts say what the row holds; rows that differ in nothing else make one record."""
    without: tuple[str, ...] = ()
    """Columns one of whose header texts is like these are no records: totals."""


@dataclass(frozen=True, slots=True)
class NumberText:
    """How numbers are written in cells that hold text. `columns` empty: in all columns that the contract wants as numbers."""

    columns: tuple[str, ...] = ()
    decimal: str | None = None
    """None: not said. Then a text that could be read in two ways is rejected."""
    thousands: str | None = None
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the table stands in each sheet. Rows and columns are those that Excel shows."""

    header_row: int | None = None
    """None: the first row that is not blank."""
    header_rows: int = 1
    header_join: str = " "
    header_fill: str = "merged"
    columns: str | None = None
    names: Mapping[str, str] | None = None
    """Column letter → name; `=C3` is the text of that cell."""
    expect: Mapping[str, str] | None = None
    """Cell → pattern of the text that must stand there."""
    leave_out: tuple[RowRule, ...] = ()
    until: RowRule | None = None
    add: tuple[Constant, ...] = ()
    across: Across | None = None
    fill_merged: bool = False
    fill_down: tuple[str, ...] = ()
    leave_out_hidden: bool = False
    trim: bool = False
    numbers: tuple[NumberText, ...] = ()


@dataclass(frozen=True, slots=True)
class ExcelOptions:
    """Which sheets (names or patterns; none: the first that is shown), where the table stands in them, and what a workbook may cost."""

    sheets: tuple[str, ...] = ()
    layout: Layout = Layout()
    memory_limit_bytes: int = 2 << 30
    max_cells: int = 20_000_000
    time_limit_s: float = 600.0

    def to_json(self) -> dict[str, Any]:
        """For the process that reads."""
        return asdict(self)


def options_from_json(value: Mapping[str, Any]) -> ExcelOptions:
    """Read what `ExcelOptions.to_json` gave."""
    layout = dict(value["layout"])
    layout["leave_out"] = tuple(_rule(rule) for rule in layout["leave_out"])
    layout["until"] = layout["until"] and _rule(layout["until"])
    layout["add"] = tuple(Constant(**constant) for constant in layout["add"])
    layout["across"] = layout["across"] and _tuples(Across, layout["across"])
    layout["numbers"] = tuple(_tuples(NumberText, style) for style in layout["numbers"])
    layout["fill_down"] = tuple(layout["fill_down"])
    return ExcelOptions(**{**value, "sheets": tuple(value["sheets"]), "layout": Layout(**layout)})


def _rule(value: Mapping[str, Any]) -> RowRule:
    return RowRule(value["row"], value["column"], tuple(value["like"]))


def _tuples(kind: Any, value: Mapping[str, Any]) -> Any:
    return kind(**{name: tuple(one) if isinstance(one, list) else one for name, one in value.items()})
