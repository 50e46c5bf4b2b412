"""What a text file's first records tell: delimiter and names of columns. Conservative: what is not clear is an error."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from entrepot.adapters.files.csv.encodings import find_encoding
from entrepot.adapters.files.csv.options import UNIT_SEPARATOR, CsvOptions
from entrepot.adapters.files.csv.sample import Record, Sample, read_sample
from entrepot.adapters.files.encodings import Encoding
from entrepot.kernel.errors import DataError

DELIMITERS = (",", ";", "\t", "|")
NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_UNUSUAL = (":", "^", "~", "#", "!", "¦", "§", "\x01", "\x1f", "\x1e", "\xa7", "||", "::", " ")
"""Never taken without being told; named where they would give columns that the contract knows."""
_SEPARATOR_LINE = re.compile(r'\A"?sep=(.)"?(?:\r\n|\r|\n)', re.IGNORECASE)
_FILLERS = re.compile(r"[\s_\-]+")


@dataclass(frozen=True, slots=True)
class Head:
    """How a file is written, found out or stated."""

    options: CsvOptions
    """With the delimiter, and with what the file says of itself."""
    delimiter_source: str
    """`stated`, `found out`, …: how the delimiter is known."""
    encoding: Encoding
    columns: tuple[str, ...]
    unnamed: int
    """Columns without a name behind the others; they must be empty."""
    empty_lines: int
    """Lines before the first record: what `skip_lines` and comments left, too."""
    sample: Sample
    records: tuple[Record, ...]
    """The first records below the header."""

    @property
    def delimiter(self) -> str:
        """As people write it."""
        return self.options.delimiter or ","

    @property
    def parser_delimiter(self) -> str:
        """As the parser finds it in the bytes."""
        return UNIT_SEPARATOR if self.options.replaces_delimiter else self.delimiter

    @property
    def width(self) -> int:
        """How many values a whole record has."""
        return len(self.columns) + self.unnamed


def read_head(path: Path, place: str, options: CsvOptions, known: frozenset[str]) -> Head:
    """Find out how the file is written. `known`: lower-case headers of the contract.

    Raises: DataError when it is empty, when the delimiter is not clear, when the header's names are not.
    """
    encoding = find_encoding(path, options.encoding, place)
    sample = read_sample(path, place, options)
    source = "stated"
    if (said := _SEPARATOR_LINE.match(sample.text)) is not None:
        options, source = _believe_line(options, said[1], place), "its first line says so"
        sample = read_sample(path, place, options)
    if options.delimiter is None:
        options, source = replace(options, delimiter=_find_delimiter(sample, place, options, known)), "found out"
    records = sample.records(options)
    if not records:
        raise _nothing_found(sample, place)
    first, below = records[0], tuple(records[1:] if options.header else records)
    columns, unnamed = _name_columns(first, below, place, options)
    _refuse_strangers(columns, first, place, options, known)
    return Head(options, source, encoding, columns, unnamed, first.line - 1, sample, below)


def _nothing_found(sample: Sample, place: str) -> DataError:
    if sample.is_whole:
        return DataError(f"{place} is empty: it has not even a header.", hint="Have the file sent again.")
    return DataError(
        f"{place}: the first record does not end within {len(sample.text):,} characters.",
        hint="Is a quote never closed? Say csv.quote: '' when quotes mean nothing.",
    )


def _believe_line(options: CsvOptions, delimiter: str, place: str) -> CsvOptions:
    """The line `sep=;` that Excel reads and writes."""
    if options.delimiter not in (None, delimiter):
        raise DataError(
            f"{place} says itself that its delimiter is {_show(delimiter)}; the option csv.delimiter says {_show(options.delimiter or '')}.",
            hint="Remove the option, or say csv.skip_lines: 1 to leave the file's line unread.",
        )
    return replace(options, delimiter=delimiter, skip_lines=1)


def _find_delimiter(sample: Sample, place: str, options: CsvOptions, known_columns: frozenset[str]) -> str:
    records = {one: sample.records(replace(options, delimiter=one)) for one in DELIMITERS}
    wide = {delimiter: found for delimiter, found in records.items() if found and len(found[0].values) > 1}
    if not wide:
        _refuse_unusual(sample, place, options, known_columns)
        return ","  # a single column: there is nothing to part
    if len(wide) == 1:
        return next(iter(wide))
    known = {delimiter: count_known(found[0].values, known_columns) for delimiter, found in wide.items()}
    best = [delimiter for delimiter in wide if known[delimiter] == max(known.values())]
    if max(known.values()) > 0 and len(best) == 1:
        return best[0]
    even = [delimiter for delimiter, found in wide.items() if len({len(record.values) for record in found}) == 1]
    if len(even) == 1:
        return even[0]
    counts = ", ".join(f"{NAMES[delimiter]} gives {len(found[0].values)} columns" for delimiter, found in wide.items())
    raise DataError(f"the delimiter of {place} is not clear: {counts}.", hint="State it with the option csv.delimiter.")


def _refuse_unusual(sample: Sample, place: str, options: CsvOptions, known: frozenset[str]) -> None:
    """A single column may be a file whose delimiter is none of the usual ones."""
    first = next(iter(sample.records(replace(options, delimiter=","))), None)
    if first is None or options.columns or count_known(first.values, known):
        return
    for sign in _UNUSUAL:
        names = first.values[0].split(sign)
        if len(names) > 1 and count_known(names, known) > 1:
            raise DataError(
                f"the delimiter of {place} is not clear: comma, semicolon, tab and bar give 1 column, "
                f"{_show(sign)} gives {len(names)} columns, {count_known(names, known)} of them the contract's.",
                hint=f"If it is that one, say csv.delimiter: {sign!r}.",
            )


def count_known(names: Sequence[str], known: frozenset[str]) -> int:
    """How many of the names the contract knows: case, blanks, `_` and `-` do not count."""
    plain = {_plain(name) for name in known}
    return sum(_plain(name) in plain for name in names)


def _plain(name: str) -> str:
    return _FILLERS.sub("", name).casefold()


def _show(sign: str) -> str:
    return NAMES.get(sign, repr(sign))


def _name_columns(
    first: Record, below: Sequence[Record], place: str, options: CsvOptions
) -> tuple[tuple[str, ...], int]:
    """The names, and how many columns behind them have none."""
    where = f"{place} line {first.line}"
    values = first.values
    if options.columns:
        extra = len(values) - len(options.columns)
        if extra and not (options.trailing_delimiter and extra == 1):
            raise DataError(
                f"{where} has {len(values)} values, but the option csv.columns names {len(options.columns)} columns.",
                hint="Name every column of the file.",
            )
        return options.columns, int(options.trailing_delimiter)
    names = [name.strip() for name in values]
    named = max((number for number, name in enumerate(names, 1) if name), default=0)
    if any(value for record in below for value in record.values[named : len(names)]):
        named = len(names)  # what has values must have a name
    check_names(names[:named] or names, f"the header in {where}", "csv.columns")
    unnamed = len(names) - named
    if options.trailing_delimiter:
        return tuple(names[:named]), max(unnamed, 1)
    _refuse_trailing(len(names), below, where)
    return tuple(names[:named]), unnamed


def _refuse_trailing(width: int, below: Sequence[Record], where: str) -> None:
    """All records have one value more than the header has names, and the last is empty."""
    if below and all(len(record.values) == width + 1 and not record.values[-1] for record in below):
        raise DataError(
            f"the header in {where} has {width} names, and every record below it ends with one delimiter more: "
            "either that delimiter means nothing, or the first column has no name.",
            hint="Say csv.trailing_delimiter: true, or name all columns with the option csv.columns.",
        )


def _refuse_strangers(
    columns: Sequence[str], first: Record, place: str, options: CsvOptions, known: frozenset[str]
) -> None:
    """A file whose header has nothing of the contract has no header, or is another one's."""
    if options.header and known and not count_known(columns, known):
        raise DataError(
            f"{place} line {first.line}: none of the {len(columns)} names in the header is one of the contract's "
            f"({_list_some(sorted(known))}).",
            hint="If the file has no header, say csv.header: false and name the columns with csv.columns; if it has, look at csv.delimiter and csv.skip_lines.",
        )


def check_names(names: Sequence[str], where: str, option: str | None) -> None:
    """Refuse names that no value could be found by. Raises: DataError."""
    hint = "Correct the header."
    if option:
        hint = f"Correct the header, or name all columns with the option {option}. A file without a header needs csv.header: false, too."
    blank = [str(number) for number, name in enumerate(names, 1) if not name]
    if blank:
        raise DataError(f"{where} has no name for column {', '.join(blank[:10])} of {len(names)}.", hint=hint)
    counts = Counter(name.lower() for name in names)
    twice = sorted({name for name in names if counts[name.lower()] > 1})
    if twice:
        raise DataError(
            f"{where} names columns twice (upper and lower case count as the same): {', '.join(twice)}.", hint=hint
        )


def _list_some(names: list[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
