"""What is done to a file's bytes on their way to the parser: chunk in, chunk out."""

from __future__ import annotations

import re

from entrepot.adapters.files.csv.options import UNIT_SEPARATOR, CsvOptions
from entrepot.kernel.errors import DataError

_LINES = re.compile(rb"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")
_REPLACED = UNIT_SEPARATOR.encode()


class LineBlanker:
    """Empties the first lines and comment lines outside quotes; keeps their line ends, so that line numbers hold."""

    def __init__(self, options: CsvOptions) -> None:
        self._skip = options.skip_lines
        self._comment = options.comment.encode() if options.comment else None
        self._quote = options.quote_sign.encode()
        self._quoted = False
        self._rest = b""

    def blank(self, chunk: bytes, *, last: bool) -> bytes:
        """The chunk's whole lines, emptied where they mean nothing; the rest is kept for the next call."""
        if self._skip == 0 and self._comment is None:
            rest, self._rest = self._rest, b""
            return rest + chunk
        text = self._rest + chunk
        if self._skip == 0 and self._comment and self._comment not in text and not last:
            return self._pass_on(text)
        lines = _LINES.findall(text)
        self._rest = b""
        if lines and not last:
            self._rest = lines.pop()  # may go on in the next chunk, even when it ends with \r
        return b"".join(map(self._keep, lines))

    def _pass_on(self, text: bytes) -> bytes:
        """Whole lines without a comment among them."""
        end = text.rfind(b"\n") + 1 or text.rfind(b"\r", 0, -1) + 1
        self._rest = text[end:]
        whole = text[:end]
        if self._quote:
            self._quoted ^= whole.count(self._quote) % 2 == 1
        return whole

    def _keep(self, line: bytes) -> bytes:
        end = line[len(line.rstrip(b"\r\n")) :]
        if self._skip:
            self._skip -= 1
            return end
        if self._comment and not self._quoted and line.startswith(self._comment):
            return end
        if self._quote:
            self._quoted ^= line.count(self._quote) % 2 == 1
        return line


class DelimiterReplacer:
    """Puts one byte in place of a delimiter of several, from left to right, also where chunks meet."""

    def __init__(self, place: str, delimiter: str) -> None:
        self._place = place
        self._delimiter = delimiter.encode()
        self._rest = b""

    def replace(self, chunk: bytes, *, last: bool) -> bytes:
        """The chunk with the one byte; what may be the beginning of a delimiter is kept for the next call.

        Raises: DataError when the one byte stands in the file already.
        """
        if _REPLACED in chunk:
            raise DataError(
                f"{self._place} holds the control character U+001F, which a delimiter of several bytes does not go with.",
                hint="Have the file written with a delimiter of one ASCII character.",
            )
        *whole, tail = (self._rest + chunk).split(self._delimiter)
        kept = 0 if last else _overlap(tail, self._delimiter)
        self._rest = tail[len(tail) - kept :]
        return _REPLACED.join([*whole, tail[: len(tail) - kept]])


def _overlap(text: bytes, delimiter: bytes) -> int:
    """How many bytes at the text's end may begin a delimiter."""
    lengths = range(min(len(text), len(delimiter) - 1), 0, -1)
    return next((length for length in lengths if text.endswith(delimiter[:length])), 0)
