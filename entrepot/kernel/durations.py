"""Lengths of time as people write them: `5m`, `7d`."""

from __future__ import annotations

import re
from datetime import timedelta

_WRITTEN = re.compile(r"(\d{1,9})\s*(ms|s|m|h|d|w)\Z")
_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
DURATION_WORDS = "a number with ms, s, m, h, d or w: 30s, 5m, 12h, 7d"


def parse_duration(text: str) -> timedelta:
    """Read `30s`, `5m`, `12h`, `7d`, `2w`. Raises: ValueError, which says what is allowed."""
    found = _WRITTEN.match(text.strip())
    if found is None:
        raise ValueError(f"{text[:40]!r} is no length of time; allowed is {DURATION_WORDS}")
    try:
        return int(found[1]) * _UNITS[found[2]]
    except OverflowError as error:
        raise ValueError(f"{text[:40]!r} is longer than any length of time") from error


def duration_us(text: str) -> int:
    """The same in microseconds."""
    return parse_duration(text) // timedelta(microseconds=1)
