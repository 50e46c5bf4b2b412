"""The inbox: what came in, kept as received, with what became of it.

A record is `just_in` until a handler has turned it into rows of the agreed format (`processed`) or has failed (`error`). Rows
wait as *outputs*, numbered in the order in which they became durable, until the flow of the integration has taken them to bronze.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class RecordStatus(StrEnum):
    """Where an inbound record stands."""

    JUST_IN = "just_in"
    PROCESSED = "processed"
    ERROR = "error"


class Answer(StrEnum):
    """What the sender of a record is told."""

    ACCEPTED = "accepted"
    REPEATED = "repeated"
    """The same reference with the same body came before: the first record's id is given again."""
    CONFLICT = "conflict"
    """The same reference with another body: kept as a record of its own, with the error code `conflict`."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One record at the door: checked for size and sender, not yet stored."""

    integration: str
    reference: str
    """The sender's own id of it; where it has none, a hash of the body."""
    received_us: int
    """Microseconds since 1970, UTC."""
    body: bytes
    """As received."""
    content_type: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    """As received, without those that carry secrets."""
    key: str | None = None
    """Records of one key are processed in order."""
    window_us: int = 0
    """How far back the same reference counts as the same record; 0: no window, always."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of one arrival: durable when this is given out."""

    id: str
    answer: Answer
    first: str | None = None
    """With a conflict: the record that has the reference already."""


@dataclass(frozen=True, slots=True)
class RecordError:
    """Why a record could not be processed, in words that its sender can use."""

    code: str
    """`conflict`, `parked`, `handler_failed`, `timeout`, `out_of_memory`, `contract`, `unreadable`, …"""
    message: str
    details: Sequence[Mapping[str, str | int | None]] = ()
    """Each fault: `path`, `rule`, `message`."""


@dataclass(frozen=True, slots=True)
class InboxRecord:
    """One record as stored."""

    seq: int
    """Grows with every record that is stored, whatever the integration."""
    id: str
    """UUID version 7: sorts by time of receipt."""
    integration: str
    reference: str
    received_us: int
    status: RecordStatus
    revision: int = 0
    """Grows with each replay; 0 at first."""
    content_type: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    """The body to process: as received, or as last edited."""
    key: str | None = None
    error: RecordError | None = None
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Processed:
    """What processing one record gave: rows of the agreed format, or an error."""

    seq: int
    revision: int
    """That was processed: a result of an older revision is ignored."""
    at: datetime
    rows: tuple[str, ...] = ()
    """JSON objects."""
    error: RecordError | None = None
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Output:
    """One row on its way to bronze, or the removal of all rows that a record gave before."""

    seq: int
    """Grows with every output that becomes durable, whatever the integration."""
    record: str
    reference: str
    received_us: int
    revision: int
    number: int
    """The row's number in its record, from 1; 0: the record now gives no rows at all."""
    row: str
    """A JSON object; empty with number 0."""
    key: str | None = None
    """The record's."""


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of a record's life."""

    at: datetime
    status: RecordStatus
    revision: int
    code: str = ""
    reason: str = ""
    who: str = ""


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """Which records; everything that is stated must hold."""

    integration: str | None = None
    status: RecordStatus | None = None
    code: str | None = None
    reference: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """Half-open: before."""
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Replay:
    """Process records again."""

    ids: tuple[str, ...]
    who: str
    why: str
    body: bytes | None = None
    """For one record: what is processed in place of the body as received, which stays."""


@dataclass(frozen=True, slots=True)
class InboxCounts:
    """How many records of an integration stand where."""

    by_status: Mapping[RecordStatus, int] = field(default_factory=dict)
    by_code: Mapping[str, int] = field(default_factory=dict)
    oldest_waiting_us: int | None = None
    """Time of receipt of the oldest record that is `just_in`."""
    outputs_waiting: int = 0
    """Rows that bronze has not taken yet."""


class Inbox(Protocol):
    """Called from several threads and processes. What is given back or reported as done is durable."""

    def submit(self, arrivals: Sequence[Arrival], done: Callable[[Sequence[Accepted] | Exception], None]) -> None:
        """Store arrivals together with others that wait (group commit); `done` is called from another thread once they are durable.

        Raises: FullError at once when so much waits that it would have to be dropped.
        """
        ...

    # processing
    def waiting(self, integration: str, after: int, limit: int) -> Sequence[InboxRecord]:
        """Records that are `just_in` with seq > after, oldest first, with their bodies."""
        ...

    def finish(self, results: Sequence[Processed]) -> None:
        """`just_in` → `processed` with outputs, or → `error`; one transaction. Results of records that were replayed meanwhile are ignored. Repeatable.

        A record that gave rows before and gives other ones now has new outputs, which stand in place of the old; the same rows give none.
        """
        ...

    # towards bronze
    def last_output(self, integration: str) -> int | None:
        """The greatest seq of an output of the integration; None when there was none yet. It stays known when outputs are pruned."""
        ...

    def outputs(self, integration: str, after: int, upto: int) -> Sequence[Output]:
        """Outputs with after < seq <= upto, in order: the same at every call until `note_taken`."""
        ...

    def bound_output(self, integration: str, after: int, limit: int) -> int | None:
        """The seq of the `limit`-th output after `after`, not between the outputs of one record; None when there is none."""
        ...

    def taken(self, integration: str) -> int:
        """Up to which seq outputs stand in bronze, as it was noted; 0 when none was."""
        ...

    def note_taken(self, integration: str, upto: int) -> None:
        """Outputs up to this seq stand in bronze. Repeatable."""
        ...

    # towards a topic
    def forwarded(self, integration: str) -> int | None:
        """Up to which seq outputs stand on the integration's topic; None when they are not held for one."""
        ...

    def hold_outputs(self, integration: str, *, wanted: bool) -> None:
        """Keep outputs and their records, from those on that bronze has not taken yet, until they stand on a topic too; or no longer. Repeatable."""
        ...

    def note_forwarded(self, integration: str, upto: int) -> None:
        """Outputs up to this seq stand on the topic. Repeatable."""
        ...

    # for people
    def get(self, id: str) -> InboxRecord | None:
        """One record."""
        ...

    def body_as_received(self, id: str) -> bytes | None:
        """The first body, whatever edits followed."""
        ...

    def history(self, id: str) -> Sequence[Change]:
        """Every change of its status, oldest first."""
        ...

    def find(self, wanted: RecordFilter, *, limit: int = 50, before: int | None = None) -> Sequence[InboxRecord]:
        """Records without bodies, newest first; `before` is a seq: the next page."""
        ...

    def count(self, wanted: RecordFilter) -> int:
        """How many records `find` would give in all."""
        ...

    def counts(self, integration: str) -> InboxCounts:
        """Where the records of an integration stand."""
        ...

    def replay(self, asked: Replay) -> int:
        """Back to `just_in` with the next revision; return how many were. A record that is `just_in` already is left alone."""
        ...

    # upkeep
    def archivable(self, before: datetime, limit: int, *, integration: str | None = None) -> Sequence[InboxRecord]:
        """`processed` records received before, whose outputs stand in bronze: with bodies, oldest first; of one integration or of all."""
        ...

    def prune(self, seqs: Sequence[int]) -> int:
        """Forget records that were archived; their references are still known for the window."""
        ...

    def close(self) -> None:
        """Write what waits, then stop."""
        ...
