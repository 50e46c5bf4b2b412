"""The encoding of delimited text, and the lines at which something was found."""

from __future__ import annotations

import codecs
from pathlib import Path

from entrepot.adapters.files import encodings
from entrepot.adapters.files.csv.compression import open_unpacked
from entrepot.adapters.files.encodings import MARK_BYTES, Encoding

_CHUNK = 1 << 20


def find_encoding(path: Path, stated: str | None, place: str) -> Encoding:
    """The file's encoding. Raises: DataError when it cannot be told, or the file is no text."""
    with open_unpacked(path, place) as source:
        start = source.read(MARK_BYTES)
    return encodings.find_encoding(start, stated, place, "csv.encoding")


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
