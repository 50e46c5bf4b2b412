"""A workbook of one large sheet → text columns: our reader against the library below it, and what else people use."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from benchmarks import workbooks
from benchmarks.case import Case, Facts, Output, Setting, Subject
from benchmarks.project import drop, load_platform, make_project, run
from benchmarks.sales import Sales

Read = Callable[[Path, Path], Output]


def sales(rows: int) -> Sales:
    """The rows of the workbook."""
    return Sales("workbook", 1, rows)


def generate(data: Path, rows: int) -> None:
    """Make the workbook."""
    workbooks.make_workbook(sales(rows), data)


def everything(setting: Setting) -> Facts:
    """What comes out where nothing is judged."""
    return sales(setting.rows).all_rows(setting.data, "csv")


def checked(setting: Setting) -> Facts:
    """What comes out under the contract."""
    return sales(setting.rows).checked_rows(setting.data, "csv")


def _reader(name: str, read: Read, *libraries: str, peer: bool = False) -> Subject:
    def work(setting: Setting) -> Output:
        return read(sales(setting.rows).path(setting.data, "xlsx"), setting.work)

    def load() -> None:
        for library in ("pyarrow.parquet", *libraries):
            import_module(library)

    return Subject(name, work, everything, load=load, peer=peer)


def _prepare(setting: Setting) -> None:
    drop(make_project(setting.work / "project"), sales(setting.rows).path(setting.data, "xlsx"))


def _land(setting: Setting) -> Output:
    return run(setting.work / "project")


CASE = Case(
    name="excel",
    title="xlsx of ten columns → columns of text (floor: fastexcel as text); landing: → checked bronze",
    sizes={"tiny": (1_000,), "small": (200_000,), "full": (200_000,)},
    generate=generate,
    subjects=(
        _reader("floor", workbooks.read_fastexcel, "fastexcel"),
        _reader("entrepot", workbooks.read_entrepot, "entrepot.adapters.files.excel.reader"),
        Subject("landing", _land, checked, load=load_platform, prepare=_prepare),
        _reader("openpyxl", workbooks.read_openpyxl, "openpyxl", peer=True),
        _reader("pandas", workbooks.read_pandas, "pandas", "openpyxl", peer=True),
    ),
)
