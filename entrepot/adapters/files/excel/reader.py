"""Excel workbooks: rows of sheets as text, each numbered as Excel numbers it; error cells are faults."""

from __future__ import annotations

import json
import mmap
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

import entrepot
from entrepot.adapters.files.excel.options import ExcelOptions
from entrepot.intake.sources.formats import FormatContext, Sniffed
from entrepot.kernel.errors import DataError, SystemError_
from entrepot.ports.relations import Part, Stream

_TIMEOUT_S = 1800
_SAVE_AGAIN = "Open it in Excel, save it again, and send it again."
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


class ExcelFormat:
    """Workbooks of Excel 2007 and later (.xlsx, .xlsm)."""

    def __init__(self, options: ExcelOptions, context: FormatContext) -> None:
        self._options = options
        self._context = context

    def parts(self, path: Path, place: str) -> list[Part]:
        """A part for each sheet, `book.xlsx#Sheet1`. Rows wait in a nameless file on disk, so that they can be read again."""
        answer, content = _read_workbook(path, place, self._options, self._context)
        found = [
            (sheet["sheet"], _Rows(content.slice(sheet["begin"], sheet["end"] - sheet["begin"])))
            for sheet in answer["found"]
        ]
        return [Part(f"{place}#{name}", Stream(rows.schema, rows.batches)) for name, rows in found]

    def sniff(self, path: Path, place: str) -> Sniffed:
        """Sheets, header row, and what people overlook: hidden sheets and rows, merged cells, error cells."""
        answer, _ = _read_workbook(path, place, self._options, self._context)
        found = answer["found"]
        names = ", ".join(sheet["sheet"] for sheet in found)
        facts = {
            "sheet": f"{names} ({'stated' if self._options.sheets else 'the first one shown'} of {', '.join(answer['sheets'])})",
            "header row": ", ".join(dict.fromkeys(str(sheet["header_row"]) for sheet in found)),
            "hidden sheets": ", ".join(answer["hidden_sheets"]) or "none",
            "hidden rows": str(sum(sheet["hidden_rows"] for sheet in found)),
            "merged cells": str(sum(sheet["merged_cells"] for sheet in found)),
            "cells with errors": str(sum(sheet["faulty_cells"] for sheet in found)),
        }
        return Sniffed("excel", tuple(found[0]["columns"]), facts)


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
    _check_kind(path, place)
    with tempfile.TemporaryFile(dir=context.scratch) as output:
        answer = _ask_child(path, place, options, context, output.fileno())
        content = mmap.mmap(output.fileno(), 0, access=mmap.ACCESS_READ)
    return answer, pa.py_buffer(content)


def _ask_child(path: Path, place: str, options: ExcelOptions, context: FormatContext, output: int) -> dict[str, Any]:
    request = {
        "path": str(path),
        "place": place,
        "sheets": list(options.sheets),
        "header_row": options.header_row,
        "memory_limit_bytes": options.memory_limit_bytes,
        "max_cells": options.max_cells,
        "decimal": options.decimal,
        "thousands": options.thousands,
        "numeric_columns": sorted(context.numeric_columns),
        "output": output,
    }
    package = str(Path(entrepot.__file__).parent.parent)
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    try:
        child = subprocess.run(
            [sys.executable, "-P", "-m", "entrepot.adapters.files.excel.child", json.dumps(request)],
            pass_fds=(output,),
            capture_output=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _too_large(place, options, f"took longer than {_TIMEOUT_S} s to read") from None
    return _judge(child, place, options)


def _judge(child: subprocess.CompletedProcess[bytes], place: str, options: ExcelOptions) -> dict[str, Any]:
    if child.returncode != 0:
        last = (child.stderr.decode(errors="replace").strip().splitlines() or [""])[-1]
        if "No module named" in last:
            raise SystemError_(
                f"Excel files cannot be read here: {last}.", hint="Install it with: pip install entrepot"
            )
        if child.returncode < 0 or "memory" in last.lower():
            raise _too_large(place, options, "is more than its reader could take; the reader was ended")
        # Only the error's name: its text could show a value.
        raise DataError(f"{place} cannot be read: {last.partition(':')[0]}.", hint=_SAVE_AGAIN)
    answer: dict[str, Any] = json.loads(child.stdout)
    if "limit" in answer:
        raise _too_large(place, options, f"has too much: the limit of {answer['limit']} was reached")
    if "damaged" in answer:
        raise DataError(f"{place} is damaged: {answer['damaged']}.", hint=_SAVE_AGAIN)
    if "error" in answer:
        raise DataError(answer["error"], hint=answer["hint"])
    return answer


def _too_large(place: str, options: ExcelOptions, what: str) -> DataError:
    return DataError(
        f"{place} {what}. A workbook may take {options.memory_limit_bytes >> 20:,} MiB of memory and have {options.max_cells:,} cells in a sheet.",
        hint="Send less in one workbook, send CSV, or raise excel.memory_limit_mb and excel.max_cells.",
    )


def _check_kind(path: Path, place: str) -> None:
    """Refuse by name what is no .xlsx, whatever it is called. Raises: DataError."""
    with path.open("rb") as file:
        start = file.read(1 << 20)
    if not start:
        raise DataError(f"{place} is empty.", hint="Have the file sent again.")
    kind = None
    if start.startswith(_OLE):
        encrypted = (
            "EncryptedPackage".encode("utf-16-le") in start
            or "EncryptedPackage".encode("utf-16-le") in path.read_bytes()
        )
        kind = "protected by a password" if encrypted else "in the old Excel format (.xls)"
    elif not start.startswith(b"PK"):
        kind = "no Excel workbook: it does not begin like one"
    elif b"xl/workbook.bin" in start:
        kind = "in the binary Excel format (.xlsb)"
    elif b"application/vnd.oasis.opendocument" in start[:200]:
        kind = "in the OpenDocument format (.ods)"
    if kind is not None:
        raise DataError(
            f"{place} is {kind}.", hint="Save it as an Excel workbook (.xlsx) without a password, or as CSV."
        )
