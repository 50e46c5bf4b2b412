"""Sales as a workbook, and how each subject reads it; what is kept of a result is two columns, the same for all."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.case import Output
from benchmarks.sales import Sales


def make_workbook(sales: Sales, data: Path) -> Path:
    """Write the rows with xlsxwriter, beside a CSV file whose manifest says what is right, unless they are there."""
    path = sales.path(data, "xlsx")
    csv = sales.make(data, "csv")
    if path.exists():
        return path
    import duckdb
    import xlsxwriter

    aside = path.with_suffix(".tmp")
    with duckdb.connect() as connection, xlsxwriter.Workbook(aside, {"constant_memory": True}) as book:
        day, at = (book.add_format({"num_format": form}) for form in ("yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss"))
        sheet = book.add_worksheet("Data")
        del csv  # its manifest is what is needed
        rows = connection.execute(f"SELECT * EXCLUDE (dirty) FROM ({sales.select()})")
        names = [column[0] for column in rows.description or ()]
        sheet.write_row(0, 0, names)
        number = 0
        while found := rows.fetchmany(10_000):
            for row in found:
                number += 1
                for column, value in enumerate(row):
                    _write(sheet, number, column, value, {"sold_on": day, "sold_at": at}.get(names[column]))
    aside.replace(path)
    return path


def _write(sheet: Any, row: int, column: int, value: Any, date_format: Any) -> None:
    if value is None:
        return
    if date_format is not None:
        sheet.write_datetime(row, column, value, date_format)
    elif isinstance(value, str):
        sheet.write_string(row, column, value)
    else:
        sheet.write_number(row, column, float(value))


def keep(table: Any, work: Path) -> Output:
    """Write number and amount as Parquet; every subject does it, with an Arrow table of texts or values."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = work / "read.parquet"
    own = table.select(["sale_id", "amount"])
    columns = [column.cast(pa.float64()) for column in own.columns]
    pq.write_table(pa.table(columns, names=["sale_id", "amount"]), path)
    return Output(files=(str(path),))


def read_fastexcel(path: Path, work: Path) -> Output:
    """The library that we use, every cell as text: nothing else is looked at."""
    import fastexcel
    import pyarrow as pa

    batch = fastexcel.read_excel(path).load_sheet(0, dtypes="string").to_arrow()
    return keep(pa.Table.from_batches([batch]), work)


def read_entrepot(path: Path, work: Path) -> Output:
    """Our reader: its process, error cells, exact numbers, limits."""
    import pyarrow as pa

    from entrepot.adapters.files.excel.options import ExcelOptions
    from entrepot.adapters.files.excel.reader import ExcelFormat
    from entrepot.intake.sources.formats import FormatContext

    (part,) = ExcelFormat(ExcelOptions(), FormatContext(scratch=work)).parts(path, path.name)
    rows: Any = part.rows
    return keep(pa.Table.from_batches(rows.open(), rows.schema), work)


def read_openpyxl(path: Path, work: Path) -> Output:
    """Row by row, in its mode for large workbooks."""
    import pyarrow as pa

    book = import_module("openpyxl").load_workbook(path, read_only=True, data_only=True)
    rows = book.worksheets[0].iter_rows(values_only=True)
    names = next(rows)
    columns: list[list[Any]] = [[] for _ in names]
    for row in rows:
        for column, value in zip(columns, row, strict=True):
            column.append(value)
    own = {name: columns[names.index(name)] for name in ("sale_id", "amount")}
    return keep(pa.table({name: pa.array(values, pa.float64()) for name, values in own.items()}), work)


def read_pandas(path: Path, work: Path) -> Output:
    """As most people do it."""
    import pyarrow as pa

    frame = import_module("pandas").read_excel(path)
    return keep(pa.Table.from_pandas(frame[["sale_id", "amount"]]), work)
