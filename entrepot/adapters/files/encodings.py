"""Which encoding a text file is in: a byte-order mark is believed, then what the option says, then it is UTF-8."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from entrepot.kernel.errors import DataError

MARK_BYTES = 4
"""The longest byte-order mark: so much of a file's start is needed."""
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),  # before UTF-16: it begins with the same bytes
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip
_NO_TEXT = {"unicode_escape", "raw_unicode_escape", "utf-7", "punycode", "idna", "undefined"}
"""Python's codecs that read anything into text."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """The encoding of one file."""

    name: str
    """Python's."""
    mark_bytes: int
    """The length of the byte-order mark."""
    is_stated: bool

    @property
    def source(self) -> str:
        """How it is known, in words."""
        if self.mark_bytes:
            return "byte-order mark"
        return "stated" if self.is_stated else "assumed"


def is_encoding(name: str) -> bool:
    """True for names of encodings of text."""
    try:
        info = codecs.lookup(name)
        return info.name not in _NO_TEXT and "a1".encode(name).decode(name) == "a1"
    except (LookupError, UnicodeError):
        return False


def find_encoding(start: bytes, stated: str | None, place: str, option: str) -> Encoding:
    """The encoding of a file that begins with `start`. `option` is what the option is called, for the hint.

    Raises: DataError when the option names a family, utf-16, and there is no mark to tell which.
    """
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return Encoding(encoding, len(mark), False)
    name = codecs.lookup(stated or "utf-8").name
    if name in ("utf-16", "utf-32"):
        raise DataError(
            f"{place} is {name} without a byte-order mark, so that its bytes can be read in two orders.",
            hint=f"Say {option}: {name}-le (the usual one, as Windows writes it) or {name}-be.",
        )
    return Encoding("utf-8" if name == "utf-8-sig" else name, 0, stated is not None)
