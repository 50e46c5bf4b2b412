"""The connector `files`: files of many formats from a storage area."""

from __future__ import annotations

from pathlib import Path

from entrepot.adapters.files.access_log.spec import FORMAT as ACCESS_LOG
from entrepot.adapters.files.csv.spec import FORMAT as CSV
from entrepot.adapters.files.database.spec import DUCKDB, SQLITE
from entrepot.adapters.files.excel.spec import FORMAT as EXCEL
from entrepot.adapters.files.fixed_width.spec import FORMAT as FIXED_WIDTH
from entrepot.adapters.files.json.spec import JSON, NDJSON
from entrepot.adapters.files.parquet import FORMAT as PARQUET
from entrepot.intake.landing.arrivals import Waiting
from entrepot.intake.sources.base import ReaderContext
from entrepot.intake.sources.fields import FieldSpec, KeyPath, Options, Places
from entrepot.intake.sources.files import FilesOptions, FilesReader
from entrepot.intake.sources.formats import FormatContext
from entrepot.intake.sources.kept import KeptFilesReader
from entrepot.intake.sources.opening import FileOpener
from entrepot.intake.sources.spec import Capability, ConnectorSpec
from entrepot.kernel.errors import ProjectError

FORMATS = (CSV, EXCEL, PARQUET, JSON, NDJSON, ACCESS_LOG, FIXED_WIDTH, SQLITE, DUCKDB)
"""The formats that the connector reads; each is a room or a file beside this one."""


def build_opener(options: Options, context: ReaderContext) -> FileOpener:
    """What opens the source's files; `entrepot check` uses it to sniff."""
    formats = FormatContext(context.columns, context.make_scratch(), context.emit)
    return FileOpener(FORMATS, lambda spec: spec.build(options[spec.name], formats), options["format"])


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
            *_supersedes_faults(options),
        ]
    ]


def _pattern_faults(options: Options) -> list[tuple[KeyPath, str]]:
    return [
        (("pattern",), f"holds {pattern!r}; allowed are patterns of file names, without folders.")
        for pattern in options["pattern"]
        if "/" in pattern or not pattern
    ]


def _supersedes_faults(options: Options) -> list[tuple[KeyPath, str]]:
    supersedes = options["supersedes"]
    if supersedes is None or supersedes["by"] != "period":
        return []
    return [
        (("supersedes", name), "is missing: by: period needs column and grain.")
        for name in ("column", "grain")
        if supersedes[name] is None
    ]


_WAIT = (
    FieldSpec(name="stable_s", type="number", default=2.0, minimum=0, description="Seconds a file must have been quiet (size and time unchanged)."),
    FieldSpec(name="done_file", type="boolean", default=False, description="Take a file only when a marker FILE.done stands beside it."),
)  # fmt: skip
_SUPERSEDES = (
    FieldSpec(name="by", type="string", required=True, choices=("name", "period"), description="name: a file of the same name; period: whole periods."),
    FieldSpec(name="column", type="string", description="With period: the column of the date."),
    FieldSpec(name="grain", type="string", choices=("day", "week", "month", "quarter", "year"), description="With period: its length."),
)  # fmt: skip
SPEC = ConnectorSpec(
    name="files",
    summary="Files that arrive in a folder: delimited text, Excel, Parquet, JSON, logs, fixed width, SQLite, DuckDB.",
    description="""\
Files are put into incoming/ of a storage area. A flow claims them (claimed/), takes their rows, and then moves them to
processed/, or to rejected/ with a receipt that says why. The same content is taken once, whatever its name. Half-written
files, hidden files, links and temporary names (.tmp, .part, ~$) are left alone. With after: keep the path is a read-only
folder, the files stay where they are, and a file is known by its content.

What may be said of each format, and what is done with it: entrepot connectors show csv, excel, parquet, json, ….""",
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
        FieldSpec(name="format", type="string", choices=tuple(spec.name for spec in FORMATS), description="When the files' extensions do not tell it."),
        FieldSpec(name="after", type="string", default="move", choices=("move", "keep"), description="keep: a read-only place, nothing is moved."),
        FieldSpec(name="wait", type="object", default={}, fields=_WAIT, description="When a file counts as whole."),
        FieldSpec(name="supersedes", type="object", fields=_SUPERSEDES, description="What a new file replaces; nothing when not said."),
        FieldSpec(name="max_files", type="integer", default=200, minimum=1, description="Files in one batch."),
        FieldSpec(name="max_bytes", type="integer", default=2 << 30, minimum=1, description="Bytes in one batch; a single larger file is a batch of its own."),
        FieldSpec(name="archive_after_days", type="number", minimum=0, description="Move processed files to archive/YYYY-MM/ after so many days."),
    ),
    formats=FORMATS,
    factory=_build,
    capabilities=frozenset({Capability.FILES, Capability.MOVES}),
    check=_check,
)  # fmt: skip
