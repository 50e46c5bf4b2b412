"""Putting a site into its folder as a whole: readers find the old one or the new one, never pages of both."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from glob import escape
from pathlib import Path

from entrepot.kernel.errors import EntrepotError, UsageError
from entrepot.kernel.ids import new_token

MARKER = ".entrepot-docs"
"""Stands in a folder that may be replaced; no other folder that holds something is touched."""
_NEW, _OLD = ".new", ".old"


def publish(pages: Mapping[str, str], folder: Path) -> None:
    """Write aside, make durable, and put in the place of what was there.

    Raises: UsageError when the folder holds something else; EntrepotError when it cannot be written.
    """
    folder = (
        folder.parent.resolve() / folder.name if folder.name else folder.resolve()
    )  # a link is not followed, but refused
    _require_ours(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _alone(folder.parent):
            _clear(folder)
            aside = folder.parent / f".{folder.name}-{new_token()}{_NEW}"
            try:
                _write(pages, aside)
                _require_ours(folder)
                _swap(aside, folder)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
    except OSError as error:
        raise EntrepotError(
            f"{folder} cannot be written: {error.strerror or error}.", hint="Say another folder with --out."
        ) from error


def _require_ours(folder: Path) -> None:
    if not folder.exists() and not folder.is_symlink():
        return
    if folder.is_symlink() or not folder.is_dir():
        raise UsageError(
            f"{folder} is no folder; allowed is one that does not exist yet, or an older site.",
            hint="Say another one with --out.",
        )
    if any(folder.iterdir()) and not (folder / MARKER).is_file():
        raise UsageError(
            f"{folder} holds files that `entrepot docs` did not write, and they would be lost.",
            hint="Say another folder with --out, or empty this one.",
        )


@contextmanager
def _alone(parent: Path) -> Iterator[None]:
    """One process at a time replaces sites in a folder."""
    handle = os.open(parent, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _clear(folder: Path) -> None:
    """Take away what killed processes left; put back a site that one of them had only moved aside."""
    for left in sorted(folder.parent.glob(f".{escape(folder.name)}-????????????.*")):
        if left.suffix == _OLD and not folder.exists():
            left.rename(folder)
        elif left.suffix in (_NEW, _OLD):
            shutil.rmtree(left, ignore_errors=True)


def _write(pages: Mapping[str, str], folder: Path) -> None:
    folders = {folder}
    for address, text in {
        MARKER: "This folder is written by `entrepot docs`, which replaces it as a whole.\n",
        **pages,
    }.items():
        path = folder / address
        path.parent.mkdir(parents=True, exist_ok=True)
        folders.add(path.parent)
        path.write_text(text, encoding="utf-8", newline="\n")
    for path in [*(folder / name for name in (MARKER, *pages)), *sorted(folders, reverse=True)]:
        _sync(path)


def _swap(aside: Path, folder: Path) -> None:
    """Two renames; between them there is no site for an instant, and never a mixed one."""
    old = folder.parent / f".{folder.name}-{new_token()}{_OLD}"
    had_one = folder.exists()
    if had_one:
        folder.rename(old)
    try:
        aside.rename(folder)
    except OSError:
        if had_one:
            old.rename(folder)
        raise
    _sync(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
