"""A file's bytes, unpacked: what is packed is known by its first bytes, and a bomb ends in an error, not in a full disk or memory."""

from __future__ import annotations

import gzip
import re
import zipfile
import zlib
from pathlib import Path
from typing import Protocol, cast

import pyarrow as pa

from entrepot.kernel.errors import DataError

MOST_RATIO = 1_000
"""How many times larger than the file its content may be."""
FREE_BYTES = 256 << 20
"""Unpacked bytes below which the ratio means nothing."""

_NOT_READ = {rb"BZh.1AY&SY": "compressed with bzip2", rb"\xfd7zXZ\x00": "compressed with xz"}
"""Python's readers pass over what stands behind a finished stream: rows would be lost in silence."""
_BROKEN = (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError)


class _Bytes(Protocol):
    def read(self, size: int, /) -> bytes: ...

    def close(self) -> None: ...


class PlainBytes:
    """The content of a file, packed or not. Close it, or use it as a context manager."""

    def __init__(self, path: Path, place: str) -> None:
        """Raises: DataError for an archive that does not hold exactly one file, or that needs a password."""
        self._place = place
        self._packed_bytes = path.stat().st_size
        self._archive: zipfile.ZipFile | None = None
        self._given = 0
        try:
            self._source, self.packing = self._open(path)
        except _BROKEN as error:
            raise self._broken(error) from error

    def __enter__(self) -> PlainBytes:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, size: int) -> bytes:
        """The next bytes, b"" at the end. Raises: DataError where the packing is broken or holds too much."""
        try:
            taken = self._source.read(size)
        except _BROKEN as error:
            raise self._broken(error) from error
        self._given += len(taken)
        if self.packing and self._given > max(FREE_BYTES, MOST_RATIO * self._packed_bytes):
            raise DataError(
                f"{self._place} unpacks to more than {MOST_RATIO:,} times its {self._packed_bytes:,} bytes; allowed is that ratio, or {FREE_BYTES:,} bytes.",
                hint="If the content is meant, unpack the file and bring it as it is.",
            )
        return taken

    def close(self) -> None:
        """Close the file below."""
        self._source.close()
        if self._archive is not None:
            self._archive.close()

    def _open(self, path: Path) -> tuple[_Bytes, str]:
        with path.open("rb") as file:
            start = file.read(10)
        if start.startswith(b"\x1f\x8b"):
            return gzip.open(path, "rb"), "gzip"
        if start.startswith(b"\x28\xb5\x2f\xfd"):
            return cast(_Bytes, pa.input_stream(str(path), compression="zstd")), "zstd"
        for sign, words in _NOT_READ.items():
            if re.match(sign, start, re.DOTALL):
                raise DataError(
                    f"{self._place} is {words}, which is not read.",
                    hint="Send it plain, or compressed with gzip or zstd.",
                )
        if start.startswith(b"PK\x03\x04"):
            return self._open_member(path), "zip"
        return path.open("rb"), ""

    def _open_member(self, path: Path) -> _Bytes:
        self._archive = zipfile.ZipFile(path)
        members = [member for member in self._archive.infolist() if not member.is_dir()]
        if len(members) != 1:
            self._archive.close()
            raise DataError(
                f"{self._place} is an archive of {len(members)} files; allowed is one.",
                hint="Unpack it and bring its files one by one.",
            )
        if members[0].flag_bits & 1:
            self._archive.close()
            raise DataError(f"{self._place} is protected by a password.", hint="Bring it without one.")
        return cast(_Bytes, self._archive.open(members[0]))

    def _broken(self, error: Exception) -> DataError:
        return DataError(
            f"{self._place} is compressed, and the compression is broken: {error}.", hint="Have the file sent again."
        )
