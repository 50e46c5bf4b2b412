"""The format `fixed_width`: what people read about it, its options, and how its reader is built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from entrepot.adapters.files.encodings import is_encoding
from entrepot.adapters.files.fixed_width.options import FixedColumn, FixedWidthOptions, Trailer
from entrepot.intake.sources.fields import FieldSpec, KeyPath, Options
from entrepot.intake.sources.formats import FormatContext, FormatReader, FormatSpec


def _build(options: Options, context: FormatContext) -> FormatReader:
    from entrepot.adapters.files.fixed_width.reader import FixedWidthFormat

    columns = tuple(
        FixedColumn(one["name"], one["start"], _end(one) or one["start"], one["trim"], one["decimals"])
        for one in options["columns"] or ()
    )
    trailer = options["trailer"]
    made = FixedWidthOptions(
        columns=columns,
        length=options["length"] or max((column.end for column in columns), default=0),
        encoding=options["encoding"],
        skip_lines=options["skip_lines"],
        header=options["header"],
        header_lines=options["header_lines"],
        trailer=Trailer(trailer["prefix"], trailer["start"], _end(trailer)) if trailer is not None else None,
        pad=options["pad"],
    )
    return FixedWidthFormat(made, context)


def _end(place: Mapping[str, Any]) -> int | None:
    if place["end"] is not None:
        return int(place["end"])
    return place["start"] + place["width"] - 1 if place["start"] is not None and place["width"] is not None else None


def _faults(options: Options) -> list[tuple[KeyPath, str]]:
    columns = options["columns"] or ()
    faults: list[tuple[KeyPath, str]] = []
    for number, column in enumerate(columns):
        faults += [(("columns", number, *path), text) for path, text in _place_faults(column)]
    names = [column["name"].lower() for column in columns]
    if len(set(names)) < len(names):
        faults.append((("columns",), "names a column twice (upper and lower case count as the same)."))
    if any(not name or name.startswith("_") for name in names):
        faults.append((("columns",), "holds a name that is empty or begins with _, which is kept for system columns."))
    ends = [_end(column) or 0 for column in columns]
    if options["length"] is not None and max(ends, default=0) > options["length"]:
        faults.append((("length",), f"is {options['length']}, but a column ends at {max(ends)}."))
    trailer = options["trailer"]
    prefixes = ((("header",), options["header"]), (("trailer", "prefix"), trailer["prefix"] if trailer else None))
    faults += [
        (path, "is empty or blank: every line begins so. Say how that line begins, or leave the option out.")
        for path, prefix in prefixes
        if prefix is not None and not prefix.strip()
    ]
    if trailer is not None and trailer["start"] is not None:
        faults += [(("trailer", *path), text) for path, text in _place_faults(trailer)]
    if options["encoding"] is not None and not is_encoding(options["encoding"]):
        faults.append((("encoding",), f"is {options['encoding']!r}; allowed are Python's names of encodings."))
    return faults


def _place_faults(place: Mapping[str, Any]) -> list[tuple[KeyPath, str]]:
    if (place["end"] is None) == (place["width"] is None):
        return [(("width",), "must be said, or end instead of it, and not both.")]
    end = _end(place)
    return [(("end",), f"is {end}, before start.")] if end is not None and end < place["start"] else []


_START = FieldSpec(name="start", type="integer", minimum=1, description="The first character, counted from 1.")
_WIDTH = FieldSpec(name="width", type="integer", minimum=1, description="Characters.")
_END = FieldSpec(name="end", type="integer", minimum=1, description="The last character, in place of width.")
_COLUMNS = (
    FieldSpec(name="name", type="string", required=True, description="The column's name."),
    FieldSpec(name="start", type="integer", required=True, minimum=1, description=_START.description),
    _WIDTH,
    _END,
    FieldSpec(name="trim", type="string", default="both", choices=("both", "left", "right", "none"), description="Blanks that are not part of the value."),
    FieldSpec(name="decimals", type="integer", default=0, minimum=0, description="Digits behind a point that is not written: 0001234 with 2 is 12.34."),
)  # fmt: skip
_TRAILER = (
    FieldSpec(
        name="prefix", type="string", required=True, description="How it begins; nothing that a record may begin with."
    ),
    FieldSpec(
        name="start",
        type="integer",
        minimum=1,
        description="Where it counts the records; a file that counts otherwise is refused.",
    ),
    _WIDTH,
    _END,
)
FORMAT = FormatSpec(
    name="fixed_width",
    summary="Lines of fixed width: each value has its place.",
    description="""\
Places are counted in characters, not bytes. A value of blanks is null; empty lines are left out. The line's number is the record's. A line
that is shorter or longer than the record goes to quarantine. With a trailer a file without it, or with another count, is refused. Lines
that are left out as header, trailer or by `skip_lines` are counted and announced at every run.""",
    example_yaml="""\
connector: files
options:
  path: storage/bank
  pattern: "*.dat"
  format: fixed_width
  fixed_width:
    encoding: cp1252
    header: H
    trailer: {prefix: T, start: 2, width: 6}
    columns:
      - {name: account, start: 1, width: 10}
      - {name: booked_on, start: 11, width: 8}
      - {name: amount, start: 19, width: 12, decimals: 2}
""",
    extensions=(".fwf",),
    may_be_compressed=True,
    fields=(
        FieldSpec(name="columns", type="objects", fields=_COLUMNS, description="The columns and their places; needed."),
        FieldSpec(name="length", type="integer", minimum=1, description="Characters of a record; the end of the last column when not said."),
        FieldSpec(name="encoding", type="string", description="UTF-8, or what a byte-order mark says, when not said."),
        FieldSpec(name="skip_lines", type="integer", default=0, minimum=0, description="Lines at the beginning that mean nothing."),
        FieldSpec(name="header", type="string", description="The first line means nothing when it begins with this; later lines are records however they begin."),
        FieldSpec(name="header_lines", type="integer", default=1, minimum=1, description="How many lines the header has; each begins with header."),
        FieldSpec(name="trailer", type="object", fields=_TRAILER, description="The last line, which is no record."),
        FieldSpec(name="pad", type="boolean", default=False, description="Take a shorter line as if blanks followed."),
    ),
    build=_build,
    check=_faults,
)  # fmt: skip
