"""Files of a read-only place are taken where they stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from entrepot.connectors import build_reader
from entrepot.intake.sources.formats import Sniffed
from entrepot.intake.sources.kept import KeptFilesReader
from entrepot.kernel.errors import DataError, SystemError_
from entrepot.kernel.positions import FileSet, Position
from entrepot.ports.reader import Reader
from entrepot.testing.sources import claim_next, rows_of


def claim_files(reader: Reader, previous: Position | None) -> FileSet:
    """The next files, claimed."""
    claimed = claim_next(reader, previous)
    assert isinstance(claimed, FileSet)
    return claimed


def build(area: Any, **changes: Any) -> Reader:
    """A reader that keeps files."""
    return build_reader("files", {"path": "share", "after": "keep"}, area.context(**changes))


@pytest.fixture
def share(area: Any) -> Path:
    """A folder that is only read."""
    folder: Path = area.root / "share"
    folder.mkdir()
    return folder


def test_nothing_is_moved(area: Any, share: Path) -> None:
    """Claim and acknowledge leave the folder as it is."""
    (share / "a.csv").write_text("id,text\n1,a\n")
    reader = build(area)
    position = claim_files(reader, None)
    assert [row.id for row in rows_of(reader.read(position))] == [1]
    reader.acknowledge(position)
    assert [path.name for path in share.iterdir()] == ["a.csv"]


def test_taken_content_is_skipped_and_new_content_is_not(area: Any, share: Path) -> None:
    """A file is its content: the same name with other bytes is new."""
    path = share / "a.csv"
    path.write_text("id,text\n1,a\n")
    position = claim_files(build(area), None)
    area.taken[position.files[0].sha256] = "batch 1"
    (share / "copy.csv").write_text("id,text\n1,a\n")
    assert build(area).find_next(position) is None
    path.write_text("id,text\n2,b\n")
    assert [row.id for row in rows_of(build(area).read(claim_files(build(area), position)))] == [2]


def test_changed_file_is_not_read(area: Any, share: Path) -> None:
    """A file that was overwritten after planning is an error, never other rows."""
    (share / "a.csv").write_text("id,text\n1,a\n")
    position = claim_files(build(area), None)
    (share / "a.csv").write_text("id,text\n2,b\n")
    with pytest.raises(DataError, match="changed"):
        build(area).read(position)


def test_refused_content_is_remembered(area: Any, share: Path) -> None:
    """Refused content is not brought again; its receipt stands in the project, not in the share."""
    (share / "a.csv").write_text("id,text\n1,a\n")
    position = claim_files(build(area), None)
    build(area).refuse(position, "a test")
    assert build(area).find_next(None) is None
    assert [path.name for path in share.iterdir()] == ["a.csv"]
    assert len(list((area.root / ".entrepot/landing/sales/refused").glob("*.receipt.json"))) == 1


def test_missing_folder_is_an_error(area: Any) -> None:
    """A share that is not mounted is no empty folder."""
    with pytest.raises(SystemError_, match="cannot be read"):
        build(area).find_next(None)


def test_waiting_files_are_looked_at(area: Any, share: Path) -> None:
    """`check` sees files that stay where they are, too: what they look like, or why they would be refused."""
    (share / "a.csv").write_text("id;text\n1;a\n")
    (share / "b.csv").write_text("id,id\n1,2\n")
    (_, good), (_, bad) = KeptFilesReader.sniff_waiting(cast("KeptFilesReader", build(area)), 3)
    assert isinstance(good, Sniffed)
    assert good.columns == ("id", "text")
    assert isinstance(bad, DataError)
