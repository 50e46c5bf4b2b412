"""The bytes of a text file, decompressed, in UTF-8, and checked on their way: what is damaged is an error, never fewer rows."""

from __future__ import annotations

import codecs
import io
from pathlib import Path
from typing import IO, cast

from entrepot.adapters.files.csv.compression import open_unpacked
from entrepot.adapters.files.csv.encodings import find_encoding, line_at
from entrepot.adapters.files.csv.options import UNIT_SEPARATOR, CsvOptions
from entrepot.adapters.files.csv.quotes import QuoteCheck, WrongQuote
from entrepot.adapters.files.csv.stages import DelimiterReplacer, LineBlanker
from entrepot.kernel.errors import DataError

_CHUNK = 1 << 20


class CheckedBytes(io.RawIOBase):
    """A file's text as UTF-8 bytes that end with a line end; lines to skip and comments are made empty, so that line numbers hold.

    A delimiter of several bytes is replaced by `UNIT_SEPARATOR`.

    Raises on read: DataError for broken compression, bytes that are not of the encoding, a NUL, a quote in a wrong place.
    """

    def __init__(self, path: Path, place: str, options: CsvOptions, delimiter: str | None) -> None:
        """`delimiter` None: it is not known yet, and quotes are not checked."""
        super().__init__()
        self._path = path
        self._place = place
        self._options = options
        self._encoding = find_encoding(path, options.encoding, place)
        self._source = open_unpacked(path, place)
        self._source.read(self._encoding.mark_bytes)
        self._decoder = codecs.getincrementaldecoder(self._encoding.name)()
        self._offset = self._encoding.mark_bytes
        self._quotes = _quote_check(options, delimiter)
        self._blanker = LineBlanker(options) if options.skip_lines or options.comment else None
        self._replacer = (
            DelimiterReplacer(place, options.delimiter) if options.delimiter and options.replaces_delimiter else None
        )
        self._ready = b""
        self._ended = False
        self._last = b"\n"

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes: never more than `size`, fewer only at the end."""
        while not self._ended and (size < 0 or len(self._ready) < size):
            self._ready += self._next_chunk()
        size = len(self._ready) if size < 0 else size
        taken, self._ready = self._ready[:size], self._ready[size:]
        return taken

    def readinto(self, buffer: bytearray, /) -> int:  # type: ignore[override]
        """As `read`, for io's own wrappers."""
        taken = self.read(len(buffer))
        buffer[: len(taken)] = taken
        return len(taken)

    def close(self) -> None:
        """Close the file below."""
        self._source.close()
        super().close()

    def _next_chunk(self) -> bytes:
        raw = self._source.read(_CHUNK)
        self._ended = not raw
        chunk = self._to_utf8(raw)
        if self._blanker is not None:
            chunk = self._blanker.blank(chunk, last=self._ended)
        if self._replacer is not None:
            chunk = self._replacer.replace(chunk, last=self._ended)
        if self._ended and (chunk[-1:] or self._last) not in (b"\n", b"\r"):
            chunk += b"\n"
        self._last = chunk[-1:] or self._last
        if self._quotes is not None:
            self._check_quotes(self._quotes, chunk)
        return chunk

    def _check_quotes(self, quotes: QuoteCheck, chunk: bytes) -> None:
        try:
            quotes.check(chunk, last=self._ended)
        except WrongQuote as error:
            line = _line_of(self._path, self._place, self._options, error.offset)
            raise DataError(f"{self._place} line {line}: {error.words}.", hint=error.hint) from None

    def _to_utf8(self, raw: bytes) -> bytes:
        pending = len(self._decoder.getstate()[0])
        try:
            text = self._decoder.decode(raw, not raw)
        except UnicodeDecodeError as error:
            raise self._undecodable(self._offset - pending + error.start) from error
        chunk = raw if self._encoding.name == "utf-8" else text.encode()
        if b"\0" in chunk:
            raise self._with_nul(self._offset + raw.find(b"\0") if chunk is raw else None)
        self._offset += len(raw)
        return chunk

    def _with_nul(self, offset: int | None) -> DataError:
        where = ""
        if offset is not None:
            where = f" at byte {offset} (line {line_at(self._path, self._place, self._encoding, offset)})"
        return DataError(
            f"{self._place} holds a NUL character{where}; text does not.",
            hint="If it is UTF-16 without a byte-order mark, say csv.encoding: utf-16-le (or -be). Else the file is damaged: have it sent again.",
        )

    def _undecodable(self, offset: int) -> DataError:
        said = (
            "as the option csv.encoding says"
            if self._encoding.is_stated
            else "which is assumed when nothing else is said"
        )
        if self._encoding.mark_bytes:
            said = "as its byte-order mark says"
        line = line_at(self._path, self._place, self._encoding, offset)
        return DataError(
            f"{self._place} is not {self._encoding.name}, {said}: byte {offset} (line {line}) cannot be read.",
            hint="State the file's encoding with the option csv.encoding, often cp1252 or latin-1.",
        )


def _quote_check(options: CsvOptions, delimiter: str | None) -> QuoteCheck | None:
    if not delimiter or not options.quote_sign:
        return None
    return QuoteCheck(UNIT_SEPARATOR if options.replaces_delimiter else delimiter, options.quote_sign, options.escape)


def _line_of(path: Path, place: str, options: CsvOptions, offset: int) -> int:
    """The line of a place in the bytes that are given out, found by a second reading."""
    line, before = 1, b""
    with CheckedBytes(path, place, options, None) as source:
        while offset > 0 and (chunk := source.read(min(offset, _CHUNK))):
            offset -= len(chunk)
            line += chunk.count(b"\n") + chunk.count(b"\r") - chunk.count(b"\r\n")
            line -= before == b"\r" and chunk.startswith(b"\n")
            before = chunk[-1:]
    return line


def open_text(path: Path, place: str, options: CsvOptions, delimiter: str | None) -> IO[str]:
    """The same as text, for Python's own csv reader."""
    source = cast(io.RawIOBase, CheckedBytes(path, place, options, delimiter))
    return io.TextIOWrapper(io.BufferedReader(source, _CHUNK), encoding="utf-8", newline="")
