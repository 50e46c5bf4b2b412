"""Where tables lie on disk, how their files are called, and how files and names are made durable."""

from __future__ import annotations

import errno
import os
import re
import shutil
import uuid
from collections.abc import Iterable
from pathlib import Path

from entrepot.kernel.errors import UsageError
from entrepot.kernel.ids import hash_text

LOG = "_delta_log"
SCRATCH = "_scratch"
"""Folder under the lake's root for files that are being written; never part of a table."""

_FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*\Z")
_REST = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z")
_ODD = re.compile(r"[^A-Za-z0-9_.-]")
_DATA_FILE = re.compile(r"part-(?P<flow>.+)-(?P<sequence>\d+)-[0-9a-f]{32}\.parquet\Z")
_LONGEST_FLOW = 120


def table_path(root: Path, name: str) -> Path:
    """The folder of a table: the first dot of its name splits folder and rest."""
    folder, dot, rest = name.partition(".")
    if not dot or not _FOLDER.match(folder) or not _REST.match(rest) or ".." in name:
        raise UsageError(f"{name!r} is not a table name; allowed is folder.name of letters, digits and _ - .")
    return root / folder / rest


def list_names(root: Path) -> list[str]:
    """Names of all tables under the root, sorted."""
    found = []
    for log in root.glob(f"*/*/{LOG}"):
        folder, rest = log.parent.parent.name, log.parent.name
        if _FOLDER.match(folder) and _REST.match(rest) and log.is_dir():
            found.append(f"{folder}.{rest}")
    return sorted(found)


def encode_flow(flow: str) -> str:
    """A flow's name as it stands in file names: safe on every file system, and no escaping in URLs.

    Escapes begin with @: delta-rs writes ~ as %7E and then does not find such a file again.
    """
    encoded = _ODD.sub(lambda found: "".join(f"@{byte:02x}" for byte in found.group().encode()), flow)
    if len(encoded) <= _LONGEST_FLOW:
        return encoded
    return f"{encoded[:80]}@@{hash_text(flow)}"


def data_file_name(flow: str, sequence: int) -> str:
    """A new name for a data file of one batch."""
    return f"part-{encode_flow(flow)}-{sequence}-{uuid.uuid4().hex}.parquet"


def split_data_file_name(name: str) -> tuple[str, int] | None:
    """The encoded flow and the sequence in a data file's name; None when the name is not one of ours."""
    found = _DATA_FILE.match(name)
    return (found["flow"], int(found["sequence"])) if found else None


def json_path(table: Path, version: int) -> Path:
    """The log entry of a version."""
    return table / LOG / f"{version:020d}.json"


def fsync_file(path: Path) -> None:
    """Make a file's content durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


fsync_dir = fsync_file
"""Make the names in a folder durable."""


def fsync_dirs(files: Iterable[Path], upto: Path) -> None:
    """Make the names of files durable: their folders and those above them, up to and with `upto`."""
    folders: set[Path] = set()
    for file in files:
        folder = file.parent
        while folder not in folders:
            folders.add(folder)
            if folder in (upto, folder.parent):
                break
            folder = folder.parent
    for folder in sorted(folders, key=lambda each: len(each.parts), reverse=True):
        fsync_dir(folder)


def make_dirs(path: Path) -> None:
    """Create a folder and the missing ones above it, each durable in the one above."""
    missing = []
    while not path.exists():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        fsync_dir(folder.parent)


def move_durably(source: Path, target: Path) -> None:
    """Give a file its final name, its content durable; the caller makes the folder durable."""
    fsync_file(source)
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        aside = target.with_name(f".{target.name}.tmp")
        shutil.copyfile(source, aside)
        fsync_file(aside)
        aside.rename(target)
        source.unlink()
