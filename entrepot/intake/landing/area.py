"""A storage area: the folder of files on their way, `incoming → claimed → processed → archive`, or `rejected`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Set
from datetime import UTC, datetime, timedelta
from pathlib import Path

from entrepot.intake.landing.arrivals import DONE
from entrepot.intake.landing.durable import (
    JSON_SUFFIX,
    LONGEST_ADDITION,
    TEXT_SUFFIX,
    find_placed,
    is_receipt,
    make_folder,
    place_beside,
    sync_folder,
)
from entrepot.intake.landing.receipts import Receipt, write_receipt
from entrepot.kernel.errors import DataError, SystemError_
from entrepot.kernel.ids import hash_file, new_token
from entrepot.kernel.points import reached
from entrepot.kernel.positions import FileItem

_Inode = tuple[int, int, int, int]
"""Device, number, size and time of last writing."""


class StorageArea:
    """One storage area as one flow sees it: what it claims stands in a folder of its own."""

    def __init__(self, root: Path, flow: str, *, may_create: bool = True) -> None:
        self.root = root
        self.incoming = root / "incoming"
        self.claimed = root / "claimed" / flow
        self.processed = root / "processed"
        self.archive = root / "archive"
        self.rejected = root / "rejected"
        self._may_create = may_create
        self._released: dict[str, tuple[Path, _Inode]] = {}
        """Where this process moved what it had claimed: enough to find a file again, not to trust its bytes."""

    def ensure(self) -> None:
        """Create the folders that are not there.

        Raises: SystemError_ when the area itself is missing outside the project: perhaps a share is not mounted.
        """
        if not self._may_create and not self.root.is_dir():
            raise SystemError_(
                f"the storage area {self.root} is not there.", hint="Is the share mounted? Else create the folder."
            )
        for folder in (self.incoming, self.claimed, self.processed, self.archive, self.rejected):
            if not folder.is_dir():
                make_folder(folder)

    def longest_name(self) -> int:
        """Bytes that a file's name may have: there must be room for a token, a number and the ending of a receipt."""
        try:
            limit = os.pathconf(self.root, "PC_NAME_MAX")
        except (AttributeError, OSError, ValueError):
            limit = 255
        return limit - self._longest_addition()

    def _longest_addition(self) -> int:
        return LONGEST_ADDITION + len(JSON_SUFFIX)

    def claimed_files(self) -> list[FileItem]:
        """What stands in the claim folder, by name: not hashed, and known to a plan or not."""
        if not self.claimed.is_dir():
            return []
        found = []
        for path in sorted(self.claimed.iterdir()):
            _, dash, name = path.name.partition("-")
            if dash and path.is_file() and not path.name.startswith("."):
                found.append(FileItem(name, str(path.relative_to(self.root)), "", path.stat().st_size))
        return sorted(found, key=lambda item: (item.name, item.claimed))

    def claim(self, items: tuple[FileItem, ...]) -> list[FileItem]:
        """Move files out of reach of others, durably; then hash them. Files taken back meanwhile are left out."""
        self._released.clear()
        moved = [item for item in map(self._move_in, items) if item is not None]
        sync_folder(self.claimed)
        sync_folder(self.incoming)
        return [self._complete(item) for item in moved]

    def _move_in(self, item: FileItem) -> FileItem | None:
        if item.claimed:
            if not (self.incoming / item.name).exists():
                self._drop_marker(item.name)
            return item
        target = self.claimed / f"{new_token()}-{item.name}"
        try:
            (self.incoming / item.name).rename(target)
        except FileNotFoundError:
            return None
        reached("claim.moved")
        self._drop_marker(item.name)
        return FileItem(item.name, str(target.relative_to(self.root)), "", item.size_bytes)

    def _drop_marker(self, name: str) -> None:
        # At once, not when the batch is settled: by then a new file of this name may have a marker of its own.
        (self.incoming / (name + DONE)).unlink(missing_ok=True)

    def _complete(self, item: FileItem) -> FileItem:
        path = self.root / item.claimed
        return FileItem(item.name, item.claimed, hash_file(path), path.stat().st_size)

    def open_content(self, item: FileItem) -> Path:
        """Where the item's bytes stand now, checked to be the planned ones; also after it was acknowledged.

        Raises: DataError when the bytes are gone or are others.
        """
        claimed = self.root / item.claimed
        if claimed.is_file():
            check_content(claimed, item)
            return claimed
        for path in self._later_places(item):
            if path.stat().st_size == item.size_bytes and hash_file(path) == item.sha256:
                return path
        raise DataError(
            f"{item.name} (sha256 {item.sha256[:16]}) is no longer in {claimed.parent}, nor in processed/ or archive/.",
            hint="Put the file back, or void the batch: entrepot status says which.",
        )

    def find_content(self, item: FileItem) -> Path:
        """Where the item's bytes stand, for what is put beside them, not for reading: a file that this process moved is not hashed again.

        Raises: DataError when the bytes are gone or are others.
        """
        released = self._released.get(item.claimed)
        if released is not None and released[0].is_file() and _inode_of(released[0]) == released[1]:
            return released[0]
        return self.open_content(item)

    def _later_places(self, item: FileItem) -> Iterator[Path]:
        yield from find_placed(self.processed, item.name, item.sha256)
        if self.archive.is_dir():
            for folder in sorted(self.archive.iterdir(), reverse=True):
                yield from find_placed(folder, item.name, item.sha256)

    def release(self, item: FileItem, folder: Path) -> Path | None:
        """Move a claimed file into `processed` or `rejected` under a free name; None when that was done before.

        The caller calls `sync` when all files of the batch are moved.
        """
        source = self.root / item.claimed
        if not item.claimed or not source.exists():
            return None
        target = place_beside(source, folder, item.name, item.sha256)
        self._released[item.claimed] = (target, _inode_of(target))
        reached("acknowledge.moved")
        return target

    def leave_receipt(self, item: FileItem, receipt: Receipt, beside: Path | None = None) -> None:
        """Write a file's receipt beside it; `beside`: where it stands, when that is known. Repeatable.

        Raises: DataError when the file is gone; OSError when it cannot be written.
        """
        write_receipt(beside or self.find_content(item), receipt)

    def find_rejected(self, item: FileItem) -> Path | None:
        """Where an earlier, interrupted refusal put the file."""
        found = (path for path in find_placed(self.rejected, item.name, item.sha256) if hash_file(path) == item.sha256)
        return next(found, None)

    def sync(self, folder: Path) -> None:
        """Make moves from the claim folder into `folder` durable."""
        sync_folder(folder)
        sync_folder(self.claimed)

    def archive_older(self, days: float, now: datetime) -> int:
        """Move files that were processed more than `days` ago to `archive/YYYY-MM/`, with receipts; return how many."""
        if not self.processed.is_dir():
            return 0
        folders = {self.processed}
        count = 0
        for path in sorted(self.processed.iterdir()):
            # The inode's change time: a move leaves the file's own time as its sender set it.
            since = datetime.fromtimestamp(path.stat().st_ctime, UTC) if path.is_file() else now
            if is_receipt(path.name) or not path.is_file() or now - since < timedelta(days=days):
                continue
            folders.add(self._archive_file(path, self.archive / f"{since:%Y-%m}"))
            count += 1
        for folder in sorted(folders):
            sync_folder(folder)
        return count

    @staticmethod
    def _archive_file(path: Path, folder: Path) -> Path:
        make_folder(folder)
        names = {other.name for other in path.parent.iterdir()}
        receipts = [path.with_name(name) for name in sorted(names) if _is_receipt_of(name, path.name, names)]
        target = place_beside(path, folder, path.name, hash_file(path) if (folder / path.name).exists() else "")
        for receipt in receipts:
            if receipt.exists():
                os.replace(receipt, target.with_name(target.name + receipt.name.removeprefix(path.name)))
        return folder


def _is_receipt_of(receipt: str, name: str, names: Set[str]) -> bool:
    """True for `name.receipt.txt` and `name.bronze.sales.receipt.txt`, not for the receipt of another file in `names`: `name.2026.csv`."""
    if not is_receipt(receipt) or not receipt.startswith(name):
        return False
    whole = receipt.removesuffix(JSON_SUFFIX).removesuffix(TEXT_SUFFIX)
    middle = whole[len(name) :]
    return not middle or (middle.startswith(".") and middle.count(".") == 2 and whole not in names)


def _inode_of(path: Path) -> _Inode:
    stat = path.stat()
    return (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns)


def check_content(path: Path, item: FileItem) -> None:
    """Compare a file with what was planned.

    Raises: DataError when the bytes are others.
    """
    actual = hash_file(path)
    if actual != item.sha256:
        raise DataError(
            f"{item.name} was changed after it was claimed: sha256 was {item.sha256[:16]}, is {actual[:16]}.",
            hint="Whoever writes it must write elsewhere and move it in when it is whole. Void the batch, then send the file again.",
        )
