"""Workbooks: rows of sheets as text, each numbered as Excel numbers it; error cells are faults.

The workbook itself is read by `child.py`, in a process of its own.
"""

from __future__ import annotations

import json
import mmap
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

import entrepot
from entrepot.adapters.files.excel.options import ExcelOptions
from entrepot.intake.sources.formats import FormatContext, Sniffed
from entrepot.kernel.errors import DataError, SystemError_
from entrepot.ports.relations import Part, Stream

_SAVE_AGAIN = "Open it in Excel, save it again, and send it again."


class ExcelFormat:
    """Workbooks of Excel (.xlsx, .xlsm, .xlsb, .xls) and of other offices (.ods)."""

    def __init__(self, options: ExcelOptions, context: FormatContext) -> None:
        self._options = options
        self._context = context

    def parts(self, path: Path, place: str) -> list[Part]:
        """A part for each sheet, `book.xlsx#Sheet1`. Rows wait in a nameless file on disk, so that they can be read again."""
        answer, content = _read_workbook(path, place, self._options, self._context)
        parts = []
        for sheet in answer["found"]:
            rows = _Rows(content.slice(sheet["begin"], sheet["end"] - sheet["begin"]))
            stream = Stream(rows.schema, rows.batches)
            parts.append(Part(f"{place}#{sheet['sheet']}", stream, tuple(sheet["notes"])))
        return parts

    def sniff(self, path: Path, place: str) -> Sniffed:
        """Sheets, header, and what people overlook: hidden sheets and rows, merged cells, error cells, rows left out."""
        answer, _ = _read_workbook(path, place, self._options, self._context)
        found = answer["found"]
        names = ", ".join(sheet["sheet"] for sheet in found)
        facts = {
            "kind": f".{answer['kind']}",
            "sheet": f"{names} ({'stated' if self._options.sheets else 'the first one shown'} of {', '.join(answer['sheets'])})",
            "header row": ", ".join(dict.fromkeys(str(sheet["header"]) for sheet in found)),
            "hidden sheets": ", ".join(answer["hidden_sheets"]) or "none",
            "hidden rows": _total(found, "hidden_rows"),
            "hidden columns": _total(found, "hidden_columns"),
            "merged cells": _total(found, "merged"),
            "cells with errors": _total(found, "faulty"),
            "rows left out": _total(found, "left_out"),
        }
        return Sniffed("excel", tuple(dict.fromkeys(name for sheet in found for name in sheet["columns"])), facts)


def _total(found: Sequence[dict[str, Any]], what: str) -> str:
    numbers = [sheet[what] for sheet in found]
    return "not known in this format" if None in numbers else str(sum(numbers))


@dataclass(frozen=True, slots=True)
class _Rows:
    """An Arrow stream in a file without a name; it goes away with this object."""

    content: pa.Buffer

    @property
    def schema(self) -> pa.Schema:
        with pa.ipc.open_stream(self.content) as reader:
            return reader.schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        with pa.ipc.open_stream(self.content) as reader:
            yield from reader


def _read_workbook(
    path: Path, place: str, options: ExcelOptions, context: FormatContext
) -> tuple[dict[str, Any], pa.Buffer]:
    with tempfile.TemporaryFile(dir=context.scratch) as output:
        answer = _ask_child(path, place, options, context, output.fileno())
        content = mmap.mmap(output.fileno(), 0, access=mmap.ACCESS_READ)
    return answer, pa.py_buffer(content)


def _ask_child(path: Path, place: str, options: ExcelOptions, context: FormatContext, output: int) -> dict[str, Any]:
    request = {
        "path": str(path),
        "place": place,
        "options": options.to_json(),
        "numeric_columns": sorted(context.numeric_columns),
        "output": output,
    }
    package = str(Path(entrepot.__file__).parent.parent)
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "entrepot.adapters.files.excel.child"],
        pass_fds=(output,),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        start_new_session=True,  # so that it ends with the process that it starts
    )
    try:
        out, err = child.communicate(json.dumps(request).encode(), timeout=options.time_limit_s)
    except BaseException as error:
        _end(child)
        if isinstance(error, subprocess.TimeoutExpired):
            raise _too_large(place, options, f"took longer than {options.time_limit_s:g} s to read") from None
        raise
    return _judge(child.returncode, out, err, place, options)


def _end(child: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    child.communicate()


def _judge(code: int, out: bytes, err: bytes, place: str, options: ExcelOptions) -> dict[str, Any]:
    if code != 0:
        last = (err.decode(errors="replace").strip().splitlines() or [""])[-1]
        if "No module named" in last:
            raise SystemError_(
                f"Excel files cannot be read here: {last}.", hint="Install it with: pip install entrepot"
            )
        if code < 0 or "memory" in last.lower():
            raise _too_large(place, options, "is more than its reader could take; the reader was ended")
        # Only the error's name: its text could show a value.
        raise DataError(f"{place} cannot be read: {last.partition(':')[0]}.", hint=_SAVE_AGAIN)
    answer: dict[str, Any] = json.loads(out)
    if "limit" in answer:
        raise _too_large(place, options, f"has too much: the limit of {answer['limit']} was reached")
    if "unsafe" in answer:
        raise DataError(f"{place} is refused: {answer['unsafe']}.", hint="Find out who made it, and how.")
    if "damaged" in answer:
        raise DataError(f"{place} is damaged: {answer['damaged']}.", hint=_SAVE_AGAIN)
    if "error" in answer:
        raise DataError(answer["error"].replace("{place}", place), hint=answer["hint"])
    return answer


def _too_large(place: str, options: ExcelOptions, what: str) -> DataError:
    return DataError(
        f"{place} {what}. A workbook may take {options.memory_limit_bytes >> 20:,} MiB of memory and "
        f"{options.time_limit_s:g} s, and have {options.max_cells:,} cells in a sheet.",
        hint="Send less in one workbook, send CSV, or raise excel.memory_limit_mb, excel.max_cells or excel.time_limit_s.",
    )
