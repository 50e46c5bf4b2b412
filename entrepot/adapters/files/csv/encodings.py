"""Which encoding a text file is in, and where it is not what it is taken for."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path

from entrepot.adapters.files.csv.compression import open_unpacked
from entrepot.kernel.errors import DataError

_CHUNK = 1 << 20
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


def find_encoding(path: Path, stated: str | None, place: str) -> Encoding:
    """The file's encoding; a mark is believed before the option.

    Raises: DataError when the option names a family, utf-16, and there is no mark to tell which.
    """
    with open_unpacked(path, place) as source:
        start = source.read(4)
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return Encoding(encoding, len(mark), False)
    name = codecs.lookup(stated or "utf-8").name
    if name in ("utf-16", "utf-32"):
        raise DataError(
            f"{place} is {name} without a byte-order mark, so that its bytes can be read in two orders.",
            hint=f"Say csv.encoding: {name}-le (the usual one, as Windows writes it) or {name}-be.",
        )
    return Encoding("utf-8" if name == "utf-8-sig" else name, 0, stated is not None)


def line_at(path: Path, place: str, encoding: Encoding, offset: int) -> int:
    """The line on which the byte `offset` stands; all before it can be decoded."""
    with open_unpacked(path, place) as source:
        source.read(encoding.mark_bytes)
        decoder = codecs.getincrementaldecoder(encoding.name)(errors="replace")
        left = offset - encoding.mark_bytes
        line, before = 1, ""
        while left > 0 and (raw := source.read(min(left, _CHUNK))):
            left -= len(raw)
            text = decoder.decode(raw)
            line += count_lines(text) - (before == "\r" and text.startswith("\n"))
            before = text[-1:] or before
        return line


def count_lines(text: str) -> int:
    """How many lines end in the text: at CR, LF, or both together."""
    return text.count("\n") + text.count("\r") - text.count("\r\n")
