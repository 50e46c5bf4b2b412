"""How a text file is written, in words, for `entrepot check`; shapes of values, never values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from entrepot.adapters.files.csv.compression import find_packing
from entrepot.adapters.files.csv.doubts import find_notes
from entrepot.adapters.files.csv.header import NAMES, Head
from entrepot.intake.sources.formats import FormatContext

_LONGEST_NUMBER = 100
_SHAPES = (
    ("integer", re.compile(r"[+-]?\d+")),
    ("number", re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")),
    ("number with comma", re.compile(r"[+-]?\d[\d.]*(,\d+)?|[+-]?\d{1,3}(,\d{3})+\.\d*")),
    ("date", re.compile(r"\d{4}-\d{2}-\d{2}")),
    ("time", re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}.*")),
    ("date d/m/y or m/d/y", re.compile(r"\d{1,2}([./-])\d{1,2}\1(\d{4}|\d{2})([T ].*)?")),
)


def describe(path: Path, head: Head, context: FormatContext) -> Mapping[str, str]:
    """Each fact with how it is known, in the order in which they are shown."""
    options = head.options
    quote = "none" if not options.quote_sign else options.quote_sign
    facts = {
        "delimiter": f"{NAMES.get(head.delimiter, repr(head.delimiter))} ({head.delimiter_source})",
        "quote": f"{quote} ({'assumed' if options.quote is None else 'stated'})",
        "encoding": f"{head.encoding.name} ({head.encoding.source})",
        "line ends": head.sample.line_ends,
        "header": _header(head),
        "records": _records(head),
        "values": _shapes(head),
    }
    if packing := find_packing(path, path.name):
        facts["compression"] = packing
    if head.unnamed:
        facts["unnamed"] = f"{head.unnamed} empty column(s) at the end are left out"
    if options.decimal is not None or options.thousands is not None:
        grouped = f", {options.thousands!r} between thousands" if options.thousands else ""
        facts["numbers"] = f"decimal {options.decimal_sign!r}{grouped} (stated)"
    if left_out := _left_out(head):
        facts["left out"] = left_out
    if notes := [*_note_encoding(head), *find_notes(head, context)]:
        facts["look at"] = "; ".join(notes)
    return facts


def _header(head: Head) -> str:
    if not head.options.header:
        return "none; the names are stated"
    instead = "; the stated names take its place" if head.options.columns else ""
    return f"line {head.empty_lines + 1}, {len(head.columns)} names{instead}"


def _records(head: Head) -> str:
    widths = Counter(len(record.values) for record in head.records)
    if not widths:
        return "none"
    looked = (
        f"{len(head.records)} looked at"
        if not head.sample.is_whole or len(head.records) >= 49
        else str(len(head.records))
    )
    wrong = sum(count for width, count in widths.items() if width != head.width)
    return f"{looked}, {head.width} values each" + (
        f"; {wrong} with more or fewer values would be rejected" if wrong else ""
    )


def _shapes(head: Head) -> str:
    """How many columns hold what, by the first records."""
    whole = [record.values for record in head.records if len(record.values) == head.width]
    if not whole:
        return "none seen"
    columns = (tuple(values[number].strip() for values in whole) for number in range(len(head.columns)))
    counts = Counter(_shape(texts) for texts in columns)
    return ", ".join(f"{count} × {shape}" for shape, count in counts.most_common())


def _shape(texts: Sequence[str]) -> str:
    filled = [text for text in texts if text]
    if not filled:
        return "empty"
    if max(map(len, filled)) > _LONGEST_NUMBER:
        return "text"
    for name, pattern in _SHAPES:
        if all(pattern.fullmatch(text) for text in filled):
            return name
    return "text"


def _left_out(head: Head) -> str:
    options = head.options
    said = [f"the last {options.skip_last} record(s)"] if options.skip_last else []
    if options.skip_starting:
        found = sum(
            next((value for value in record.values if value), "").lstrip().startswith(options.skip_starting)
            for record in head.records
        )
        said.append(f"what begins with {' or '.join(options.skip_starting)} ({found} of the records looked at)")
    return "; ".join(said)


def _note_encoding(head: Head) -> list[str]:
    """A single-byte encoding reads UTF-8 too, but as other letters."""
    if not head.encoding.is_stated or head.encoding.name.startswith("utf"):
        return []
    try:
        raw = head.sample.text.encode(head.encoding.name)
        if raw.isascii():
            return []
        raw.decode("utf-8")
    except UnicodeError:
        return []
    return [f"the beginning is valid utf-8, too: is {head.encoding.name} right?"]
