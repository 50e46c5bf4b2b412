"""The format `csv`: what people read about it, its options, and how its reader is built."""

from __future__ import annotations

from entrepot.adapters.files.csv.examples import EXAMPLES
from entrepot.adapters.files.csv.options import CsvOptions
from entrepot.adapters.files.encodings import is_encoding
from entrepot.adapters.files.numbers import number_faults
from entrepot.intake.sources.fields import FieldSpec, KeyPath, Options
from entrepot.intake.sources.formats import FormatContext, FormatReader, FormatSpec


def _build(options: Options, context: FormatContext) -> FormatReader:
    from entrepot.adapters.files.csv.reader import CsvFormat

    return CsvFormat(CsvOptions(**{name: value for name, value in options.items() if value is not None}), context)


def _faults(csv: Options) -> list[tuple[KeyPath, str]]:
    faults = [*_sign_faults(csv), *_delimiter_faults(csv)]
    if csv["encoding"] is not None and not is_encoding(csv["encoding"]):
        faults.append(
            (("encoding",), f"is {csv['encoding']!r}; allowed are Python's names of encodings, such as cp1252.")
        )
    if not csv["header"] and not csv["columns"]:
        faults.append((("header",), "is false; then csv.columns must name the columns."))
    if csv["columns"] is not None and len({name.lower() for name in csv["columns"]}) < len(csv["columns"]):
        faults.append((("columns",), "names a column twice (upper and lower case count as the same)."))
    faults += [((name,), "holds an empty text.") for name in ("null_words", "skip_starting") if "" in (csv[name] or ())]
    return [*faults, *number_faults(csv)]


def _sign_faults(csv: Options) -> list[tuple[KeyPath, str]]:
    return [
        ((name,), f"is {csv[name]!r}; allowed is one ASCII character.")
        for name in ("quote", "escape")
        if csv[name] is not None
        and (len(csv[name].encode()) != 1 or csv[name] in "\r\n")
        and (name, csv[name]) != ("quote", "")
    ]


def _delimiter_faults(csv: Options) -> list[tuple[KeyPath, str]]:
    faults: list[tuple[KeyPath, str]] = []
    quote = '"' if csv["quote"] is None else csv["quote"]
    for name in ("delimiter", "comment"):
        sign = csv[name]
        if sign is not None and (not sign or "\r" in sign or "\n" in sign or "\0" in sign):
            faults.append(((name,), f"is {sign!r}; allowed are one or more characters, no line end among them."))
    for name, sign in (("quote", quote), ("escape", csv["escape"])):
        if csv["delimiter"] and sign and sign in csv["delimiter"]:
            faults.append((("delimiter",), f"holds {sign!r}, which is the {name}."))
    if csv["escape"] and csv["escape"] == quote:
        faults.append((("escape",), "is the quote; a doubled quote always works, leave it out."))
    return faults


_FIELDS = (
    FieldSpec(name="delimiter", type="string", description="Between values, one character or more; found out among , ; tab | when not said."),
    FieldSpec(name="quote", type="string", description="Around values; '' when quotes mean nothing; the double quote when not said."),
    FieldSpec(name="escape", type="string", description="Before a quote within a value; a doubled quote always works."),
    FieldSpec(name="encoding", type="string", description="Such as cp1252, latin-1 or utf-16-le; UTF-8, or what a byte-order mark says, when not said."),
    FieldSpec(name="decimal", type="string", choices=(".", ","), description="The decimal sign of columns that hold numbers; the point when not said."),
    FieldSpec(name="thousands", type="string", description="What groups digits in columns that hold numbers."),
    FieldSpec(name="header", type="boolean", default=True, description="The first record names the columns."),
    FieldSpec(name="columns", type="strings", description="Names of the columns, in place of the header's."),
    FieldSpec(name="null_words", type="strings", description="Values that mean nothing when they stand without quotes, such as NULL or #."),
    FieldSpec(name="comment", type="string", description="Lines that begin with it mean nothing."),
    FieldSpec(name="skip_lines", type="integer", default=0, minimum=0, description="Lines before the header that mean nothing."),
    FieldSpec(name="skip_last", type="integer", default=0, minimum=0, description="Records at the end that are no data, such as totals; counted and announced."),
    FieldSpec(name="skip_starting", type="strings", description="Records whose first value begins with one of these are no data; counted and announced."),
    FieldSpec(name="trailing_delimiter", type="boolean", default=False, description="Every record ends with a delimiter that means nothing."),
)  # fmt: skip

FORMAT = FormatSpec(
    name="csv",
    summary="Delimited text: comma, semicolon, tab, bar or another sign between values.",
    description="""\
Text is UTF-8 unless a byte-order mark or the option says otherwise. An empty value is null, a quoted empty value is an
empty text, empty lines are left out. A record with too few or too many values goes to quarantine; a quote that is never
closed, a NUL or a broken compression refuses the file, since the records after it cannot be known. Where a file could be
read in two ways it is refused with both, and with the option that decides; entrepot check shows how files would be read.""",
    example_yaml="""\
connector: files
options:
  path: storage/sellout
  csv: {delimiter: ";", decimal: ",", encoding: cp1252}
""",
    examples=EXAMPLES,
    extensions=(".csv", ".tsv", ".txt", ".tab", ".psv"),
    may_be_compressed=True,
    fields=_FIELDS,
    build=_build,
    check=_faults,
)
