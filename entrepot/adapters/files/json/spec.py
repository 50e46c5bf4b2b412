"""The formats `json` and `ndjson`: what people read about them, their options, and how their reader is built."""

from __future__ import annotations

from entrepot.adapters.files.encodings import is_encoding
from entrepot.intake.json_rows.options import Explode, Flatten, JsonOptions
from entrepot.intake.sources.fields import FieldSpec, KeyPath, Options
from entrepot.intake.sources.formats import FormatContext, FormatReader, FormatSpec


def _build_json(options: Options, context: FormatContext) -> FormatReader:
    return _build(options, context, by_line=False)


def _build_ndjson(options: Options, context: FormatContext) -> FormatReader:
    return _build(options, context, by_line=True)


def _build(options: Options, context: FormatContext, *, by_line: bool) -> FormatReader:
    from entrepot.adapters.files.json.reader import JsonFormat

    flatten, explode, rows = options["flatten"], options["explode"], options.get("rows")
    made = JsonOptions(
        rows=tuple(rows.split(".")) if rows else (),
        encoding=options["encoding"],
        flatten=Flatten(**flatten) if flatten is not None else None,
        explode=Explode(**explode) if explode is not None else None,
        strict_types=options["strict_types"],
        value_column=options["value_column"],
    )
    return JsonFormat(made, context, by_line=by_line)


def _faults(options: Options) -> list[tuple[KeyPath, str]]:
    faults: list[tuple[KeyPath, str]] = []
    if options.get("rows") is not None and not all(options["rows"].split(".")):
        faults.append((("rows",), f"is {options['rows']!r}; allowed are keys with a point between them: data.items."))
    if options["encoding"] is not None and not is_encoding(options["encoding"]):
        faults.append((("encoding",), f"is {options['encoding']!r}; allowed are Python's names of encodings."))
    return faults


_FLATTEN = (
    FieldSpec(name="separator", type="string", default="_", description="Between the keys in a column's name."),
    FieldSpec(name="depth", type="integer", default=100, minimum=1, description="Levels that are opened; what lies deeper stays JSON text."),
)  # fmt: skip
_EXPLODE = (
    FieldSpec(name="key", type="string", required=True, description="The key of the list."),
    FieldSpec(name="prefix", type="string", default="", description="Before the keys of its elements."),
    FieldSpec(name="keep_empty", type="boolean", default=False, description="A record without elements gives a row; else it is rejected."),
)  # fmt: skip
_COMMON = (
    FieldSpec(name="encoding", type="string", description="UTF-8, or what a byte-order mark says, when not said."),
    FieldSpec(name="flatten", type="object", fields=_FLATTEN, description="Objects within a record become columns: address_city. {} takes the defaults."),
    FieldSpec(name="explode", type="object", fields=_EXPLODE, description="One row for each element of a list, with the record's other values in each."),
    FieldSpec(name="strict_types", type="boolean", default=False, description="Reject \"12\" for a number, 12 for a text, 1 for true."),
    FieldSpec(name="value_column", type="string", description="Column of records that are no objects; else they are rejected."),
)  # fmt: skip
_ROWS = FieldSpec(
    name="rows",
    type="string",
    description="Keys that lead to the list of records, data.items; the document itself when not said.",
)
_KEPT = """\
Numbers keep the digits they are written with (1.10, 12345678901234567890), and the contract types them. Lists and objects stay
the JSON text they are, unless flatten or explode opens them. A key that is missing is null. Keys go to columns record by record, by
the names of the contract. Rejected are records that name a key twice, hold NaN or Infinity or half of a surrogate pair, or go deeper
than 100 levels.
"""

JSON = FormatSpec(
    name="json",
    summary="A JSON document: a list of records, one record, or a list that stands at a stated place in it.",
    description=_KEPT
    + "A document that breaks is refused as a whole, with line and column. A record may have 64 million characters, the list any length.",
    example_yaml="""\
connector: files
options:
  path: storage/orders
  json: {rows: data.orders, flatten: {separator: _}, explode: {key: lines, prefix: line_}}
""",
    extensions=(".json",),
    may_be_compressed=True,
    fields=(_ROWS, *_COMMON),
    build=_build_json,
    check=_faults,
)

NDJSON = FormatSpec(
    name="ndjson",
    summary="A JSON object on each line; the line's number is the record's.",
    description=_KEPT
    + "A line that is no JSON goes to quarantine with its number, the others go on. Blank lines are left out.",
    example_yaml="""\
connector: files
options:
  path: storage/events
  pattern: "*.ndjson.gz"
  ndjson: {flatten: {depth: 2}}
""",
    extensions=(".ndjson", ".jsonl"),
    may_be_compressed=True,
    fields=_COMMON,
    build=_build_ndjson,
    check=_faults,
)
