"""The checksums of a Parquet file's pages: engines don't look at them, and would hand on what a disk or a network has changed.

Source: https://github.com/apache/parquet-format: a page header is a Thrift struct in the compact protocol; its field 4 is the CRC-32 of the bytes that
follow it. Writers may leave it out.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow.parquet as pq

_HEADER_BYTES = (1 << 10, 1 << 16, 1 << 24)
"""How much is read to find a header's end: mostly a little, statistics of long texts may make it long."""
_PIECE = 1 << 20
_BINARY, _LIST, _SET, _MAP, _STRUCT = 8, 9, 10, 11, 12
_SIZES = {1: 0, 2: 0, 3: 1, 7: 8}
"""Bytes of Thrift types of fixed size: true, false, byte, double."""


def find_damaged_page(path: Path, metadata: pq.FileMetaData) -> str | None:
    """The first page whose checksum does not hold, in words; None: all hold, or there are none."""
    with path.open("rb") as file:
        for group in range(metadata.num_row_groups):
            for column in range(metadata.num_columns):
                chunk = metadata.row_group(group).column(column)
                starts = [offset for offset in (chunk.dictionary_page_offset, chunk.data_page_offset) if offset]
                for number, is_whole in enumerate(
                    _check_pages(file, min(starts, default=0), chunk.total_compressed_size), 1
                ):
                    if not is_whole:
                        return f"page {number} of column {chunk.path_in_schema} in row group {group + 1}"
    return None


def _check_pages(file: IO[bytes], start: int, size: int) -> Iterator[bool]:
    """For each page whether its checksum holds. Ends at the first page without one, and where there is no page: the engine will say what is wrong."""
    end = start + size
    while start < end:
        header = _read_header(file, start)
        if header is None or header.crc is None or header.page_bytes < 0:
            return
        start += header.size
        file.seek(start)
        yield _crc(file, header.page_bytes) == header.crc & 0xFFFFFFFF
        start += header.page_bytes


def _crc(file: IO[bytes], left: int) -> int:
    crc = 0
    while left > 0 and (piece := file.read(min(left, _PIECE))):
        crc = zlib.crc32(piece, crc)
        left -= len(piece)
    return crc


@dataclass(frozen=True, slots=True)
class _Header:
    size: int
    page_bytes: int
    crc: int | None


def _read_header(file: IO[bytes], start: int) -> _Header | None:
    for size in _HEADER_BYTES:
        file.seek(start)
        thrift = _Thrift(file.read(size))
        try:
            fields = thrift.struct()
        except IndexError:
            continue  # perhaps it goes on
        except (ValueError, RecursionError):
            return None
        return _Header(thrift.position, fields.get(3, -1), fields.get(4))
    return None


class _Thrift:
    """Steps over values of the compact protocol; integers of the outermost struct are kept."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0

    def struct(self) -> dict[int, int]:
        """The integer fields. Raises: IndexError at the end of the data, ValueError for what is no struct."""
        found: dict[int, int] = {}
        number = 0
        while head := self._byte():
            kind = head & 0x0F
            number = number + (head >> 4) if head >> 4 else self._integer()
            value = self._value(kind)
            if value is not None:
                found[number] = value
        return found

    def _value(self, kind: int) -> int | None:
        if kind in _SIZES:
            self._skip(_SIZES[kind])
        elif kind in (4, 5, 6):
            return self._integer()
        elif kind == _BINARY:
            self._skip(self._varint())
        elif kind in (_LIST, _SET):
            head = self._byte()
            count = head >> 4 if head >> 4 != 15 else self._varint()
            self._repeat([head & 0x0F], count)
        elif kind == _MAP:
            count = self._varint()
            head = self._byte() if count else 0
            self._repeat([head >> 4, head & 0x0F], count)
        elif kind == _STRUCT:
            self.struct()
        else:
            raise ValueError(f"no Thrift type {kind}")
        return None

    def _repeat(self, kinds: list[int], count: int) -> None:
        for _ in range(count):
            for kind in kinds:
                self._value(3 if kind in (1, 2) else kind)  # within lists a truth value takes a byte
                if self.position > len(self._data):
                    raise IndexError

    def _skip(self, size: int) -> None:
        self.position += size
        if self.position > len(self._data):
            raise IndexError

    def _byte(self) -> int:
        byte = self._data[self.position]
        self.position += 1
        return byte

    def _varint(self) -> int:
        result = shift = 0
        while True:
            byte = self._byte()
            result |= (byte & 0x7F) << shift
            if byte < 0x80:
                return result
            shift += 7
            if shift > 63:
                raise ValueError("an integer that does not end")

    def _integer(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
