"""What a file is by its first bytes: text, packed text, or no text at all."""

from __future__ import annotations

from pathlib import Path

from entrepot.adapters.files.compressed import PlainBytes
from entrepot.kernel.errors import DataError

_NO_TEXT = (
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"), (b"Rar!\x1a\x07", "a RAR archive"), (b"\x04\x22\x4d\x18", "compressed with lz4"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document"), (b"PAR1", "a Parquet file"), (b"%PDF-", "a PDF document"),
    (b"SQLite format 3\0", "a SQLite database"), (b"ARROW1", "an Arrow file"),
)  # fmt: skip
_LONGEST_MAGIC = 16


def find_packing(path: Path, place: str) -> str:
    """`gzip`, `zstd`, `zip`, known by the first bytes, whatever the name says; nothing for plain text."""
    with PlainBytes(path, place) as source:
        return source.packing


def open_unpacked(path: Path, place: str) -> PlainBytes:
    """The file's text as bytes. Raises: DataError when it is a known kind of file that is no text."""
    with path.open("rb") as file:
        magic = file.read(_LONGEST_MAGIC)
    for sign, words in _NO_TEXT:
        if magic.startswith(sign):
            raise DataError(
                f"{place} is {words}, not text.", hint="Send the text itself, plain or compressed with gzip or zstd."
            )
    return PlainBytes(path, place)
