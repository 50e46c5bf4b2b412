"""Where a file's values could be read in two ways: named with the option that decides, never guessed.

Only the first records are looked at, and only while no option has decided.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from entrepot.adapters.files.csv.header import Head
from entrepot.contracts.model import Column
from entrepot.contracts.types import Kind
from entrepot.intake.sources.formats import FormatContext, headers_of
from entrepot.kernel.errors import DataError

_MOST_NAMES = 5
_FEWEST = 3
_RARE = 20
"""One value in so many is that row's fault, not the file's."""
_COMMA_IS_DECIMAL = re.compile(
    r"[+-]?(\d+,(\d{1,2}|\d{4,})|\d{1,3}(\.\d{3})+,\d*|\d{4,},\d+|0+,\d+|\d{1,3}(\.\d{3}){2,})"
)
_COMMA_GROUPS = re.compile(r"[+-]?(\d{1,3}(,\d{3})+\.\d*|\d{1,3}(,\d{3}){2,})")
_COMMA_EITHER = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
_POINT = re.compile(r"[+-]?(\d*\.(\d{1,2}|\d{4,})|\d{4,}\.\d+|0*\.\d+)")
_POINT_EITHER = re.compile(r"[+-]?[1-9]\d{0,2}\.\d{3}")
_DATE = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})(?:[T ].*)?")
_DATES = (Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMP_LOCAL)


@dataclass(frozen=True, slots=True)
class _Values:
    """The first values of one column, without empty ones."""

    name: str
    texts: tuple[str, ...]

    def all_match(self, pattern: re.Pattern[str], fewest: int = 1) -> bool:
        return len(self.texts) >= fewest and all(pattern.fullmatch(text) for text in self.texts)

    def with_commas(self) -> _Values | None:
        """The values that have a comma, when they are no exceptions and no other has a decimal point."""
        found = tuple(text for text in self.texts if "," in text)
        is_rare = len(found) * _RARE < len(self.texts)
        return None if not found or is_rare or self.some_match(_POINT) else _Values(self.name, found)

    def some_match(self, pattern: re.Pattern[str]) -> bool:
        return any(pattern.fullmatch(text) for text in self.texts)


def refuse_doubts(head: Head, place: str, context: FormatContext) -> None:
    """Refuse what would be read wrong, or rejected row by row, in one of two readings. Raises: DataError."""
    columns = _columns(head)
    _refuse_other_quotes(head, columns, place)
    numbers = [one for one in columns if one.name.lower() in context.numeric_columns]
    _refuse_commas(head, numbers, _whole_numbers(context), place)


def _whole_numbers(context: FormatContext) -> frozenset[str]:
    return headers_of(tuple(column for column in context.columns if column.type.kind is Kind.INTEGER))


def find_notes(head: Head, context: FormatContext) -> list[str]:
    """What a person should look at though it is decided: by the contract, or by what holds where nothing is said."""
    columns = _columns(head)
    return [*_note_grouping_points(head, columns, context), *_note_dates(columns, context)]


def _columns(head: Head) -> list[_Values]:
    whole = [record.values for record in head.records if len(record.values) == head.width]
    return [
        _Values(name, tuple(text for values in whole if (text := values[number].strip())))
        for number, name in enumerate(head.columns)
    ]


def _refuse_other_quotes(head: Head, columns: Sequence[_Values], place: str) -> None:
    if head.options.quote is not None or '"' in head.sample.text:
        return
    for sign in ("'", "`", "\u201c", "\u00ab"):
        end = {"\u201c": "\u201d", "\u00ab": "\u00bb"}.get(sign, sign)
        quoted = re.compile(rf"{sign}.*{end}", re.DOTALL)
        if found := [one.name for one in columns if one.all_match(quoted, 2) and any(len(t) > 1 for t in one.texts)]:
            raise DataError(
                f"{place}: every value of {_list(found)} stands between {sign} and {end}: they could be quotes around the value, or a part of it.",
                hint=f'If they are quotes, say csv.quote: "{sign}"; if they belong to the values, say csv.quote: \'"\'.',
            )


def _refuse_commas(head: Head, columns: Sequence[_Values], whole: frozenset[str], place: str) -> None:
    """Numbers with a comma, in columns that have none with a decimal point. `whole`: headers of columns of whole numbers."""
    if head.options.decimal is not None or head.options.thousands is not None:
        return
    commas = [found for one in columns if (found := one.with_commas())]
    fractions = [one for one in commas if one.name.lower() not in whole]
    decimal = [one.name for one in fractions if one.some_match(_COMMA_IS_DECIMAL) and not one.some_match(_COMMA_GROUPS)]
    groups = [one.name for one in commas if one.some_match(_COMMA_GROUPS) and not one.some_match(_COMMA_IS_DECIMAL)]
    groups += [one.name for one in commas if one not in fractions and one.all_match(_COMMA_EITHER)]
    either = [one.name for one in fractions if one.all_match(_COMMA_EITHER)]
    if decimal and not groups:
        raise DataError(
            f"{place}: the numbers of {_list(decimal)} seem to have a decimal comma, and no option says so.",
            hint='Say csv.decimal: "," (and csv.thousands: "." when points group the digits), or csv.decimal: "." to have such values rejected.',
        )
    if groups and not decimal:
        raise DataError(
            f"{place}: the numbers of {_list(groups)} seem to have commas between thousands, and no option says so.",
            hint='Say csv.thousands: ",", or csv.decimal: "." to have such values rejected.',
        )
    if either:
        raise DataError(
            f"{place}: the numbers of {_list(either)} are written like 1,234: that could be 1.234 (a decimal comma) or 1234 (commas between thousands).",
            hint='Say csv.decimal: "," for the first, csv.thousands: "," for the second.',
        )


def _note_grouping_points(head: Head, columns: Sequence[_Values], context: FormatContext) -> Iterator[str]:
    if head.options.decimal is not None or head.options.thousands is not None:
        return
    names = [
        one.name
        for one in columns
        if one.name.lower() in context.numeric_columns
        and not one.some_match(_POINT)
        and sum(_POINT_EITHER.fullmatch(text) is not None for text in one.texts) >= _FEWEST
    ]
    if names:
        yield (
            f"every point in {_list(names)} has three digits behind it: 1.234 is read as one and a bit; "
            'if points group thousands, say csv.decimal: "," and csv.thousands: "."'
        )


def _note_dates(columns: Sequence[_Values], context: FormatContext) -> Iterator[str]:
    wanted = {
        name.lower(): column
        for column in context.columns
        if column.type.kind in _DATES
        for name in (column.name, *column.headers)
    }
    for one in columns:
        column = wanted.get(one.name.lower())
        if column is not None and (parts := [match for text in one.texts if (match := _DATE.fullmatch(text))]):
            yield from _note_order(one.name, column, parts)


def _note_order(name: str, column: Column, parts: Sequence[re.Match[str]]) -> Iterator[str]:
    day_first = any(int(match[1]) > 12 for match in parts)
    month_first = any(int(match[3]) > 12 for match in parts)
    sign = parts[0][2]
    year = "yyyy" if len(parts[0][4]) == len("2025") else "yy"
    orders = {"day": f"dd{sign}MM{sign}{year}", "month": f"MM{sign}dd{sign}{year}"}
    codes = column.type.format or ""
    stated = (
        "" if "%d" not in codes or "%m" not in codes else "day" if codes.index("%d") < codes.index("%m") else "month"
    )
    if day_first and month_first:
        yield f"{name} holds dates in both orders, {orders['day']} and {orders['month']}"
        return
    seen = "day" if day_first else "month" if month_first else ""
    if not seen:
        decided = f"the contract decides for {orders[stated]}" if stated else "the contract must give the format"
        yield f"the dates in {name} could be {orders['day']} or {orders['month']}; {decided}"
    elif stated != seen:
        said = f"says {orders[stated]}" if stated else "gives no format"
        yield f"the dates in {name} are {orders[seen]}; the contract {said}"


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more
