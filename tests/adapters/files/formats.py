"""Formats as tests open them: options by name, and a contract that knows some columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from entrepot.adapters.files.csv.options import CsvOptions
from entrepot.adapters.files.csv.reader import CsvFormat
from entrepot.adapters.files.excel.reader import ExcelFormat
from entrepot.adapters.files.excel.spec import read_excel_options
from entrepot.adapters.files.source import SPEC
from entrepot.contracts.model import Column
from entrepot.contracts.types import ColumnType, Kind
from entrepot.intake.sources.formats import FormatContext
from entrepot.intake.sources.options import read_options


def context(numeric: Iterable[str] = (), known: Iterable[str] = ()) -> FormatContext:
    """A contract with columns that hold numbers, and others that hold text."""
    numbers = [Column(name, ColumnType(Kind.DOUBLE)) for name in numeric]
    return FormatContext((*numbers, *(Column(name, ColumnType(Kind.STRING)) for name in known)))


def csv_format(*, numeric: Iterable[str] = (), known: Iterable[str] = (), **options: Any) -> CsvFormat:
    """The reader of delimited text."""
    return CsvFormat(CsvOptions(**options), context(numeric, known))


def excel_format(*, numeric: Iterable[str] = (), scratch: Path | None = None, **options: Any) -> ExcelFormat:
    """The reader of workbooks, with the options of a source's file."""
    checked = read_options(SPEC, {"path": "inbox", "excel": options})
    return ExcelFormat(read_excel_options(checked["excel"]), replace(context(numeric), scratch=scratch))
