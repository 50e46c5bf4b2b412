"""Packed files are read by their first bytes, whatever they are called; broken ones and bombs end in an error that says so."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from entrepot.adapters.files import compressed
from entrepot.adapters.files.compressed import PlainBytes
from entrepot.kernel.errors import DataError
from tests.adapters.files.opened import read_values, refusal

CONTENT = b"".join(b'{"id":%d}\n' % number for number in range(20_000))


def pack(path: Path, content: bytes, packing: str) -> Path:
    """Write the content packed."""
    match packing:
        case "gzip":
            path.write_bytes(gzip.compress(content))
        case "zstd":
            with pa.output_stream(str(path), compression="zstd") as file:
                file.write(content)
        case "zip":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("inner.ndjson", content)
        case _:
            path.write_bytes(content)
    return path


PACKINGS = ["", "gzip", "zstd", "zip"]


@pytest.mark.parametrize("packing", PACKINGS)
def test_content_is_the_same(tmp_path: Path, packing: str) -> None:
    """Every packing gives the bytes that went in, in small reads, and the records."""
    path = pack(tmp_path / "x.ndjson", CONTENT, packing)
    with PlainBytes(path, "x") as source:
        assert source.packing == packing
        assert b"".join(iter(lambda: source.read(10_000), b"")) == CONTENT
    assert [row["id"] for row in read_values(path)] == [str(number) for number in range(20_000)]


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_members_one_after_the_other(tmp_path: Path, packing: str) -> None:
    """Packed files that were put together are one content."""
    path = pack(tmp_path / "x.ndjson", CONTENT[:9], packing)
    path.write_bytes(path.read_bytes() + pack(tmp_path / "y", CONTENT[9:18], packing).read_bytes())
    assert [row["id"] for row in read_values(path)] == ["0", "1"]


@pytest.mark.parametrize("module", [bz2, lzma])
def test_packings_without_a_checked_end_are_refused(tmp_path: Path, module: Any) -> None:
    """Python's bzip2 and xz readers pass over what stands behind a finished stream: better no file than fewer records."""
    path = tmp_path / "x.ndjson"
    path.write_bytes(module.compress(CONTENT))
    assert "which is not read" in refusal(path)


@pytest.mark.parametrize("packing", PACKINGS[1:])
@pytest.mark.parametrize("cut", [0.5, 0.99])
def test_cut_files_are_refused(tmp_path: Path, packing: str, cut: float) -> None:
    """A file that lost its end is never fewer records."""
    path = pack(tmp_path / "x.ndjson", CONTENT, packing)
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * cut)])
    assert "the compression is broken" in refusal(path)


@pytest.mark.parametrize("packing", ["gzip", "zip"])  # zstd mostly has no checksum
def test_changed_bytes_are_refused(tmp_path: Path, packing: str) -> None:
    """A checksum that does not hold is an error, where the packing has one."""
    path = pack(tmp_path / "x.ndjson", CONTENT, packing)
    raw = bytearray(path.read_bytes())
    middle = len(raw) // 2
    raw[middle : middle + 8] = bytes(byte ^ 0x55 for byte in raw[middle : middle + 8])
    path.write_bytes(raw)
    assert "x.ndjson" in refusal(path)


@pytest.mark.parametrize("packing", PACKINGS[1:])
def test_bombs_are_refused(tmp_path: Path, packing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A content out of all proportion ends in an error that states the ratio, before it is read to its end."""
    monkeypatch.setattr(compressed, "FREE_BYTES", 1 << 20)
    monkeypatch.setattr(compressed, "MOST_RATIO", 100)
    path = pack(tmp_path / "x.ndjson", b'{"id":1}\n' * 500_000, packing)
    assert "unpacks to more than 100 times its" in refusal(path)
    with PlainBytes(path, "x") as source:
        with pytest.raises(DataError):
            read_out(source)
        assert source._given < (2 << 20) + 101 * path.stat().st_size


def read_out(source: PlainBytes) -> None:
    """Read all there is."""
    while source.read(1 << 16):
        pass


def test_archives_hold_one_file(tmp_path: Path) -> None:
    """Of several files nobody can say which is meant."""
    path = tmp_path / "x.ndjson"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", "1")
        archive.writestr("b", "2")
    assert "an archive of 2 files" in refusal(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.mkdir("folder")
        archive.writestr("folder/a", '{"a":1}')
    assert read_values(path) == [{"a": "1"}]


def test_text_that_begins_like_a_packing(tmp_path: Path) -> None:
    """BZh is also the beginning of a text."""
    path = tmp_path / "x.fwf"
    path.write_text("BZh9 is text\n")
    options = {"columns": [{"name": "v", "start": 1, "width": 12}]}
    assert read_values(path, fixed_width=options) == [{"v": "BZh9 is text"}]
