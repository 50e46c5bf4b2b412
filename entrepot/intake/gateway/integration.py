"""What the door knows of an integration: how its senders prove themselves, how a request is read, and how much is taken.

The settings file is read elsewhere; this is the finished value, and the shapes in which door and settings talk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from entrepot.ports.inbox import RecordError

MEGABYTE = 1_000_000
DAY_US = 86_400 * 1_000_000


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, its body whole; nothing of it is parsed yet."""

    method: str
    path: str
    headers: tuple[tuple[bytes, bytes], ...]
    """In order, with repetitions; names in lower case."""
    query: bytes
    """What stands after the `?`, as sent."""
    client: str
    """The address of the other end of the connection; a proxy's, where there is one."""
    body: bytes
    """For authentication: as received. For reading: with its content encoding (gzip …) undone."""
    received_us: int
    number: int | None = None
    """Which record of a batch this is, from 1; None outside of batches.

    All records of a batch share the headers and the query: a reference or key taken from these needs the number to tell them apart.
    """

    def header(self, name: bytes) -> bytes | None:
        """The first header of that (lower case) name."""
        for key, value in self.headers:
            if key == name:
                return value
        return None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not taken; becomes a problem document."""

    status: int
    code: str
    title: str
    """One short sentence, the same for every occurrence of the code."""
    hint: str | None = None
    detail: str | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()
    """Of the answer, `www-authenticate` for one."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One record as found in a request; most requests hold one, a batch of CloudEvents several."""

    body: bytes
    reference: str
    """Empty with a fault."""
    content_type: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    """Those to keep: as received, without secrets."""
    key: str | None = None
    fault: RecordError | None = None
    """Why this record cannot be taken: it is not stored, its sender is told; the others of the request are stored."""


class Authenticate(Protocol):
    """Called on the event loop before anything is parsed: quick, no I/O, never raises."""

    def __call__(self, request: Request) -> Refusal | None:
        """None: the sender is who it must be."""
        ...


class Read(Protocol):
    """Called on the event loop with a body whose content encoding is undone: quick, no I/O; whatever the bytes are it never raises."""

    def __call__(self, request: Request) -> Sequence[Reading] | Refusal:
        """The records of a request, or why none of it can be taken."""
        ...


class ReadSlice(Protocol):
    """As `Read` for a slice of a batch: one reading for each body, in order. Called in a worker thread."""

    def __call__(self, request: Request, bodies: Sequence[bytes], first: int) -> Sequence[Reading]:
        """`request` is the batch's own with an empty body; `first` is the number of the first of `bodies` in the batch."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is taken."""

    body_bytes: int = 10 * MEGABYTE
    """Of one record, whether alone or in a batch, before and after its content encoding is undone."""
    batch_bytes: int = 256 * MEGABYTE
    batch_records: int = 500_000
    file_bytes: int = 10_000 * MEGABYTE
    per_second: float | None = None
    """Records a second in the long run; None: no limit."""
    burst: int = 0
    """How many may come at once beyond that; 0: those of one second."""
    waiting: int = 1_000_000
    """How many records may wait to be processed before new ones are refused."""


@dataclass(frozen=True, slots=True)
class Integration:
    """One inbound integration, ready to take records."""

    name: str
    authenticate: Authenticate
    read: Read
    read_slice: ReadSlice | None = None
    """A quicker way through batches; None: `read`, one by one."""
    body_signed: bool = False
    """True: authentication needs the body; what is streamed otherwise (batches, files) is then taken whole, up to `limits.body_bytes`."""
    limits: Limits = field(default_factory=Limits)
    window_us: int = 7 * DAY_US
    """How far back the same reference counts as the same record; 0: always."""
    paused: bool = False
    files: Path | None = None
    """The `incoming` folder of the file source that takes uploaded files; None: files are not taken."""


def read_each(read: Read) -> ReadSlice:
    """Make a `ReadSlice` of a `Read`."""

    def read_slice(request: Request, bodies: Sequence[bytes], first: int) -> Sequence[Reading]:
        found: list[Reading] = []
        # Spelled out: `dataclasses.replace` costs more than many a reading.
        shared = (request.method, request.path, request.headers, request.query, request.client)
        for number, body in enumerate(bodies, first):
            readings = read(Request(*shared, body, request.received_us, number))
            found.append(_only(readings))
        return found

    return read_slice


def _only(readings: Sequence[Reading] | Refusal) -> Reading:
    if isinstance(readings, Refusal):
        return Reading(b"", "", fault=RecordError(readings.code, readings.detail or readings.title))
    if len(readings) == 1:
        return readings[0]
    return Reading(b"", "", fault=RecordError("unreadable", f"one record was expected, {len(readings)} came."))
