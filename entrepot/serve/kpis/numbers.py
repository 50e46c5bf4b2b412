"""Showing a value by a pattern such as `#,##0.00` or `0.0%`."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal

_PATTERN = re.compile(r"(?P<group>#,##)?0(?:\.(?P<places>0+))?(?P<percent> ?%)?\Z")


def is_pattern(pattern: str) -> bool:
    """True for patterns that `format_number` knows."""
    return _PATTERN.match(pattern) is not None


def format_number(value: Decimal | float | int | None, pattern: str | None) -> str:
    """Write a value by its pattern, rounded half up; nothing is an en dash. A percent sign multiplies by 100."""
    if value is None:
        return "–"
    match = _PATTERN.match(pattern or "")
    if match is None:
        return str(value)
    number = Decimal(str(value)) * (100 if match["percent"] else 1)
    places = len(match["places"] or "")
    number = number.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    return f"{number:{',' if match['group'] else ''}.{places}f}{match['percent'] or ''}"
