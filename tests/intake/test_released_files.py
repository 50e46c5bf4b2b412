"""A file that was moved to its last place is found there again without being read; one that was touched since is read and compared."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from entrepot.intake.landing.area import StorageArea
from entrepot.kernel.errors import DataError
from entrepot.kernel.positions import FileItem


def release(root: Path, content: bytes = b"id\n1\n") -> tuple[StorageArea, FileItem, Path]:
    area = StorageArea(root, "sales")
    area.ensure()
    (area.incoming / "a.csv").write_bytes(content)
    (item,) = area.claim((FileItem("a.csv", "", "", len(content)),))
    target = area.release(item, area.processed)
    assert target is not None
    return area, item, target


def test_found_without_reading(tmp_path: Path) -> None:
    """The file's bytes are not opened: their content may even be out of reach."""
    area, item, target = release(tmp_path)
    times = target.stat()
    target.write_bytes(b"id\n2\n")  # as long, and the clock is put back: only reading would tell
    os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert area.find_content(item) == target
    with pytest.raises(DataError, match="no longer in"):
        area.open_content(item)


def test_touched_files_are_compared(tmp_path: Path) -> None:
    """Other bytes in its place are not taken for it."""
    area, item, target = release(tmp_path)
    target.write_bytes(b"id\n20\n")
    with pytest.raises(DataError, match="no longer in"):
        area.find_content(item)


def test_another_process_compares(tmp_path: Path) -> None:
    """What another process moved is found by its content."""
    _, item, target = release(tmp_path)
    assert StorageArea(tmp_path, "sales").find_content(item) == target
