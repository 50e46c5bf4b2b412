"""The format `csv`: what people read about it, its options, and how its reader is built."""

from __future__ import annotations

from entrepot.adapters.files.csv.options import CsvOptions
from entrepot.adapters.files.numbers import number_faults
from entrepot.intake.sources.fields import FieldSpec, KeyPath, Options
from entrepot.intake.sources.formats import FormatContext, FormatReader, FormatSpec


def _build(options: Options, context: FormatContext) -> FormatReader:
    from entrepot.adapters.files.csv.reader import CsvFormat

    return CsvFormat(CsvOptions(**{name: value for name, value in options.items() if value is not None}), context)


def _faults(csv: Options) -> list[tuple[KeyPath, str]]:
    faults: list[tuple[KeyPath, str]] = [
        ((name,), f"is {csv[name]!r}; allowed is one ASCII character.")
        for name in ("delimiter", "quote", "escape", "comment")
        if csv[name] is not None and len(csv[name].encode()) != 1 and (name, csv[name]) != ("quote", "")
    ]
    if csv["encoding"] is not None and not _is_encoding(csv["encoding"]):
        faults.append(
            (("encoding",), f"is {csv['encoding']!r}; allowed are Python's names of encodings, such as cp1252.")
        )
    if not csv["header"] and not csv["columns"]:
        faults.append((("header",), "is false; then csv.columns must name the columns."))
    if csv["columns"] is not None and len({name.lower() for name in csv["columns"]}) < len(csv["columns"]):
        faults.append((("columns",), "names a column twice (upper and lower case count as the same)."))
    return [*faults, *number_faults(csv)]


def _is_encoding(name: str) -> bool:
    try:
        return "a".encode(name).decode(name) == "a"
    except (LookupError, UnicodeError):
        return False


_FIELDS = (
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

FORMAT = FormatSpec(
    name="csv",
    summary="Delimited text: comma, semicolon, tab, bar or another sign between values.",
    description="""\
Text is UTF-8 unless a byte-order mark or the option says otherwise. An empty value is null, a quoted empty value is an
empty text, empty lines are left out. A record with too few or too many values goes to quarantine; a quote that is never
closed, a NUL or a broken compression refuses the file, since the records after it cannot be known.""",
    example_yaml="""\
connector: files
options:
  path: storage/sellout
  csv: {delimiter: ";", decimal: ",", encoding: cp1252}
""",
    extensions=(".csv", ".tsv", ".txt", ".tab", ".psv"),
    may_be_compressed=True,
    fields=_FIELDS,
    build=_build,
    check=_faults,
)
