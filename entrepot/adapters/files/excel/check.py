"""What is wrong with a layout that cannot be seen in one option alone: cells, columns and rows that are none, words that contradict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from entrepot.adapters.files.excel.options import MEASURE
from entrepot.adapters.files.excel.places import parse_cell, parse_columns, parse_rows
from entrepot.adapters.files.numbers import number_faults
from entrepot.intake.sources.fields import KeyPath, Options

Fault = tuple[KeyPath, str]


def layout_faults(options: Options) -> list[Fault]:
    """Each option that is wrong, and what is."""
    return [
        *_header_faults(options),
        *_cell_faults(options),
        *(
            fault
            for number, rule in enumerate(options["leave_out"] or ())
            for fault in _rule_faults(("leave_out", number), rule)
        ),
        *(_rule_faults(("until",), options["until"]) if options["until"] else ()),
        *_add_faults(options["add"] or ()),
        *(_across_faults(options, options["across"]) if options["across"] else ()),
        *_number_faults(options),
    ]


def _header_faults(options: Options) -> Iterator[Fault]:
    columns, names = options["columns"], options["names"] or {}
    if columns is not None and parse_columns(columns) is None:
        yield ("columns",), f"is {columns!r}; allowed are columns such as B:H, B: or A, C:F."
    for letters, name in names.items():
        if parse_cell(f"{letters}1") is None:
            yield ("names", letters), f"is a name for {letters!r}; allowed are columns by their letters, A, B, AA."
        if not name.strip() or (name.startswith("=") and parse_cell(name[1:]) is None):
            yield ("names", letters), f"is {name!r}; allowed are a name, or the cell that holds it, '=C3'."
    if options["header_rows"] == 0 and not names:
        yield ("header_rows",), "is 0, so that no column has a name; say them with the option names."


def _cell_faults(options: Options) -> Iterator[Fault]:
    for cell in options["expect"] or {}:
        if parse_cell(cell) is None:
            yield ("expect", cell), f"expects something of {cell!r}; allowed are cells such as B2."


def _rule_faults(at: KeyPath, rule: Mapping[str, Any]) -> Iterator[Fault]:
    row, column, like = rule["row"], rule["column"], rule["like"]
    if (row is None) == (column is None):
        yield at, "says which rows by row or by column and like; allowed is one of them."
    elif row is not None and like is not None:
        yield (*at, "like"), "goes with column; with row there is nothing to be like."
    elif column is not None and like is None:
        yield (*at, "column"), f"is {column!r}, but what its text is like is not said: add like."
    if row is None:
        return
    words = ("blank",) if at[0] == "until" else ("header",)
    if row not in words and (at[0] == "until" or parse_rows(str(row)) is None):
        numbers = "" if at[0] == "until" else ", or numbers of rows such as 8 or 8, 10-12"
        yield (*at, "row"), f"is {row!r}; allowed is {words[0]}{numbers}."


def _add_faults(constants: Any) -> Iterator[Fault]:
    seen: set[str] = set()
    for number, constant in enumerate(constants):
        at: KeyPath = ("add", number)
        if constant["name"].casefold() in seen:
            yield (*at, "name"), f"is {constant['name']!r}, which is added already."
        seen.add(constant["name"].casefold())
        if constant["cell"] != "sheet" and parse_cell(constant["cell"]) is None:
            yield (
                (*at, "cell"),
                f"is {constant['cell']!r}; allowed is a cell such as B2, or sheet for the sheet's name.",
            )
        if constant["like"] is not None and constant["like"].count("*") != 1:
            yield (
                (*at, "like"),
                f"is {constant['like']!r}; allowed is a pattern with one *, which stands for the value.",
            )


def _across_faults(options: Options, across: Mapping[str, Any]) -> Iterator[Fault]:
    levels = across["levels"]
    if parse_columns(across["columns"]) is None:
        yield ("across", "columns"), f"is {across['columns']!r}; allowed are columns such as B:H, B: or A, C:F."
    if len(levels) != options["header_rows"]:
        yield (
            ("across", "levels"),
            f"names {len(levels)} levels, but the header has {options['header_rows']} rows (header_rows).",
        )
    if len({level.casefold() for level in levels}) != len(levels):
        yield ("across", "levels"), "names a level twice."
    by = [word for word, is_said in (("value", across["value"]), ("down", across["down"])) if is_said]
    by += [f"the level {MEASURE}"] if MEASURE in levels else []
    if len(by) != 1:
        said = " and ".join(by) or "nothing"
        yield (
            ("across",),
            (
                f"says with {said} what the values are called; allowed is one of: value (one name for all), "
                f"down (a column's texts), a level {MEASURE} (a header row's texts)."
            ),
        )


def _number_faults(options: Options) -> Iterator[Fault]:
    yield from number_faults(options)
    for number, style in enumerate(options["numbers"] or ()):
        for path, text in number_faults(style):
            yield ("numbers", number, *path), text
