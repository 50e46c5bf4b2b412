"""The connector `files`: CSV, Parquet and Excel files from a storage area."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import cast

from entrepot.intake.landing.arrivals import Waiting
from entrepot.intake.sources.base import ReaderContext
from entrepot.intake.sources.files import FilesOptions, FilesReader
from entrepot.intake.sources.formats import (
    CsvOptions,
    ExcelOptions,
    FormatOptions,
    FormatReader,
    headers_of,
    numeric_headers,
)
from entrepot.intake.sources.kept import KeptFilesReader
from entrepot.intake.sources.opening import FileOpener
from entrepot.intake.sources.spec import Capability, ConnectorSpec, FieldSpec, KeyPath, Options, Places
from entrepot.kernel.errors import ProjectError

_FORMATS = {
    "csv": "entrepot.adapters.files.csv:CsvFormat",
    "parquet": "entrepot.adapters.files.parquet:ParquetFormat",
    "excel": "entrepot.adapters.files.excel:ExcelFormat",
}


def load_format(name: str) -> FormatReader:
    """The reader of a format, its library loaded only now."""
    module, _, attribute = _FORMATS[name].partition(":")
    return cast(FormatReader, getattr(import_module(module), attribute)())


def build_opener(options: Options, context: ReaderContext) -> FileOpener:
    """What opens the source's files; `entrepot check` uses it to sniff."""
    csv, excel = options["csv"], options["excel"]
    formats = FormatOptions(
        csv=CsvOptions(**{name: value for name, value in csv.items() if value is not None}),
        excel=ExcelOptions(
            sheets=excel["sheet"] or (),
            header_row=excel["header_row"],
            decimal=excel["decimal"],
            thousands=excel["thousands"],
            memory_limit_bytes=excel["memory_limit_mb"] << 20,
            max_cells=excel["max_cells"],
        ),
        numeric_columns=numeric_headers(context.columns),
        known_columns=headers_of(context.columns),
        scratch=context.make_scratch(),
    )
    return FileOpener(load_format, formats, options["format"])


def _build(options: Options, context: ReaderContext) -> FilesReader | KeptFilesReader:
    files = FilesOptions(
        path=Path(options["path"]),
        patterns=options["pattern"],
        waiting=Waiting(options["wait"]["stable_s"], options["wait"]["done_file"]),
        max_files=options["max_files"],
        max_bytes=options["max_bytes"],
        archive_after_days=options["archive_after_days"],
    )
    reader = KeptFilesReader if options["after"] == "keep" else FilesReader
    return reader(files, build_opener(options, context), context)


def _check(options: Options, places: Places) -> list[ProjectError]:
    return [
        ProjectError(f"option {'.'.join(map(str, path))!r} of connector files {text}", place=places(path))
        for path, text in [
            *_pattern_faults(options),
            *_csv_faults(options),
            *_number_faults(options),
            *_supersedes_faults(options),
        ]
    ]


def _pattern_faults(options: Options) -> list[tuple[KeyPath, str]]:
    return [
        (("pattern",), f"holds {pattern!r}; allowed are patterns of file names, without folders.")
        for pattern in options["pattern"]
        if "/" in pattern or not pattern
    ]


def _csv_faults(options: Options) -> list[tuple[KeyPath, str]]:
    csv = options["csv"]
    faults: list[tuple[KeyPath, str]] = [
        (("csv", name), f"is {csv[name]!r}; allowed is one ASCII character.")
        for name in ("delimiter", "quote", "escape", "comment")
        if csv[name] is not None and len(csv[name].encode()) != 1 and (name, csv[name]) != ("quote", "")
    ]
    if csv["encoding"] is not None and not _is_encoding(csv["encoding"]):
        faults.append(
            (("csv", "encoding"), f"is {csv['encoding']!r}; allowed are Python's names of encodings, such as cp1252.")
        )
    if not csv["header"] and not csv["columns"]:
        faults.append((("csv", "header"), "is false; then csv.columns must name the columns."))
    if csv["columns"] is not None and len({name.lower() for name in csv["columns"]}) < len(csv["columns"]):
        faults.append((("csv", "columns"), "names a column twice (upper and lower case count as the same)."))
    return faults


def _number_faults(options: Options) -> list[tuple[KeyPath, str]]:
    faults: list[tuple[KeyPath, str]] = []
    for name in ("csv", "excel"):
        thousands = options[name]["thousands"]
        if thousands is not None and (len(thousands) != 1 or thousands.isalnum()):
            faults.append(((name, "thousands"), f"is {thousands!r}; allowed is one sign."))
        elif thousands is not None and thousands == options[name]["decimal"]:
            faults.append(((name, "thousands"), f"is {thousands!r}, the same as decimal."))
    return faults


def _supersedes_faults(options: Options) -> list[tuple[KeyPath, str]]:
    supersedes = options["supersedes"]
    if supersedes is None or supersedes["by"] != "period":
        return []
    return [
        (("supersedes", name), "is missing: by: period needs column and grain.")
        for name in ("column", "grain")
        if supersedes[name] is None
    ]


def _is_encoding(name: str) -> bool:
    try:
        return "a".encode(name).decode(name) == "a"
    except (LookupError, UnicodeError):
        return False


_WAIT = (
    FieldSpec(name="stable_s", type="number", default=2.0, minimum=0, description="Seconds a file must have been quiet (size and time unchanged)."),
    FieldSpec(name="done_file", type="boolean", default=False, description="Take a file only when a marker FILE.done stands beside it."),
)  # fmt: skip
_SUPERSEDES = (
    FieldSpec(name="by", type="string", required=True, choices=("name", "period"), description="name: a file of the same name; period: whole periods."),
    FieldSpec(name="column", type="string", description="With period: the column of the date."),
    FieldSpec(name="grain", type="string", choices=("day", "week", "month", "quarter", "year"), description="With period: its length."),
)  # fmt: skip
_CSV = (
    FieldSpec(name="delimiter", type="string", description="Between values; found out among , ; tab | when not said."),
    FieldSpec(name="quote", type="string", default='"', description="Around values; '' when quotes mean nothing."),
    FieldSpec(name="escape", type="string", description="Before a quote within a value; a doubled quote always works."),
    FieldSpec(name="encoding", type="string", description="Such as cp1252 or latin-1; UTF-8, or what a byte-order mark says, when not said."),
    FieldSpec(name="decimal", type="string", default=".", choices=(".", ","), description="The decimal sign of columns that hold numbers."),
    FieldSpec(name="thousands", type="string", description="What groups digits in columns that hold numbers."),
    FieldSpec(name="header", type="boolean", default=True, description="The first record names the columns."),
    FieldSpec(name="skip_lines", type="integer", default=0, minimum=0, description="Lines before the header that mean nothing."),
    FieldSpec(name="comment", type="string", description="Lines that begin with it mean nothing."),
    FieldSpec(name="columns", type="strings", description="Names of the columns, in place of the header's."),
)  # fmt: skip
_EXCEL = (
    FieldSpec(name="sheet", type="strings", description="Names of sheets, or patterns such as 2024*; the first sheet that is shown when not said."),
    FieldSpec(name="header_row", type="integer", minimum=1, description="The header's row as Excel counts; the first row that is not empty when not said."),
    FieldSpec(name="decimal", type="string", default=".", choices=(".", ","), description="The decimal sign of numbers that stand in text cells."),
    FieldSpec(name="thousands", type="string", description="What groups their digits."),
    FieldSpec(name="memory_limit_mb", type="integer", default=2048, minimum=512, description="Memory a workbook may take."),
    FieldSpec(name="max_cells", type="integer", default=20_000_000, minimum=1, description="Cells a sheet may have."),
)  # fmt: skip

SPEC = ConnectorSpec(
    name="files",
    summary="CSV, Parquet and Excel files that arrive in a folder.",
    description="""\
Files are put into incoming/ of a storage area. A flow claims them (claimed/), takes their rows, and then moves them to
processed/, or to rejected/ with a receipt that says why. The same content is taken once, whatever its name. Half-written
files, hidden files, links and temporary names (.tmp, .part, ~$) are left alone. With after: keep the path is a read-only
folder, the files stay where they are, and a file is known by its content.

Text is UTF-8 unless a byte-order mark or the option says otherwise. An empty value is null, a quoted empty value is an
empty text, empty lines are left out. A record with too few or too many values goes to quarantine; a quote that is never
closed, a NUL or a broken compression refuses the file, since the records after it cannot be known.""",
    example_yaml="""\
connector: files
options:
  path: storage/sellout
  pattern: "*_Price_Promo_Data.xlsx"
  excel: {sheet: Data, header_row: 3}
""",
    fields=(
        FieldSpec(name="path", type="string", required=True, description="The storage area, from the project's folder or absolute."),
        FieldSpec(name="pattern", type="strings", default=("*",), description="Names of the files, with * ? and [...]."),
        FieldSpec(name="format", type="string", choices=tuple(_FORMATS), description="When the files' extensions do not tell it."),
        FieldSpec(name="after", type="string", default="move", choices=("move", "keep"), description="keep: a read-only place, nothing is moved."),
        FieldSpec(name="wait", type="object", default={}, fields=_WAIT, description="When a file counts as whole."),
        FieldSpec(name="supersedes", type="object", fields=_SUPERSEDES, description="What a new file replaces; nothing when not said."),
        FieldSpec(name="max_files", type="integer", default=200, minimum=1, description="Files in one batch."),
        FieldSpec(name="max_bytes", type="integer", default=2 << 30, minimum=1, description="Bytes in one batch; a single larger file is a batch of its own."),
        FieldSpec(name="archive_after_days", type="number", minimum=0, description="Move processed files to archive/YYYY-MM/ after so many days."),
        FieldSpec(name="csv", type="object", default={}, fields=_CSV, description="How delimited text is written."),
        FieldSpec(name="excel", type="object", default={}, fields=_EXCEL, description="Where in a workbook the rows are."),
    ),
    factory=_build,
    capabilities=frozenset({Capability.FILES, Capability.MOVES}),
    check=_check,
)  # fmt: skip
