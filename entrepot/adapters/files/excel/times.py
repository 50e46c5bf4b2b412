"""Excel's dates, times of day and lengths of time: one number for all three, told apart by how the cell shows it."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

_ISO = re.compile(r"(-?)P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:[.,]\d+)?)S)?)?\Z")
_DAY_MS = 86_400_000
_FALSE_LEAP_DAY = 60


def exact_time(kind: str, value: str, *, is_1904: bool) -> tuple[str | None, str | None]:
    """A better text for a cell that the reader of values gives as a date, or None; and what is wrong with it, or None.

    Args: kind: `TimeDelta` (shown as `[h]:mm`), `DateTime`, or `iso` (`PT36H30M`). value: days as Excel counts, or the ISO text.
    """
    if kind == "iso":
        return _from_iso(value), None
    try:
        days = Decimal(value)
    except InvalidOperation:
        return None, value
    if kind == "TimeDelta":
        return _clock(days), None
    if days < 0:
        return None, f"{value} as a date: Excel has none before its first day"
    if days >= 2_958_466:
        return None, f"{value} as a date: it is after the year 9999"
    if days < 1:
        # Excel shows a date of its day 0 as 1900-01-00; what is meant is a time of day.
        return _clock(days), None
    if not is_1904 and _FALSE_LEAP_DAY <= days < _FALSE_LEAP_DAY + 1:
        return None, "1900-02-29, a day that there never was"
    return None, None


def _clock(days: Decimal) -> str:
    """`36:30:00`: hours, minutes, seconds, and thousandths where there are any."""
    rounded = int((abs(days) * _DAY_MS).to_integral_value())
    seconds, thousandths = divmod(rounded, 1000)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return ("-" if days < 0 else "") + text + (f".{thousandths:03}" if thousandths else "")


def _from_iso(text: str) -> str | None:
    match = _ISO.match(text)
    if match is None:
        return None
    sign, days, hours, minutes, seconds = match.groups()
    total = Decimal(days or 0) * 86400 + Decimal(hours or 0) * 3600 + Decimal(minutes or 0) * 60
    total += Decimal((seconds or "0").replace(",", "."))
    return sign + _clock(total / 86400)
