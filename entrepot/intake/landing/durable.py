"""Moves and writes that survive a power loss and never write over a file that is there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from entrepot.kernel.ids import new_token

JSON_SUFFIX = ".receipt.json"
TEXT_SUFFIX = ".receipt.txt"
LONGEST_ADDITION = len("-12345678-999")
"""What a name may grow by when it is not free; a claim's token is as long."""


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Create a folder and its parents durably. Repeatable."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in reversed(missing):
        sync_folder(path.parent)


def write_durably(path: Path, content: bytes, owner: str = "") -> None:
    """Write a file aside, then put it in place, over an older one; `owner` is who may remove what a killed process left aside."""
    aside = path.with_name(f".{new_token()}{owner}.tmp")  # short: the name itself may be as long as names can be
    with aside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    sync_folder(path.parent)


def place_beside(source: Path, folder: Path, name: str, sha256: str) -> Path:
    """Give `source` a free name in `folder`: its own, else with the content's short hash, else numbered.

    The file is moved, but not yet durably: the caller syncs both folders once for many files.
    """
    for candidate in _names(name, sha256):
        target = folder / candidate
        if _move_if_free(source, target):
            return target
    raise AssertionError("unreachable: names are numbered without end")


def link_beside(source: Path, folder: Path, name: str, sha256: str) -> Path:
    """As `place_beside`, but the source keeps its name too, until the caller removes it. Repeatable: the same target.

    Raises: FileNotFoundError when the source is gone.
    """
    for candidate in _names(name, sha256):
        target = folder / candidate
        try:
            os.link(source, target)
        except FileExistsError:
            if os.path.samefile(source, target):
                return target
        except FileNotFoundError:
            raise
        except OSError:
            # A file system without hard links: what is done again after a crash may leave a second copy.
            if not target.exists():
                shutil.copyfile(source, target)
                return target
        else:
            return target
    raise AssertionError("unreachable: names are numbered without end")


def find_placed(folder: Path, name: str, sha256: str) -> list[Path]:
    """Files in `folder` that `place_beside` may have made of (name, sha256), the likeliest first."""
    found = []
    for candidate in _names(name, sha256):
        if not (folder / candidate).exists():
            if candidate != name:
                break
            continue
        found.append(folder / candidate)
    return found


def is_receipt(name: str) -> bool:
    """True for the names of receipts; data never bears one outside `incoming/` and `claimed/`."""
    return name.lower().endswith((JSON_SUFFIX, TEXT_SUFFIX))


def _names(name: str, sha256: str) -> Iterator[str]:
    """The names a file may be given, in order. Data that arrived under a receipt's name is given another: `till.receipt-1f2e3d4c.json`."""
    stem, dot, suffix = name.rpartition(".") if is_receipt(name) else name.partition(".")
    if not is_receipt(name):
        yield name
    yield f"{stem}-{sha256[:8]}{dot}{suffix}"
    number = 2
    while True:
        yield f"{stem}-{sha256[:8]}-{number}{dot}{suffix}"
        number += 1


def _move_if_free(source: Path, target: Path) -> bool:
    """Link and unlink: unlike a rename this never writes over a file that somebody just put there."""
    try:
        os.link(source, target)
    except FileExistsError:
        if not os.path.samefile(source, target):
            return False
        # a crash came between link and unlink
    except OSError:
        # A file system without hard links: looking first is the best there is.
        if target.exists():
            return False
        source.rename(target)
        return True
    source.unlink()
    return True
