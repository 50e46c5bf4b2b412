"""Files as a source: a storage area whose files are moved as they are taken, or a read-only folder whose files stay.

Comes in: a folder. Goes out: parts with numbered rows, in the order of the files' names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from entrepot.intake.landing.area import StorageArea
from entrepot.intake.landing.arrivals import Arrival, Waiting, Watch
from entrepot.intake.landing.receipts import Finding, Outcome, Receipt
from entrepot.intake.landing.shared import SharedArea
from entrepot.intake.sources.base import ReaderContext
from entrepot.intake.sources.formats import Sniffed
from entrepot.intake.sources.opening import FileOpener
from entrepot.kernel.errors import DataError, RunError, SystemError_
from entrepot.kernel.events import Event
from entrepot.kernel.points import reached
from entrepot.kernel.positions import FileItem, FileSet, Position
from entrepot.ports.engine import Counts
from entrepot.ports.relations import Part


@dataclass(frozen=True, slots=True)
class FilesOptions:
    """Which files, and how many at once."""

    path: Path
    patterns: tuple[str, ...] = ("*",)
    waiting: Waiting = field(default_factory=Waiting)
    max_files: int = 200
    max_bytes: int = 2 << 30
    archive_after_days: float | None = None


class FilesReader:
    """Takes files from `incoming/`. Order, identity and crash safety are the storage area's; rows are the format's."""

    def __init__(self, options: FilesOptions, opener: FileOpener, context: ReaderContext) -> None:
        path = context.root / options.path
        may_create = path.is_relative_to(context.root)
        self.area = (
            SharedArea(path, context.flow, context.source, context.members, may_create=may_create)
            if len(context.members) > 1
            else StorageArea(path, context.flow, may_create=may_create)
        )
        self._options = options
        self._opener = opener
        self._context = context
        self._watch = Watch(
            self.area.incoming, options.patterns, options.waiting, context.clock, self._emit, self.area.longest_name
        )

    def find_next(self, previous: Position | None) -> FileSet | None:
        """The files to take next, not claimed yet but for those that a crash left in the claim folder."""
        known = self._context.known_claims() | _claims_of(previous)
        with self._reaching("read"):
            left_behind = [item for item in self.area.claimed_files() if item.claimed not in known]
            arrived = [_unclaimed(arrival) for arrival in self._watch.find_whole(patient=not left_behind)]
        items = sorted(left_behind + arrived, key=lambda item: (item.name, not item.claimed))
        chosen = limit_batch(items, self._options.max_files, self._options.max_bytes)
        return FileSet(chosen) if chosen else None

    def look(self) -> list[Arrival]:
        """What has arrived whole and waits, without waiting for more: triggers watch by it."""
        with self._reaching("read"):
            return self._watch.find_whole(patient=False)

    def claimed_files(self) -> list[FileItem]:
        """Everything in the claim folder, known to a plan or not; not hashed."""
        return self.area.claimed_files()

    def claim(self, position: Position) -> FileSet:
        """Move the files out of others' reach and hash them; content that was taken before goes to `processed/` at once."""
        files = as_files(position)
        reached("claim.before")
        with self._reaching("moved in"):
            taken = self._part_duplicates(self.area.claim(files))
        reached("claim.after")
        return FileSet(tuple(taken))

    def read(self, position: Position) -> list[Part]:
        """The rows of the claimed files, whose bytes are checked against the plan's hashes first."""
        files = as_files(position)
        return [part for item in files for part in self._opener.parts(self.area.open_content(item), item.name)]

    def acknowledge(self, position: Position) -> None:
        """Move the files to `processed/`."""
        with self._reaching("moved in"):
            for item in as_files(position):
                self._note_growth(item)
                self.area.release(item, self.area.processed)
            self.area.sync(self.area.processed)

    def refuse(self, position: Position, reason: str) -> None:
        """Move the files to `rejected/`, each with a receipt."""
        todo = f"Correct the file and put it into {self.area.incoming.relative_to(self.area.root.parent)} again."
        with self._reaching("moved in"):
            for item in as_files(position):
                target = self.area.release(item, self.area.rejected) or self.area.find_rejected(item)
                if target is not None:
                    self._leave_receipt(item, self._receipt(item, Outcome.REFUSED, reason, todo), target)
            self.area.sync(self.area.rejected)

    def write_receipts(
        self,
        position: Position,
        batch: str,
        places: Mapping[str, Counts],
        reasons: Mapping[str, int],
        findings: Mapping[str, Sequence[Finding]] | None = None,
    ) -> None:
        """Put receipts beside acknowledged files that lost rows to quarantine; other files get none.

        Args: places: counts by place (`book.xlsx#Sheet1` belongs to `book.xlsx`). reasons: of the whole batch, told only
        when it had a single file. findings: of each file, by its name.
        """
        files = as_files(position)
        by_file: dict[str, list[Counts]] = {}
        for place, count in places.items():
            by_file.setdefault(_file_of(place, files) or "", []).append(count)
        for item in files:
            counts = _sum_counts(by_file.get(item.name, ()))
            if counts.rejected:
                receipt = self._receipt(
                    item, Outcome.ACCEPTED, f"{counts.rejected:,} row{'s' if counts.rejected > 1 else ''} broke what the contract asks of them.",
                    "Send these rows again, corrected, in a file of their own. Or correct them here: entrepot rejects list "
                    "shows them, entrepot rejects fix corrects one, entrepot rejects retry takes them.",
                    batch=batch, counts=counts, reasons=reasons if len(files) == 1 else {},
                    findings=tuple((findings or {}).get(item.name, ())),
                )  # fmt: skip
                self._leave_receipt(item, receipt)

    def sniff_waiting(self, limit: int) -> list[tuple[str, Sniffed | DataError]]:
        """What the first few waiting files look like, or why they cannot be taken; nothing is moved."""
        waiting = [item for item in as_files(self.find_next(None) or FileSet(())) if not item.claimed]
        ignored = [(name, DataError(f"{reason}.")) for name, reason in self._watch.ignored.items()]
        sniffed = self._opener.sniff_each((self.area.incoming / item.name, item.name) for item in waiting[:limit])
        return [*sniffed, *ignored[:limit]]

    def tidy(self) -> int:
        """Archive what was processed long enough ago, when the options say so; return the number of files."""
        days = self._options.archive_after_days
        if days is None:
            return 0
        with self._reaching("archived in"):
            return self.area.archive_older(days, self._context.clock.now())

    def _part_duplicates(self, complete: list[FileItem]) -> list[FileItem]:
        taken: dict[str, FileItem] = {}
        for item in complete:
            before = self._context.is_taken(item.sha256)
            if before is None and item.sha256 in taken:
                before = f"the same batch, as {taken[item.sha256].name}"
            if before is None:
                taken[item.sha256] = item
            else:
                self._put_aside(item, before)
        return list(taken.values())

    def _put_aside(self, item: FileItem, before: str) -> None:
        target = self.area.release(item, self.area.processed)
        self.area.sync(self.area.processed)
        if target is not None:
            todo = "Nothing. To take it again on purpose: entrepot run --again FILE, with a reason."
            why = f"The same bytes were taken already in {before}."
            self._leave_receipt(item, self._receipt(item, Outcome.DUPLICATE, why, todo, batch=before), target)
        self._emit("file_duplicate", file=item.name, sha256=item.sha256, before=before)

    def _leave_receipt(self, item: FileItem, receipt: Receipt, beside: Path | None = None) -> None:
        """Write a receipt; what became of the file is durable by then, so that trouble with the receipt is told and undoes nothing."""
        try:
            self.area.leave_receipt(item, receipt, beside)
        except DataError:
            return  # somebody took the file away meanwhile: then it needs no receipt
        except OSError as error:
            self._emit(
                "receipt_missing", file=item.name, outcome=receipt.outcome.value, reason=error.strerror or str(error)
            )

    def _note_growth(self, item: FileItem) -> None:
        path = self.area.root / item.claimed
        if item.claimed and path.exists() and path.stat().st_size != item.size_bytes:
            self._emit(
                "file_changed_after_claim", file=item.name, planned_bytes=item.size_bytes, bytes=path.stat().st_size
            )

    def _receipt(
        self, item: FileItem, outcome: Outcome, why: str, todo: str, *,
        batch: str | None = None, counts: Counts | None = None, reasons: Mapping[str, int] | None = None,
        findings: Sequence[Finding] = (),
    ) -> Receipt:  # fmt: skip
        now = self._context.clock.now()
        return Receipt(
            item.name,
            item.sha256,
            item.size_bytes,
            self._context.flow,
            outcome,
            now,
            why,
            todo,
            batch,
            counts,
            reasons or {},
            findings,
        )

    @contextmanager
    def _reaching(self, what: str) -> Iterator[None]:
        """Say that the area is out of reach when the system does."""
        try:
            self.area.ensure()
            yield
        except OSError as error:
            raise SystemError_(f"files cannot be {what} {self.area.root}: {error.strerror or error}.") from error

    def _emit(self, name: str, **data: object) -> None:
        self._context.emit(Event(name, self._context.flow, data))


def limit_batch(items: list[FileItem], max_files: int, max_bytes: int) -> tuple[FileItem, ...]:
    """The first files that fit into one batch, at least one; of several of one name only the first.

    Two files of one name in a batch could not be told apart in `_origin`.
    """
    chosen: dict[str, FileItem] = {}
    size = 0
    for item in items:
        if item.name in chosen:
            continue
        if len(chosen) == max_files or (chosen and size + item.size_bytes > max_bytes):
            break
        chosen[item.name] = item
        size += item.size_bytes
    return tuple(chosen.values())


def _unclaimed(arrival: Arrival) -> FileItem:
    return FileItem(arrival.name, "", "", arrival.size_bytes)


def as_files(position: Position) -> tuple[FileItem, ...]:
    """The files of a position. Raises: RunError when it is of another kind."""
    if not isinstance(position, FileSet):
        raise RunError(f"a source of files was given a position of kind {position.kind}; it reads kind files only.")
    return position.files


def _claims_of(position: Position | None) -> set[str]:
    return {item.claimed for item in position.files} if isinstance(position, FileSet) else set()


def _file_of(place: str, files: tuple[FileItem, ...]) -> str | None:
    """The file a place belongs to: the longest name that begins it, as names may hold a # of their own."""
    names = [item.name for item in files if place == item.name or place.startswith(item.name + "#")]
    return max(names, key=len, default=None)


def _sum_counts(counts: Iterable[Counts]) -> Counts:
    total = Counts(0, 0, 0)
    for one in counts:
        total = Counts(
            total.received + one.received,
            total.accepted + one.accepted,
            total.rejected + one.rejected,
            total.duplicate + one.duplicate,
        )
    return total
