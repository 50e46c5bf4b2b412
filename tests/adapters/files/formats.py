"""Formats as tests open them: options by name, and a contract that knows some columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from entrepot.adapters.files.csv.options import CsvOptions
from entrepot.adapters.files.csv.reader import CsvFormat
from entrepot.adapters.files.excel.options import ExcelOptions
from entrepot.adapters.files.excel.reader import ExcelFormat
from entrepot.contracts.model import Column, ColumnType, Kind
from entrepot.intake.sources.formats import FormatContext


def context(numeric: Iterable[str] = (), known: Iterable[str] = ()) -> FormatContext:
    """A contract with columns that hold numbers, and others that hold text."""
    numbers = [Column(name, ColumnType(Kind.DOUBLE)) for name in numeric]
    return FormatContext((*numbers, *(Column(name, ColumnType(Kind.STRING)) for name in known)))


def csv_format(*, numeric: Iterable[str] = (), known: Iterable[str] = (), **options: Any) -> CsvFormat:
    """The reader of delimited text."""
    return CsvFormat(CsvOptions(**options), context(numeric, known))


def excel_format(*, numeric: Iterable[str] = (), **options: Any) -> ExcelFormat:
    """The reader of workbooks."""
    return ExcelFormat(ExcelOptions(**options), context(numeric))
