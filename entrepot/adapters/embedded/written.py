"""How a column's format lets dates and times be written: the digits that each strptime code stands for, as a regular expression.

strptime itself is too kind: DuckDB's takes `26` for a year, and the words `epoch` and `infinity` whatever the format says. So a text
must first have the format's own look; years are of four digits, and numbers that stand side by side of two. The expression is one that
RE2 and Python read alike; its groups are named after the codes.
"""

from __future__ import annotations

import re
from functools import lru_cache

MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december")  # fmt: skip
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NUMBERS = "mdHIMSf"
_WORDS = {
    "b": tuple(name[:3] for name in MONTHS),
    "B": MONTHS,
    "a": tuple(name[:3] for name in WEEKDAYS),
    "A": WEEKDAYS,
    "p": ("am", "pm"),
}


@lru_cache(maxsize=256)
def written_pattern(codes: str) -> str:
    """The regular expression, for a match of the whole text. Raises: ValueError for a code that no format has."""
    pieces = re.findall(r"%.|[^%]+", codes, re.DOTALL)
    return "".join(_piece(pieces, place) for place in range(len(pieces)))


def _piece(pieces: list[str], place: int) -> str:
    piece = pieces[place]
    if not piece.startswith("%") or piece == "%%":
        return re.escape("%" if piece == "%%" else piece)
    code = piece[1]
    if code == "Y":
        digits = "[0-9]{4}"
    elif code == "f":
        digits = "[0-9]{1,6}"
    elif code in _NUMBERS:
        digits = "[0-9]{2}" if _touches(pieces, place) else "[0-9]{1,2}"
    elif code in _WORDS:
        digits = "|".join(_any_case(word) for word in _WORDS[code])
    elif code == "z":
        digits = "[+-](?:0[0-9]|1[0-5])(?::?[0-5][0-9])?"
    else:
        raise ValueError(piece)
    return f"(?P<{code}>{digits})"


def _touches(pieces: list[str], place: int) -> bool:
    """True when the number's neighbour is one too, so that only their lengths tell them apart."""
    around = pieces[max(place - 1, 0) : place] + pieces[place + 1 : place + 2]
    return any(each[0] == "%" and each[1:] in ("Y", *_NUMBERS) for each in around)


def _any_case(word: str) -> str:
    """ASCII letters only: `(?i)` would take `ſ` for an s."""
    return "".join(f"[{letter.upper()}{letter}]" for letter in word)
