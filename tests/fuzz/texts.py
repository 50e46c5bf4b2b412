"""The text of a file as its byte-order mark says, else as it is said."""

from __future__ import annotations

import codecs

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip


def decode(data: bytes, encoding: str = "utf-8", errors: str = "strict") -> str:
    """Raises: UnicodeDecodeError."""
    for mark, marked in _MARKS:
        if data.startswith(mark):
            return data.decode(marked, errors)
    return data.decode(encoding, errors)
