"""Files of a read-only place: they are never moved, and a file is what its bytes are."""

from __future__ import annotations

from pathlib import Path

from entrepot.intake.landing.area import check_content
from entrepot.intake.landing.arrivals import Arrival, Watch
from entrepot.intake.landing.durable import JSON_SUFFIX, make_folder
from entrepot.intake.landing.receipts import Outcome, Receipt, write_receipt
from entrepot.intake.sources.base import ReaderContext
from entrepot.intake.sources.files import FilesOptions, as_files, limit_batch
from entrepot.intake.sources.formats import Sniffed
from entrepot.intake.sources.opening import FileOpener
from entrepot.kernel.errors import DataError, SystemError_
from entrepot.kernel.events import Event
from entrepot.kernel.ids import hash_file
from entrepot.kernel.points import reached
from entrepot.kernel.positions import FileItem, FileSet, Position
from entrepot.ports.relations import Part


class KeptFilesReader:
    """Takes files where they stand. Nothing marks them there, so each run hashes every file once.

    Content that was refused is remembered by its receipt under `.entrepot/landing/<flow>/refused/`; delete the
    receipt to have the content taken again.
    """

    def __init__(self, options: FilesOptions, opener: FileOpener, context: ReaderContext) -> None:
        self._folder = context.root / options.path
        self._refused = context.runtime / "landing" / context.flow / "refused"
        self._options = options
        self._opener = opener
        self._context = context
        self._watch = Watch(self._folder, options.patterns, options.waiting, context.clock, self._emit)
        self._hashes: dict[Arrival, str] = {}

    def find_next(self, previous: Position | None) -> FileSet | None:
        """The files whose content was neither taken nor refused before, hashed already."""
        try:
            items = self._new_items()
        except OSError as error:
            raise SystemError_(
                f"the folder {self._folder} cannot be read: {error.strerror}.", hint="Is the share mounted?"
            ) from error
        chosen = limit_batch(items, self._options.max_files, self._options.max_bytes)
        return FileSet(chosen) if chosen else None

    def look(self) -> list[Arrival]:
        """What stands there whole, taken before or not: triggers watch by it."""
        try:
            return self._watch.find_whole(patient=False)
        except OSError as error:
            raise SystemError_(
                f"the folder {self._folder} cannot be read: {error.strerror}.", hint="Is the share mounted?"
            ) from error

    def claim(self, position: Position) -> FileSet:
        """Nothing is moved: the hashes are the claim, and `read` holds the files to them."""
        reached("claim.before")
        files = as_files(position)
        reached("claim.after")
        return FileSet(files)

    def read(self, position: Position) -> list[Part]:
        """The rows, after the bytes were checked against the plan's hashes."""
        return [part for item in as_files(position) for part in self._opener.parts(self._checked(item), item.name)]

    def acknowledge(self, position: Position) -> None:
        """Nothing: the plan itself remembers what was taken."""

    def refuse(self, position: Position, reason: str) -> None:
        """Remember that the content was given up, with a receipt."""
        try:
            self._remember_refused(as_files(position), reason)
        except OSError as error:
            # here the receipt is more than a note: without it the content would be taken again at every run
            raise SystemError_(
                f"what was refused cannot be noted in {self._refused}: {error.strerror or error}."
            ) from error

    def _remember_refused(self, files: tuple[FileItem, ...], reason: str) -> None:
        make_folder(self._refused)
        for item in files:
            receipt = Receipt(
                item.name, item.sha256, item.size_bytes, self._context.flow, Outcome.REFUSED, self._context.clock.now(), reason,
                "Correct the file where it stands; other content under the same name is taken as new.",
            )  # fmt: skip
            write_receipt(self._refused / item.sha256, receipt)

    def sniff_waiting(self, limit: int) -> list[tuple[str, Sniffed | DataError]]:
        """What the first few new files look like, or why they cannot be taken."""
        waiting = as_files(self.find_next(None) or FileSet(()))
        return self._opener.sniff_each((self._folder / item.name, item.name) for item in waiting[:limit])

    def _new_items(self) -> list[FileItem]:
        items: list[FileItem] = []
        seen: set[str] = set()
        for arrival in self._watch.find_whole():
            sha256 = self._hashes.get(arrival) or hash_file(self._folder / arrival.name)
            self._hashes[arrival] = sha256
            if sha256 not in seen and not self._is_known(arrival.name, sha256):
                items.append(FileItem(arrival.name, arrival.name, sha256, arrival.size_bytes))
            seen.add(sha256)
        return items

    def _is_known(self, name: str, sha256: str) -> bool:
        return (self._refused / (sha256 + JSON_SUFFIX)).exists() or self._context.is_taken(sha256) is not None

    def _checked(self, item: FileItem) -> Path:
        path = self._folder / item.claimed
        if not path.is_file():
            raise DataError(f"{item.name} is no longer in {self._folder}.", hint="Put it back, or void the batch.")
        check_content(path, item)
        return path

    def _emit(self, name: str, **data: object) -> None:
        self._context.emit(Event(name, self._context.flow, data))
