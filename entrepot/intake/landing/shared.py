"""A storage area whose files several flows take, each into a dataset of its own: claimed once, let go when all are done.

`incoming/x → claimed/<source>/.arriving/t-x → claimed/<source>/t-x`, the master, with a link for each flow in
`claimed/<flow>/t-x`. A flow lets go by removing its link; whoever finds that no link is left moves the master on, to
`rejected/` when every flow refused the file, else to `processed/`. Each step may be done again, by any of the flows.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from entrepot.intake.landing.area import StorageArea
from entrepot.intake.landing.durable import find_placed, link_beside, make_folder, sync_folder
from entrepot.intake.landing.receipts import is_receipt
from entrepot.kernel.ids import hash_file, new_token
from entrepot.kernel.points import reached
from entrepot.kernel.positions import FileItem


class SharedArea(StorageArea):
    """One storage area as one of several flows sees it."""

    def __init__(self, root: Path, flow: str, source: str, members: tuple[str, ...], *, may_create: bool) -> None:
        super().__init__(root, flow, may_create=may_create)
        self.receipt_tag = "." + flow.removeprefix(f"{source}.")
        self._flow = flow
        self._masters = root / "claimed" / source
        self._arriving = self._masters / ".arriving"
        self._refusals = self._masters / ".refused"
        self._links = {member: root / "claimed" / member for member in members}

    def ensure(self) -> None:
        """Create the folders that are not there. Raises: as a storage area's."""
        super().ensure()
        for folder in (self._arriving, self._refusals, *self._links.values()):
            if not folder.is_dir():
                make_folder(folder)

    def claimed_files(self) -> list[FileItem]:
        """This flow's links, after finishing what a killed process, of whichever flow, left half done."""
        if self._arriving.is_dir():
            self._distribute()
            for master in self._list(self._masters):
                self._finish(master.name)
        return super().claimed_files()

    def _move_in(self, item: FileItem) -> FileItem | None:
        if item.claimed:
            return super()._move_in(item)
        name = f"{new_token()}-{item.name}"
        try:
            (self.incoming / item.name).rename(self._arriving / name)
        except FileNotFoundError:
            return None  # another of the flows was quicker: its links are found in the next round
        reached("claim.moved")
        self._drop_marker(item.name)
        self._distribute()
        return FileItem(item.name, str((self.claimed / name).relative_to(self.root)), "", item.size_bytes)

    def _distribute(self) -> None:
        """Link what arrived into every flow's folder, then make it a master: from then on links only go away."""
        arrived = self._list(self._arriving)
        for path in arrived:
            for folder in self._links.values():
                _link(path, folder / path.name)
        for folder in (*self._links.values(), self._arriving) if arrived else ():
            sync_folder(folder)
        for path in arrived:
            try:
                path.rename(self._masters / path.name)
            except FileNotFoundError:
                continue  # another of the flows does the same
        if arrived:
            sync_folder(self._masters)

    def release(self, item: FileItem, folder: Path) -> Path | None:
        """Let go of a file; return where it stands now (with the others still busy: as the master)."""
        link = self.root / item.claimed
        if not item.claimed or not link.exists():
            self._finish(link.name)
            return None
        if folder == self.rejected:
            mark = self._mark(link.name, self._flow)
            mark.touch()
            sync_folder(self._refusals)
        link.unlink()
        reached("acknowledge.moved")
        sync_folder(self.claimed)
        return self._finish(link.name) or self._find_master(link.name)

    def find_rejected(self, item: FileItem) -> Path | None:
        """Where the file stands after an earlier, interrupted refusal."""
        found = super().find_rejected(item)
        return found or next((path for path in self._later_places(item) if hash_file(path) == item.sha256), None)

    def _later_places(self, item: FileItem) -> Iterator[Path]:
        master = self._find_master(Path(item.claimed).name) if item.claimed else None
        if master is not None:
            yield master
        yield from super()._later_places(item)
        yield from find_placed(self.rejected, item.name, item.sha256)

    def _finish(self, name: str) -> Path | None:
        """Move a master on when no flow holds a link to it; return where to, None when it is not (or no longer) there."""
        master = self._masters / name
        if any((folder / name).exists() for folder in self._links.values()) or not master.is_file():
            return None
        refused = all(self._mark(name, member).exists() for member in self._links)
        folder = self.rejected if refused else self.processed
        try:
            target = link_beside(master, folder, name.partition("-")[2], hash_file(master))
        except FileNotFoundError:
            return None  # another of the flows was quicker
        for receipt in self._masters.iterdir():
            if receipt.name.startswith(name) and is_receipt(receipt.name):
                _rename(receipt, target.with_name(target.name + receipt.name.removeprefix(name)))
        sync_folder(folder)
        master.unlink(missing_ok=True)
        for member in self._links:
            self._mark(name, member).unlink(missing_ok=True)
        sync_folder(self._masters)
        return target

    def _find_master(self, name: str) -> Path | None:
        path = self._masters / name
        return path if path.is_file() else None

    def _mark(self, name: str, member: str) -> Path:
        """An empty file that says: this flow refused the file."""
        return self._refusals / f"{name}.{member}"

    @staticmethod
    def _list(folder: Path) -> list[Path]:
        return [
            path
            for path in sorted(folder.iterdir())
            if path.is_file() and not path.name.startswith(".") and not is_receipt(path.name)
        ]


def _link(source: Path, target: Path) -> None:
    """A second name for a file; a copy where the file system knows none. Repeatable."""
    try:
        os.link(source, target)
    except (FileExistsError, FileNotFoundError):
        return
    except OSError:
        aside = target.with_name(f".{target.name}.tmp")
        shutil.copyfile(source, aside)
        with aside.open("rb+") as file:
            os.fsync(file.fileno())
        aside.rename(target)


def _rename(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except FileNotFoundError:
        return
