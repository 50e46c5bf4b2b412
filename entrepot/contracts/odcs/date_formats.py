"""The standard's date format letters (`dd.MM.yyyy HH:mm`) as strptime codes (`%d.%m.%Y %H:%M`).

Only letters whose meaning strptime shares are taken; the rest is refused, because a date read wrongly looks like any other date.
Source: ODCS 3.2 refers to the JDK's DateTimeFormatter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_CODES = {
    "y": ("year", "%Y"), "yyyy": ("year", "%Y"), "u": ("year", "%Y"), "uuuu": ("year", "%Y"),
    "M": ("month", "%m"), "MM": ("month", "%m"), "MMM": ("month", "%b"), "MMMM": ("month", "%B"),
    "d": ("day", "%d"), "dd": ("day", "%d"),
    "H": ("hour", "%H"), "HH": ("hour", "%H"), "h": ("hour12", "%I"), "hh": ("hour12", "%I"), "a": ("half", "%p"),
    "m": ("minute", "%M"), "mm": ("minute", "%M"), "s": ("second", "%S"), "ss": ("second", "%S"),
    "E": ("weekday", "%a"), "EEE": ("weekday", "%a"), "EEEE": ("weekday", "%A"),
    "Z": ("offset", "%z"), "ZZZ": ("offset", "%z"), "x": ("offset", "%z"), "xx": ("offset", "%z"), "xxx": ("offset", "%z"),
    **{"S" * count: ("fraction", "%f") for count in range(1, 7)},
}  # fmt: skip

ALLOWED = "yyyy MM M MMM MMMM dd d HH H hh h mm ss S…SSSSSS a EEE EEEE Z xxx, other signs as they stand, 'text' in single quotes"

_WHY = {
    "yy": "two digits leave the century open",
    "YYYY": "Y is the year of the week; the calendar year is yyyy",
    "DD": "D is the day of the year; the day of the month is dd",
    "X": "X writes Z for zero, which strptime does not read; without a format, ISO 8601 with offset or Z is read",
    "XXX": "X writes Z for zero, which strptime does not read; without a format, ISO 8601 with offset or Z is read",
}
_NUMERIC = {"year", "month", "day", "hour", "hour12", "minute", "second", "fraction"}
_TOKEN = re.compile(r"(?P<letters>([A-Za-z])\2*)|'(?P<quoted>(?:[^']|'')*)'|(?P<other>.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class DateFormat:
    """A format in strptime codes, and which fields it has (`year`, `hour`, `offset` …)."""

    codes: str
    fields: frozenset[str]


def read_format(text: str) -> DateFormat:
    """Translate the letters of a date or timestamp.

    Raises: ValueError saying which letter is not understood, or which field is missing or doubtful.
    """
    format = _translate(text)
    _check_date(format.fields)
    _check_time(format.fields)
    return format


def read_time_format(text: str) -> DateFormat:
    """Translate the letters of a time of day. Raises: as `read_format`."""
    format = _translate(text)
    dated = sorted(format.fields & {"year", "month", "day", "weekday"})
    if dated:
        mixed = "; mm are minutes, MM the month" if "month" in dated else ""
        raise ValueError(f"the {' and '.join(dated)} is no part of a time of day{mixed}")
    if not format.fields & {"hour", "hour12"}:
        raise ValueError("the hour is missing")
    _check_time(format.fields)
    return format


def _translate(text: str) -> DateFormat:
    codes: list[str] = []
    fields: list[str] = []
    open_digits: str | None = None
    for token in _TOKEN.finditer(text):
        letters = token["letters"]
        if letters is None:
            codes.append(_literal(token))
            open_digits = None
            continue
        field, code = _code(letters)
        if field in fields:
            raise ValueError(f"{letters} says the {field} a second time")
        numeric = field in _NUMERIC and code not in ("%b", "%B")
        if numeric and open_digits is not None:
            raise ValueError(
                f"{open_digits} and {letters} stand side by side, so that their digits cannot be told apart"
            )
        open_digits = letters if numeric and len(letters) == 1 and letters != "S" else None
        fields.append(field)
        codes.append(code)
    return DateFormat("".join(codes), frozenset(fields))


def _code(letters: str) -> tuple[str, str]:
    known = _CODES.get(letters)
    if known is None:
        why = f" ({_WHY[letters]})" if letters in _WHY else ""
        raise ValueError(f"{letters} is not understood{why}")
    return known


def _literal(token: re.Match[str]) -> str:
    quoted = token["quoted"]
    if quoted is not None:
        return (quoted.replace("''", "'") or "'").replace("%", "%%")
    sign = token["other"]
    if sign in "[]{}#'":
        raise ValueError(f"{sign} is not understood; optional parts and open quotes are not allowed")
    return "%%" if sign == "%" else sign


def _check_date(fields: frozenset[str]) -> None:
    missing = [name for name in ("year", "month", "day") if name not in fields]
    if missing:
        mixed = "; mm are minutes, MM the month" if "month" in missing and "minute" in fields else ""
        raise ValueError(f"the {' and '.join(missing)} is missing{mixed}")


def _check_time(fields: frozenset[str]) -> None:
    if ("hour12" in fields) != ("half" in fields):
        raise ValueError("hh (hours to 12) and a (AM or PM) belong together; hours to 23 are HH")
    steps = ("hour", "minute", "second", "fraction")
    said = [name for name in steps if name in fields or (name == "hour" and "hour12" in fields)]
    if said != list(steps[: len(said)]):
        raise ValueError(f"the time of day has {' and '.join(said)} only")
