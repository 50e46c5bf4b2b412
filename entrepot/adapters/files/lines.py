"""The lines of a text file in UTF-8, some thousand at a time, each with its number; a line that cannot be decoded damages only itself."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from entrepot.adapters.files.compressed import PlainBytes
from entrepot.adapters.files.encodings import MARK_BYTES, Encoding, find_encoding
from entrepot.kernel.errors import DataError

LONGEST_LINE = 64 << 20
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file of text. `encoding` None: UTF-8, or what a byte-order mark says; a mark is believed before the option."""

    path: Path
    place: str
    encoding: str | None = None
    option: str = "encoding"
    """What the option of the encoding is called, for hints."""

    def find_encoding(self) -> Encoding:
        """The file's encoding. Raises: DataError for broken compression, or when it cannot be told."""
        with PlainBytes(self.path, self.place) as source:
            start = source.read(MARK_BYTES)
        return find_encoding(start, self.encoding, self.place, self.option)

    def chunks(self) -> Iterator[str]:
        """The text in pieces of about a megabyte. Raises: DataError at bytes that are not of the encoding."""
        found = self.find_encoding()
        encoding, mark = found.name, found.mark_bytes
        decoder = codecs.getincrementaldecoder(encoding)()
        offset = mark
        with PlainBytes(self.path, self.place) as source:
            source.read(mark)
            while True:
                raw = source.read(_CHUNK)
                pending = len(decoder.getstate()[0])
                try:
                    text = decoder.decode(raw, not raw)
                except UnicodeDecodeError as error:
                    raise self._undecodable(encoding, offset - pending + error.start) from error
                offset += len(raw)
                if text:
                    yield text
                if not raw:
                    return

    def blocks(self) -> Iterator[Block]:
        """The lines, as many as a megabyte holds at a time. Raises: DataError for a line longer than `LONGEST_LINE`."""
        found = self.find_encoding()
        encoding, mark = found.name, found.mark_bytes
        if encoding.startswith(("utf-16", "utf-32")):
            pieces: Iterator[bytes] = (text.encode() for text in self.chunks())
            encoding = "utf-8"
        else:
            pieces = self._bytes(mark)
        number = 1
        for whole in self._whole_lines(pieces, number):
            block = _cut(whole, number, encoding)
            number += len(block.lines)
            yield block

    def _bytes(self, mark: int) -> Iterator[bytes]:
        with PlainBytes(self.path, self.place) as source:
            source.read(mark)
            while piece := source.read(_CHUNK):
                yield piece

    def _whole_lines(self, pieces: Iterator[bytes], number: int) -> Iterator[bytes]:
        """Bytes that end with a line, without its last line end."""
        held: list[bytes] = []
        size = 0
        for piece in pieces:
            cut = piece.rfind(b"\n")
            if cut >= 0:
                whole = b"".join([*held, piece[:cut]])
                number += whole.count(b"\n") + 1
                yield whole
                held, size = [], 0
            held.append(piece[cut + 1 :])
            size += len(held[-1])
            if size > LONGEST_LINE:
                raise DataError(
                    f"{self.place}: line {number} is longer than {LONGEST_LINE:,} bytes.", hint="Is it a file of lines?"
                )
        if size:
            yield b"".join(held)

    def _undecodable(self, encoding: str, offset: int) -> DataError:
        said = f"as the option {self.option} says" if self.encoding else "which is assumed when nothing else is said"
        return DataError(
            f"{self.place} is not {encoding}, {said}: byte {offset} cannot be read.",
            hint=f"State the file's encoding with the option {self.option}, often cp1252 or latin-1.",
        )


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive lines without their line ends. A line that cannot be decoded is null and stands in `damaged`."""

    first: int
    lines: pa.StringArray
    damaged: Mapping[int, str] = field(default_factory=dict)
    """Place in `lines` → the line with its odd bytes written out (`\\xff`)."""


def _cut(whole: bytes, first: int, encoding: str) -> Block:
    try:
        return Block(
            first, _split(whole if encoding == "utf-8" and whole.decode() is not None else whole.decode(encoding))
        )
    except UnicodeDecodeError:
        texts = [_decode(line.removesuffix(b"\r"), encoding) for line in whole.split(b"\n")]
    damaged = {
        place: line.removesuffix(b"\r").decode("ascii", "backslashreplace")
        for place, line in enumerate(whole.split(b"\n"))
        if texts[place] is None
    }
    return Block(first, pa.array(texts, pa.string()), damaged)


def _split(text: str | bytes) -> pa.StringArray:
    lines = pc.split_pattern(pa.array([text], pa.string()), "\n").flatten()
    if (b"\r" if isinstance(text, bytes) else "\r") in text:  # type: ignore[operator]
        lines = pc.if_else(pc.ends_with(lines, "\r"), pc.utf8_slice_codeunits(lines, 0, -1), lines)
    return lines


def _decode(line: bytes, encoding: str) -> str | None:
    try:
        return line.decode(encoding)
    except UnicodeDecodeError:
        return None
