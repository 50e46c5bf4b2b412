"""A storage area whose files several flows take, each into a dataset of its own: claimed once, let go when all are done.

`incoming/x → claimed/<source>/.arriving/t-x → claimed/<source>/t-x`, the master, with a link for each flow in
`claimed/<flow>/t-x`. A flow lets go by removing its link; whoever finds that no link is left moves the master on, to
`rejected/` when every flow refused the file, else to `processed/`. Each step may be done again, by any of the flows.

Receipts wait in `claimed/<source>/.receipts/t-x…` until the master has moved on. A flow writes its receipt there first and then looks
whether the master is still held; who moves the master on looks for receipts afterwards: one of the two brings each receipt to its file.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from entrepot.intake.landing.area import StorageArea
from entrepot.intake.landing.durable import JSON_SUFFIX, TEXT_SUFFIX, find_placed, link_beside, make_folder, sync_folder
from entrepot.intake.landing.receipts import Receipt, read_subject, write_receipt
from entrepot.kernel.errors import DataError
from entrepot.kernel.ids import hash_file, new_token
from entrepot.kernel.points import reached
from entrepot.kernel.positions import FileItem


class SharedArea(StorageArea):
    """One storage area as one of several flows sees it."""

    def __init__(self, root: Path, flow: str, source: str, members: tuple[str, ...], *, may_create: bool) -> None:
        super().__init__(root, flow, may_create=may_create)
        self._receipt_tag = "." + flow.removeprefix(f"{source}.")
        """Stands between a file's name and its receipts' ending: flows that share an area each write their own."""
        self._flow = flow
        self._masters = root / "claimed" / source
        self._arriving = self._masters / ".arriving"
        self._refusals = self._masters / ".refused"
        self._receipts = self._masters / ".receipts"
        self._links = {member: root / "claimed" / member for member in members}

    def ensure(self) -> None:
        """Create the folders that are not there. Raises: as a storage area's."""
        super().ensure()
        for folder in (self._arriving, self._refusals, self._receipts, *self._links.values()):
            if not folder.is_dir():
                make_folder(folder)

    def _longest_addition(self) -> int:
        # the flow's name ends the name of its mark, and is at least as long as the tag
        return super()._longest_addition() + 1 + max(len(os.fsencode(member)) for member in self._links)

    def claimed_files(self) -> list[FileItem]:
        """This flow's links, after finishing what a killed process, of whichever flow, left half done."""
        if self._receipts.is_dir():
            self._distribute()
            for master in _list(self._masters):
                self._finish(master.name)
            self._clear_up()
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
        arrived = _list(self._arriving)
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
        sync_folder(folder)
        master.unlink(missing_ok=True)
        sync_folder(self._masters)
        self._bring_receipts(name, target)
        for member in self._links:
            self._mark(name, member).unlink(missing_ok=True)
        return target

    def leave_receipt(self, item: FileItem, receipt: Receipt, beside: Path | None = None) -> None:
        """Write this flow's receipt; it stands beside the file as soon as no flow holds the file. Repeatable. Raises: as a storage area's."""
        name = Path(item.claimed).name
        written = write_receipt(self._receipts / (name + self._receipt_tag), receipt, self._receipt_tag)
        if self._is_held(name):
            return
        if beside is not None and beside.parent != self._masters and beside.is_file():
            self._bring_receipts(name, beside)
        else:
            self._bring_home(written)

    def _is_held(self, name: str) -> bool:
        return (self._arriving / name).exists() or (self._masters / name).exists()

    def _bring_receipts(self, name: str, target: Path) -> None:
        """Move the receipts of a file beside it."""
        moved = [path for path in _list(self._receipts) if path.name.startswith(name + ".")]
        for receipt in moved:
            _rename(receipt, target.with_name(target.name + receipt.name.removeprefix(name)))
        for folder in (target.parent, self._receipts) if moved else ():
            sync_folder(folder)

    def _bring_home(self, receipt: Path) -> None:
        """Move receipts whose file has moved on beside it; remove them when the file is gone."""
        try:
            item = read_subject(receipt)
            name = receipt.name.partition("-")[0] + "-" + item.name
            if not self._is_held(name):
                self._bring_receipts(name, self.open_content(item))
        except FileNotFoundError:
            return  # another of the flows was quicker, or moves the file just now: then the next turn finds it
        except DataError:
            for suffix in (TEXT_SUFFIX, JSON_SUFFIX):
                receipt.with_name(receipt.name.removesuffix(JSON_SUFFIX) + suffix).unlink(missing_ok=True)

    def _clear_up(self) -> None:
        """Finish what a process left that was killed after its master had moved on."""
        for receipt in _list(self._receipts):
            if receipt.name.endswith(JSON_SUFFIX):
                self._bring_home(receipt)
        for path in self._receipts.iterdir():
            if path.name.startswith(".") and path.name.endswith(f"{self._receipt_tag}.tmp"):
                path.unlink()  # only the holder of this flow's lease writes such a file, and that is us
        for mark in _list(self._refusals):
            held = (mark.name.removesuffix(f".{member}") for member in self._links)
            if not any(self._is_held(name) for name in held if name != mark.name):
                mark.unlink(missing_ok=True)

    def _find_master(self, name: str) -> Path | None:
        path = self._masters / name
        return path if path.is_file() else None

    def _mark(self, name: str, member: str) -> Path:
        """An empty file that says: this flow refused the file."""
        return self._refusals / f"{name}.{member}"


def _list(folder: Path) -> list[Path]:
    """The files in a folder, by name: whatever they are called, as names are the senders'."""
    return [path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")]


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
