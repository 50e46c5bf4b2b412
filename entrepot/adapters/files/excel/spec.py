"""The format `excel`: what people read about it, its options, and how its reader is built."""

from __future__ import annotations

from entrepot.adapters.files.excel.options import ExcelOptions
from entrepot.adapters.files.numbers import number_faults
from entrepot.intake.sources.fields import FieldSpec, Options
from entrepot.intake.sources.formats import FormatContext, FormatReader, FormatSpec


def _build(options: Options, context: FormatContext) -> FormatReader:
    from entrepot.adapters.files.excel.reader import ExcelFormat

    return ExcelFormat(
        ExcelOptions(
            sheets=options["sheet"] or (),
            header_row=options["header_row"],
            decimal=options["decimal"],
            thousands=options["thousands"],
            memory_limit_bytes=options["memory_limit_mb"] << 20,
            max_cells=options["max_cells"],
        ),
        context,
    )


_FIELDS = (
    FieldSpec(name="sheet", type="strings", description="Names of sheets, or patterns such as 2024*; the first sheet that is shown when not said."),
    FieldSpec(name="header_row", type="integer", minimum=1, description="The header's row as Excel counts; the first row that is not empty when not said."),
    FieldSpec(name="decimal", type="string", default=".", choices=(".", ","), description="The decimal sign of numbers that stand in text cells."),
    FieldSpec(name="thousands", type="string", description="What groups their digits."),
    FieldSpec(name="memory_limit_mb", type="integer", default=2048, minimum=512, description="Memory a workbook may take."),
    FieldSpec(name="max_cells", type="integer", default=20_000_000, minimum=1, description="Cells a sheet may have."),
)  # fmt: skip

FORMAT = FormatSpec(
    name="excel",
    summary="Sheets of Excel workbooks.",
    description="""\
A sheet's rows below its header, each under the number that Excel shows. Cells with an error (#DIV/0!) and formulas that
were never calculated put their row into quarantine. The workbook is read in a process of its own with limits of memory and cells.""",
    example_yaml="""\
connector: files
options:
  path: storage/sellout
  pattern: "*_Price_Promo_Data.xlsx"
  excel: {sheet: Data, header_row: 3}
""",
    extensions=(".xlsx", ".xlsm"),
    fields=_FIELDS,
    build=_build,
    check=number_faults,
)
