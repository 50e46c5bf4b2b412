"""The bytes of a text file, decompressed, in UTF-8, and checked on their way: what is damaged is an error, never fewer rows."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zlib
from pathlib import Path
from typing import IO, Protocol, cast

import pyarrow as pa

from entrepot.adapters.files.csv.options import CsvOptions
from entrepot.adapters.files.csv.quotes import QuoteCheck
from entrepot.kernel.errors import DataError

_CHUNK = 1 << 20
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),  # before UTF-16: it begins with the same bytes
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip


class _Bytes(Protocol):
    def read(self, size: int, /) -> bytes: ...

    def close(self) -> None: ...


def open_decompressed(path: Path) -> _Bytes:
    """The file's bytes; gzip and zstd are known by their first bytes, whatever the name says."""
    with path.open("rb") as file:
        magic = file.read(4)
    if magic[:2] == b"\x1f\x8b":
        return gzip.open(path, "rb")
    if magic == b"\x28\xb5\x2f\xfd":
        return cast(_Bytes, pa.input_stream(str(path), compression="zstd"))
    return path.open("rb")


def find_encoding(path: Path, stated: str | None, place: str) -> tuple[str, int]:
    """The encoding and the length of the byte-order mark; a mark is believed before the option."""
    start = _read_start(path, place)
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return encoding, len(mark)
    return codecs.lookup(stated or "utf-8").name, 0


def _read_start(path: Path, place: str) -> bytes:
    source = open_decompressed(path)
    try:
        return source.read(4)
    except (OSError, EOFError, zlib.error) as error:
        raise _broken_compression(place, error) from error
    finally:
        source.close()


class CheckedBytes(io.RawIOBase):
    """A file's text as UTF-8 bytes that end with a line end; lines to skip and comments are made empty, so that line numbers hold.

    Raises on read: DataError for broken compression, bytes that are not of the encoding, a NUL, a quote in a wrong place.
    """

    def __init__(self, path: Path, place: str, options: CsvOptions, delimiter: str | None) -> None:
        """`delimiter` None: it is not known yet, and quotes are not checked."""
        super().__init__()
        self._place = place
        self._encoding, mark = find_encoding(path, options.encoding, place)
        self._stated = options.encoding is not None
        self._source = open_decompressed(path)
        self._take(mark)
        self._decoder = codecs.getincrementaldecoder(self._encoding)()
        self._offset = mark
        self._quotes = (
            QuoteCheck(place, delimiter, options.quote, options.escape) if delimiter and options.quote else None
        )
        self._blanker = _LineBlanker(options) if options.skip_lines or options.comment else None
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
        raw = self._take(_CHUNK)
        self._ended = not raw
        chunk = self._to_utf8(raw)
        if self._blanker is not None:
            chunk = self._blanker.blank(chunk, last=self._ended)
        if self._ended and (chunk[-1:] or self._last) not in (b"\n", b"\r"):
            chunk += b"\n"
        self._last = chunk[-1:] or self._last
        if self._quotes is not None:
            self._quotes.check(chunk, last=self._ended)
        return chunk

    def _take(self, size: int) -> bytes:
        try:
            return self._source.read(size)
        except (OSError, EOFError, zlib.error) as error:
            raise _broken_compression(self._place, error) from error

    def _to_utf8(self, raw: bytes) -> bytes:
        pending = len(self._decoder.getstate()[0])
        try:
            text = self._decoder.decode(raw, not raw)
        except UnicodeDecodeError as error:
            raise self._undecodable(self._offset - pending + error.start) from error
        if self._encoding == "utf-8":
            where = raw.find(b"\0")
            chunk = raw
        else:
            where = text.find("\0")
            chunk = text.encode()
        if where >= 0:
            raise DataError(
                f"{self._place} holds a NUL character{f' at byte {self._offset + where}' if chunk is raw else ''}; text does not.",
                hint="If it is UTF-16 without a byte-order mark, say csv.encoding: utf-16-le (or -be). Else the file is damaged: have it sent again.",
            )
        self._offset += len(raw)
        return chunk

    def _undecodable(self, offset: int) -> DataError:
        said = "as the option csv.encoding says" if self._stated else "which is assumed when nothing else is said"
        return DataError(
            f"{self._place} is not {self._encoding}, {said}: byte {offset} cannot be read.",
            hint="State the file's encoding with the option csv.encoding, often cp1252 or latin-1.",
        )


def _broken_compression(place: str, error: Exception) -> DataError:
    return DataError(
        f"{place} is compressed, and the compression is broken: {error}.", hint="Have the file sent again."
    )


class _LineBlanker:
    """Empties the first lines and comment lines outside quotes; keeps their line ends."""

    def __init__(self, options: CsvOptions) -> None:
        self._skip = options.skip_lines
        self._comment = options.comment.encode() if options.comment else None
        self._quote = options.quote.encode()
        self._quoted = False
        self._rest = b""

    def blank(self, chunk: bytes, *, last: bool) -> bytes:
        """The chunk's whole lines, emptied where they mean nothing; the rest is kept for the next call."""
        if self._skip == 0 and self._comment is None:
            rest, self._rest = self._rest, b""
            return rest + chunk
        lines = _LINES.findall(self._rest + chunk)
        self._rest = b""
        if lines and not last:
            self._rest = lines.pop()  # may go on in the next chunk, even when it ends with \r
        return b"".join(map(self._keep, lines))

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


_LINES = re.compile(rb"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")


def open_text(path: Path, place: str, options: CsvOptions, delimiter: str | None) -> IO[str]:
    """The same as text, for Python's own csv reader."""
    source = cast(io.RawIOBase, CheckedBytes(path, place, options, delimiter))
    return io.TextIOWrapper(io.BufferedReader(source, _CHUNK), encoding="utf-8", newline="")
