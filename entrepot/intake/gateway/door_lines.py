"""Cutting a batch into its records while it comes: NDJSON by lines, a JSON array by its elements, each record's bytes as received.

In: pieces of bytes. Out: slices of records; None stands for a record that is too long, of which nothing is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

SLICE_RECORDS = 1_000
SLICE_BYTES = 1_000_000

Slice = list[bytes | None]

_DEEP = re.compile(rb'(?:[^"\[\]{}]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+', re.DOTALL)
_TOP = re.compile(rb'(?:[^"\[\]{},]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+', re.DOTALL)
_IN_STRING = re.compile(rb'["\\]')
_OPEN, _CLOSE, _QUOTE, _COMMA, _END, _ESCAPE = (
    frozenset(b"[{"),
    frozenset(b"]}"),
    ord('"'),
    ord(","),
    ord("]"),
    ord("\\"),
)


class Splitter(Protocol):
    """One batch."""

    def feed(self, piece: bytes) -> Iterator[Slice]:
        """Slices that are whole."""
        ...

    def end(self) -> tuple[Slice, str | None]:
        """The last slice, and what is wrong with the batch as a whole, if anything is."""
        ...


class _Gathered:
    """Records of the slice that is being filled."""

    def __init__(self) -> None:
        self._records: Slice = []
        self._bytes = 0

    def add(self, record: bytes | None) -> Slice | None:
        """Add one; give the slice when it is full."""
        self._records.append(record)
        self._bytes += 0 if record is None else len(record)
        if len(self._records) < SLICE_RECORDS and self._bytes < SLICE_BYTES:
            return None
        return self.take()

    def take(self) -> Slice:
        """What there is."""
        records, self._records, self._bytes = self._records, [], 0
        return records


class Lines:
    """Newline-delimited records; blank lines are none."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._gathered = _Gathered()
        self._parts: list[bytes] = []
        self._size = 0
        self._is_too_long = False

    def feed(self, piece: bytes) -> Iterator[Slice]:
        """Slices that are whole."""
        last = piece.rfind(b"\n")
        if last >= 0:
            self._keep(piece[:last] if last else b"")
            yield from self._cut()
            piece = piece[last + 1 :]
        self._keep(piece)

    def end(self) -> tuple[Slice, str | None]:
        """The last slice."""
        last: Slice = [record for found in self._cut() for record in found]
        return last + self._gathered.take(), None

    def _keep(self, part: bytes) -> None:
        self._parts.append(part)
        self._size += len(part)
        if self._size > self._most and b"\n" not in part:
            self._is_too_long = True
            self._parts = []

    def _cut(self) -> Iterator[Slice]:
        lines = b"".join(self._parts).split(b"\n")
        if self._is_too_long:
            lines = lines[1:]
            yield from self._give(None)
        self._parts, self._size, self._is_too_long = [], 0, False
        for line in lines:
            record = line.strip()
            if record:
                yield from self._give(record if len(record) <= self._most else None)

    def _give(self, record: bytes | None) -> Iterator[Slice]:
        found = self._gathered.add(record)
        if found is not None:
            yield found


class Elements:
    """The elements of a JSON array. Only brackets, strings and commas are looked at: what an element is, is judged later."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._gathered = _Gathered()
        self._buffer = bytearray()
        self._at = 0
        self._depth = -1
        self._in_string = False
        self._is_too_long = False
        self._has_elements = False
        self._is_closed = False

    def feed(self, piece: bytes) -> Iterator[Slice]:
        """Slices that are whole."""
        self._buffer += piece
        while self._step():
            end = self._buffer[self._at]
            yield from self._give(is_last=end == _END)
            del self._buffer[: self._at + 1]
            self._at = 0
            self._is_closed = end == _END
            if self._is_closed:
                return
        if self._depth >= 0 and self._at > self._most:
            self._is_too_long = True
            del self._buffer[: self._at]
            self._at = 0

    def end(self) -> tuple[Slice, str | None]:
        """The last slice, and whether the array is closed."""
        if not self._is_closed:
            return (
                self._gathered.take(),
                "the array is not closed: the batch ends in the middle of a record, or behind a comma.",
            )
        if self._buffer.strip():
            return self._gathered.take(), "something follows behind the array's end."
        return self._gathered.take(), None

    def _step(self) -> bool:
        """Go on to the comma or bracket that ends an element; False: more must come first."""
        if self._is_closed:
            return False
        if self._depth < 0 and not self._open():
            return False
        while self._at < len(self._buffer):
            if self._in_string:
                if not self._leave_string():
                    return False
                continue
            match = (_DEEP if self._depth else _TOP).match(self._buffer, self._at)
            assert match is not None
            self._at = match.end()
            if self._at == len(self._buffer):
                return False
            if self._take(self._buffer[self._at]):
                return True
            self._at += 1
        return False

    def _open(self) -> bool:
        start = self._buffer.find(b"[")
        if start < 0:
            return False
        del self._buffer[: start + 1]
        self._depth = 0
        return True

    def _take(self, byte: int) -> bool:
        """Take a byte that means something; True when it ends an element."""
        if byte == _QUOTE:
            # A whole string would have been passed over: this one goes on in the next piece.
            self._in_string = True
        elif byte in _OPEN:
            self._depth += 1
        elif byte in _CLOSE and self._depth:
            self._depth -= 1
        elif byte in (_END, _COMMA):
            return not self._depth
        return False

    def _leave_string(self) -> bool:
        found = _IN_STRING.search(self._buffer, self._at)
        if found is None:
            self._at = len(self._buffer)
            return False
        at = found.start()
        if self._buffer[at] == _ESCAPE:
            if at + 1 == len(self._buffer):
                self._at = at
                return False
            self._at = at + 2
            return True
        self._at = at + 1
        self._in_string = False
        return True

    def _give(self, *, is_last: bool) -> Iterator[Slice]:
        record: bytes | None = bytes(self._buffer[: self._at]).strip()
        if self._is_too_long or len(record or b"") > self._most:
            record = None
        elif not record and is_last and not self._has_elements:
            return
        self._is_too_long = False
        self._has_elements = True
        found = self._gathered.add(record)
        if found is not None:
            yield found


def choose_splitter(content_type: str, first: bytes, most: int) -> Splitter | None:
    """By the content type, else by the first byte; None while nothing but blanks has come."""
    start = first.lstrip(b" \t\r\n\xef\xbb\xbf")
    if not start:
        return None
    kind = content_type.partition(";")[0].strip().lower()
    if kind in (
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/x-jsonlines",
        "application/json-lines",
    ):
        return Lines(most)
    return Elements(most) if start.startswith(b"[") else Lines(most)
