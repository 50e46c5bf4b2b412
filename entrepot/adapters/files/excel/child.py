"""Reads sheets of a workbook, in a process of its own: a hostile or huge workbook kills this process and no other.

Started by `reader.py` with a request as JSON on its standard input. Writes the rows as Arrow streams to the file descriptor
that the request names, and one JSON object to standard output: what was found, or what is wrong.
"""

from __future__ import annotations

import json
import os
import resource
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from xml.parsers import expat

from entrepot.adapters.files.excel.books import Answer, Book, Failed, MarksBeside, choose_sheets, open_book
from entrepot.adapters.files.excel.kinds import WorkbookKind, find_kind
from entrepot.adapters.files.excel.marks import SheetEntry, SheetMarks, TooMuch, Unsafe
from entrepot.adapters.files.excel.options import ExcelOptions, options_from_json
from entrepot.kernel.errors import DataError

if TYPE_CHECKING:  # loaded when the marks are being read already, in a process beside
    import fastexcel

    from entrepot.adapters.files.excel.cells import Grid
    from entrepot.adapters.files.excel.table import Table

_DAMAGED = (zipfile.BadZipFile, KeyError, IndexError, ValueError, EOFError, expat.ExpatError, zlib.error, struct.error, NotImplementedError)  # fmt: skip


def main() -> None:
    """Answer one request."""
    request = json.loads(sys.stdin.buffer.read())
    options = options_from_json(request["options"])
    limit, seconds = options.memory_limit_bytes, int(options.time_limit_s) + 1
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CPU, (2 * seconds, 2 * seconds))
    sys.stdout.write(json.dumps(guarded(lambda: _read(request, options))))


def guarded(work: Callable[[], Answer]) -> Answer:
    """Do the work; turn what is wrong with a workbook into an answer."""
    try:
        return work()
    except DataError as error:
        return {"error": error.message, "hint": error.hint}
    except Failed as failed:
        return failed.answer
    except TooMuch as error:
        return {"limit": str(error)}
    except Unsafe as error:
        return {"unsafe": str(error)}
    except MemoryError:
        return {"limit": "memory"}
    except _DAMAGED as error:
        return {"damaged": _first_line(error)}
    except Exception as error:
        if type(error).__module__ != "_fastexcel":
            raise
        return _from_reader(_first_line(error))


def _from_reader(text: str) -> Answer:
    if "password" in text.lower():
        return {
            "error": "{place} is protected by a password.",
            "hint": "Save it without a password, and send it again.",
        }
    if "cell limit" in text.lower():
        return {"limit": "cells"}
    return {"damaged": text.removeprefix("calamine error: ")}


def _first_line(error: Exception) -> str:
    if isinstance(error, KeyError):
        return str(error.args[0])
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _read(request: dict[str, Any], options: ExcelOptions) -> Answer:
    path, place = Path(request["path"]), request["place"]
    kind = find_kind(path, place)
    book = open_book(path, kind, options.memory_limit_bytes, options.max_cells)
    sheets = book.sheets
    beside = None
    if sheets is not None and book.marks is None:
        chosen = choose_sheets(sheets, options.sheets, place)
        beside = MarksBeside(path, chosen, options.max_cells, guarded)
    workbook = _open_workbook(path, kind)
    if sheets is None:
        sheets = _list_sheets(workbook)
    chosen = choose_sheets(sheets, options.sheets, place)
    found: list[Answer] = []
    empty: list[str] = []
    with os.fdopen(request["output"], "wb") as output:
        for entry in chosen:
            sheet = _read_sheet(workbook, book, entry, _marks(book, beside, entry), output, request, options)
            if sheet is None:
                empty.append(entry.name)
            else:
                found.append(sheet)
    if not found:
        raise DataError(f"{place} has nothing in its sheets {', '.join(map(repr, empty))}.")
    if empty:
        found[0]["notes"].append(
            f"nothing in the sheets {', '.join(map(repr, empty))}, which the option excel.sheet takes too"
        )
    return {
        "kind": kind,
        "found": found,
        "sheets": [other.name for other in sheets],
        "hidden_sheets": [other.name for other in sheets if not other.is_visible],
    }


def _open_workbook(path: Path, kind: WorkbookKind) -> fastexcel.ExcelReader:
    import fastexcel

    # By path it goes by the extension, by bytes it looks.
    is_named_so = path.suffix.lower() in (f".{kind}", ".xlsm" if kind == "xlsx" else "")
    return fastexcel.read_excel(path if is_named_so else path.read_bytes())


def _list_sheets(workbook: fastexcel.ExcelReader) -> list[SheetEntry]:
    return [
        SheetEntry(name, workbook.load_sheet(name, header_row=None, n_rows=0, dtypes="string").visible == "visible")
        for name in workbook.sheet_names
    ]


def _marks(book: Book, beside: MarksBeside | None, entry: SheetEntry) -> Callable[[], SheetMarks]:
    if beside is not None:
        return partial(beside.of, entry.name)
    marks = (book.marks or {}).get(entry.name, SheetMarks())
    return lambda: marks


def _read_sheet(
    workbook: fastexcel.ExcelReader,
    book: Book,
    entry: SheetEntry,
    marks: Callable[[], SheetMarks],
    output: BinaryIO,
    request: dict[str, Any],
    options: ExcelOptions,
) -> Answer | None:
    """Write one sheet's records, and say where they stand; None for an empty sheet that only a pattern chose."""
    import pyarrow as pa

    from entrepot.adapters.files.excel.cells import Grid
    from entrepot.adapters.files.excel.table import read_table

    grid = Grid(workbook, entry.name, may_have_durations=book.may_have_durations, marks=marks)
    if not grid.rows and not grid.faults and entry.name not in options.sheets and options.sheets:
        return None
    place = f"{request['place']}#{entry.name}"
    table = read_table(grid, place, options.layout, frozenset(request["numeric_columns"]))
    begin = output.tell()
    with pa.ipc.new_stream(output, table.schema) as writer:
        for batch in table.batches():
            writer.write_batch(batch)
    return {"sheet": entry.name, "begin": begin, "end": output.tell(), **_describe(table, grid)}


def _describe(table: Table, grid: Grid) -> Answer:
    marks = grid.marks
    rows = table.header.rows
    return {
        "columns": list(table.names),
        "header": f"{rows[0]}-{rows[-1]}" if len(rows) > 1 else str(rows[0]) if rows else "none",
        "merged": None if marks.merged is None else len(marks.merged),
        "hidden_rows": None if marks.hidden_rows is None else sum(end - begin + 1 for begin, end in marks.hidden_rows),
        "hidden_columns": None if marks.hidden_columns is None else sum(b - a + 1 for a, b in marks.hidden_columns),
        "faulty": sum(map(len, grid.faults.values())),
        "left_out": table.picked.left_out,
        "notes": list(table.notes),
    }


if __name__ == "__main__":
    main()
