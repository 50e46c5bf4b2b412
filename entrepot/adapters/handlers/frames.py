"""What goes between the platform and a handler's process, as bytes.

To the process: frames of pickled records, which the platform itself has made. Back: frames of JSON and rows, which are read without
trusting them: a handler can write what it likes.
"""

from __future__ import annotations

import json
import pickle
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Given = tuple[str, str, str, int, str, tuple[tuple[str, str], ...], bytes]
"""A record on its way to the handler: id, integration, reference, received_us, content type, headers, body."""

_ASKED = struct.Struct(">I")
_ANSWERED = struct.Struct(">II")
MOST_ANSWERED = 256 << 20
"""Bytes of one answer; more is a broken stream, not an answer."""

RETIRED = 75
"""How a process ends that has run out of memory once: what it left in pieces is nobody's to mend."""


@dataclass(frozen=True, slots=True)
class Code:
    """One Python text to run."""

    module: str
    """Its name in imports; that of the handler's own file is empty."""
    shown: str
    """How people know the file: from the project's folder on."""
    text: str
    is_package: bool
    path: str


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a record gave no rows, as the process tells it."""

    code: str
    message: str
    details: Sequence[dict[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """One record's outcome; `number` is its place in the frame that asked."""

    number: int
    rows: tuple[str, ...] = ()
    fault: Fault | None = None


def pack_asked(records: Sequence[Given]) -> bytes:
    """Records as one frame."""
    body = pickle.dumps(records, protocol=5)
    return _ASKED.pack(len(body)) + body


def read_asked(read: Any) -> Sequence[Given] | None:
    """The next frame, in the process; None when the platform has gone. Args: read: gives exactly so many bytes, fewer at the end."""
    head = read(_ASKED.size)
    if len(head) < _ASKED.size:
        return None
    size = _ASKED.unpack(head)[0]
    body = read(size)
    if len(body) < size:
        return None
    found: Sequence[Given] = pickle.loads(body)
    return found


def pack_answered(number: int, rows: Sequence[bytes], fault: Fault | None = None) -> bytes:
    """One record's outcome as a frame."""
    told: list[Any] = [number, [len(row) for row in rows]]
    if fault is not None:
        told.append([fault.code, fault.message, list(fault.details)])
    head = json.dumps(told).encode()
    return b"".join((_ANSWERED.pack(len(head), sum(map(len, rows))), head, *rows))


class Answers:
    """Puts frames together from what comes in pieces."""

    def __init__(self) -> None:
        self._held = bytearray()

    def take(self, piece: bytes) -> list[Done]:
        """The outcomes that are complete with this piece. Raises: ValueError when it is no frame of ours."""
        self._held += piece
        found: list[Done] = []
        at = 0
        while len(self._held) - at >= _ANSWERED.size:
            head, data = _ANSWERED.unpack_from(self._held, at)
            if head + data > MOST_ANSWERED:
                raise ValueError("too long for an answer")
            end = at + _ANSWERED.size + head + data
            if len(self._held) < end:
                break
            found.append(_read_answered(bytes(self._held[at + _ANSWERED.size : end]), head))
            at = end
        del self._held[:at]
        return found


def _read_answered(frame: bytes, head: int) -> Done:
    try:
        number, lengths, *rest = json.loads(frame[:head])
        if not isinstance(number, int) or sum(lengths) != len(frame) - head:
            raise ValueError("no answer")
        fault = Fault(str(rest[0][0]), str(rest[0][1]), [dict(each) for each in rest[0][2]]) if rest else None
        rows, at = [], head
        for length in lengths:
            rows.append(frame[at : at + length].decode())
            at += length
    except (TypeError, IndexError) as error:
        raise ValueError("no answer") from error
    return Done(number, tuple(rows), fault)
