"""The format `excel`: what people read about it, its options, and how its reader is built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from entrepot.adapters.files.excel.check import layout_faults
from entrepot.adapters.files.excel.examples import EXAMPLES
from entrepot.adapters.files.excel.options import Across, Constant, ExcelOptions, Layout, NumberText, RowRule
from entrepot.intake.sources.fields import FieldSpec, Options
from entrepot.intake.sources.formats import FormatContext, FormatReader, FormatSpec


def _build(options: Options, context: FormatContext) -> FormatReader:
    from entrepot.adapters.files.excel.reader import ExcelFormat

    return ExcelFormat(read_excel_options(options), context)


def read_excel_options(options: Options) -> ExcelOptions:
    """Checked options as the reader takes them."""
    return ExcelOptions(
        sheets=options["sheet"] or (),
        layout=_layout(options),
        memory_limit_bytes=options["memory_limit_mb"] << 20,
        max_cells=options["max_cells"],
        time_limit_s=options["time_limit_s"],
    )


def _layout(options: Options) -> Layout:
    general = NumberText((), options["decimal"], options["thousands"], options["remove"] or ())
    own = (
        NumberText(style["columns"], style["decimal"], style["thousands"], style["remove"] or ())
        for style in options["numbers"] or ()
    )
    across = options["across"]
    return Layout(
        header_row=options["header_row"],
        header_rows=options["header_rows"],
        header_join=options["header_join"],
        header_fill=options["header_fill"],
        columns=options["columns"],
        names=options["names"],
        expect=options["expect"],
        leave_out=tuple(_rule(rule) for rule in options["leave_out"] or ()),
        until=_rule(options["until"]) if options["until"] else None,
        add=tuple(Constant(one["name"], one["cell"], one["like"]) for one in options["add"] or ()),
        across=across
        and Across(across["columns"], across["levels"], across["value"], across["down"], across["without"] or ()),
        fill_merged=options["fill_merged"],
        fill_down=options["fill_down"] or (),
        leave_out_hidden=options["hidden"] == "leave_out",
        trim=options["trim"],
        numbers=(*own, general),
    )


def _rule(rule: Mapping[str, Any]) -> RowRule:
    row = rule["row"]
    return RowRule(None if row is None else str(row), rule["column"], rule["like"] or ())


_RULE = (
    FieldSpec(name="column", type="string", description="Rows by the text in this column, …"),
    FieldSpec(name="like", type="strings", description="… which is like one of these patterns: * stands for anything, ? for one sign, '' for a blank cell."),
)  # fmt: skip
_LEAVE_OUT = (
    FieldSpec(name="row", type="scalar", description="header: rows that repeat the header; or numbers, 8, 10-12."),
    *_RULE,
)
_UNTIL = (FieldSpec(name="row", type="scalar", description="blank: the first blank row."), *_RULE)
_ADD = (
    FieldSpec(name="name", type="string", required=True, description="The column's name."),
    FieldSpec(name="cell", type="string", required=True, description="Where its value stands: a cell, B2, or sheet for the sheet's name."),
    FieldSpec(name="like", type="string", description="What the text there must be like, 'Report for *'; the value is what stands for *."),
)  # fmt: skip
_ACROSS = (
    FieldSpec(name="columns", type="string", required=True, description="The columns that stand for records: C: or C:BJ."),
    FieldSpec(name="levels", type="strings", required=True, description="What each header row says, from the top: names of new columns; * where its texts name the values."),
    FieldSpec(name="value", type="string", description="The name of the values, where they have only one."),
    FieldSpec(name="down", type="string", description="The column whose texts name the values, where each row holds another one."),
    FieldSpec(name="without", type="strings", description="Columns with such a header text are left out: Total*."),
)  # fmt: skip
_STYLE = (
    FieldSpec(name="decimal", type="string", choices=(".", ","), description="The decimal sign of numbers in text cells. Not said: what could be two numbers (1.234) is rejected."),
    FieldSpec(name="thousands", type="string", description="What groups their digits."),
    FieldSpec(name="remove", type="strings", description="Signs around them that mean nothing: €, EUR. With % the number stays: 12 % is 12."),
)  # fmt: skip
_NUMBERS = (
    FieldSpec(name="columns", type="strings", required=True, description="The columns that are written so."),
    *_STYLE,
)

_FIELDS = (
    FieldSpec(name="sheet", type="strings", description="Names of sheets, or patterns, 2024*; else the first that is shown. Hidden ones are taken by name, never by pattern."),
    FieldSpec(name="expect", type="mapping", description="Cells and what their text must be like, {A1: 'Sell-out*'}; a workbook that differs is refused."),
    FieldSpec(name="columns", type="string", description="The table's columns: B:H, B: or A, C:F; all when not said."),
    FieldSpec(name="header_row", type="integer", minimum=1, description="The header's (first) row as Excel counts; the first row that is not blank when not said."),
    FieldSpec(name="header_rows", type="integer", default=1, minimum=0, description="How many rows the header has; their texts are joined. 0: none, only names has columns."),
    FieldSpec(name="header_join", type="string", default=" ", description="What joins the texts of several header rows."),
    FieldSpec(name="header_fill", type="string", default="merged", choices=("merged", "right"), description="How far upper header texts go: merged cells, or blanks."),
    FieldSpec(name="names", type="mapping", description="Names of columns by letter, {A: week}, instead of the header's; '=C3' takes the text of that cell."),
    FieldSpec(name="leave_out", type="objects", fields=_LEAVE_OUT, description="Rows that are no records: totals, repeated headers. They are counted and said."),
    FieldSpec(name="until", type="object", fields=_UNTIL, description="The row before which the table ends; the sheet's last row when not said."),
    FieldSpec(name="add", type="objects", fields=_ADD, description="Columns that have one value for the whole sheet, from a cell or the sheet's name."),
    FieldSpec(name="across", type="object", fields=_ACROSS, description="Columns that stand for records, weeks for example: each becomes records of its own."),
    FieldSpec(name="fill_merged", type="boolean", default=False, description="Give all cells of a merged area its value; else only the first one has it."),
    FieldSpec(name="fill_down", type="strings", description="Columns whose blank cells have the value above."),
    FieldSpec(name="trim", type="boolean", default=False, description="Take the blanks around texts away; header texts never have them."),
    FieldSpec(name="hidden", type="string", default="take", choices=("take", "leave_out"), description="What is done with hidden rows and columns."),
    *_STYLE,
    FieldSpec(name="numbers", type="objects", fields=_NUMBERS, description="The same for single columns, where they differ."),
    FieldSpec(name="memory_limit_mb", type="integer", default=2048, minimum=512, description="Memory a workbook may take."),
    FieldSpec(name="max_cells", type="integer", default=20_000_000, minimum=1, description="Cells a sheet may have."),
    FieldSpec(name="time_limit_s", type="number", default=600, minimum=1, description="Seconds a workbook may take."),
)  # fmt: skip

FORMAT = FormatSpec(
    name="excel",
    summary="Sheets of workbooks.",
    description="""\
A sheet's rows below its header, each under the number that Excel shows. The options are a layout: they say in a few words where the
table stands, and what in the sheet is no record. A workbook that is not as its layout says is refused, with the cell, what is there and
what should be. Blank rows are no records; rows left out by a rule are counted, and said by run and check.

Cells with an error (#DIV/0!), formulas that were never calculated and days that there never were (1900-02-29) put their row into
quarantine, with the cell. Values are texts that the contract types: numbers with all their digits, however many a cell shows; 12 % is
0.12; dates and instants in ISO; times of day and lengths of time as 36:30:00. Numbers in text cells are read as decimal and thousands
say; a text that could mean two numbers is rejected, not guessed.

What the file is, its content says, not its name: .xlsx, .xlsm, .xlsb, .xls (Excel 97 and later) or .ods. Of merged cells, hidden rows and
hidden columns .xls and .xlsb tell nothing. Workbooks are read in a process of their own, with limits of memory, time and cells.""",
    example_yaml="""\
connector: files
options:
  path: storage/sellout
  pattern: "*_Price_Promo_Data.xlsx"
  excel: {sheet: Data, header_row: 3}
""",
    examples=EXAMPLES,
    extensions=(".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"),
    fields=_FIELDS,
    build=_build,
    check=layout_faults,
)  # fmt: skip
